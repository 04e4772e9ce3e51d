"""What vendors bill, out of their reports: a row a day and model, in US dollars. Each kind of report is one entry."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ...errors import LogFileError
from ...pricing import add_cost

Line = dict[str, Any]  # day, model, and billed (US dollars) or the columns of CALLS for its tokens


@dataclass(frozen=True, slots=True)
class BillKind:
    """A kind of report: how it is recognised, and its lines."""

    name: str
    is_it: Callable[[Any], bool]
    lines: Callable[[Any], Iterator[Line]]


def _buckets(report: Any) -> list[Mapping[str, Any]]:
    """Return the buckets of a report of OpenAI or Anthropic, or of several pages of it."""
    pages = report if isinstance(report, list) else [report]
    return [bucket for page in pages if isinstance(page, dict) for bucket in page.get("data") or ()]


def _results(report: Any) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each result of a report, with the bucket of time that it is in."""
    for bucket in _buckets(report):
        for result in bucket["results"]:
            yield bucket, result


def _has(report: Any, *keys: str) -> bool:
    """Whether the first result of a report has all of the keys."""
    try:
        bucket, result = next(_results(report))
    except (StopIteration, KeyError, TypeError, AttributeError):
        return False
    return all(key in result or key in bucket for key in keys)


def _openai_costs(report: Any) -> Iterator[Line]:
    for bucket, result in _results(report):
        amount, item = result["amount"], result.get("line_item")
        _check_currency(amount.get("currency"))
        # a line item is such as "gpt-4o-2024-08-06, input"
        model = item and item.split(",")[0].strip()
        yield {"day": _from_seconds(bucket["start_time"]), "model": model, "billed": float(amount["value"])}


def _openai_usage(report: Any) -> Iterator[Line]:
    for bucket, result in _results(report):
        yield {
            "day": _from_seconds(bucket["start_time"]),
            "model": result.get("model"),
            "input_tokens": result["input_tokens"],
            "cached_input_tokens": result.get("input_cached_tokens", 0),
            "output_tokens": result["output_tokens"],
            "service_tier": "batch" if result.get("batch") else None,
        }


def _anthropic_costs(report: Any) -> Iterator[Line]:
    for bucket, result in _results(report):
        _check_currency(result.get("currency"))
        # the amount is in cents, as a decimal text
        yield {"day": bucket["starting_at"], "model": result.get("model"), "billed": float(result["amount"]) / 100}


def _anthropic_usage(report: Any) -> Iterator[Line]:
    for bucket, result in _results(report):
        written = result.get("cache_creation") or {}
        short, long = (written.get(f"ephemeral_{ttl}_input_tokens", 0) for ttl in ("5m", "1h"))
        read = result.get("cache_read_input_tokens", 0)
        yield {
            "day": bucket["starting_at"],
            "model": result.get("model"),
            "input_tokens": result["uncached_input_tokens"] + read + short + long,
            "cached_input_tokens": read,
            "cache_write_tokens": short + long,
            "cache_write_1h_tokens": long,
            "output_tokens": result["output_tokens"],
            "web_searches": (result.get("server_tool_use") or {}).get("web_search_requests", 0),
            "service_tier": result.get("service_tier"),
        }


def _litellm(report: Any) -> Iterator[Line]:
    for day in report["results"]:
        models = (day.get("breakdown") or {}).get("models") or {None: day}
        for model, entry in models.items():
            yield {"day": day["date"], "model": model, "billed": float(entry.get("metrics", entry)["spend"])}


JSON_KINDS = (
    BillKind("OpenAI costs", lambda report: _has(report, "amount", "start_time"), _openai_costs),
    BillKind("OpenAI usage", lambda report: _has(report, "input_tokens", "start_time"), _openai_usage),
    BillKind("Anthropic costs", lambda report: _has(report, "amount", "starting_at"), _anthropic_costs),
    BillKind("Anthropic usage", lambda report: _has(report, "uncached_input_tokens", "starting_at"), _anthropic_usage),
    BillKind("LiteLLM daily activity", lambda report: isinstance(report, dict) and "results" in report, _litellm),
)
# of each kind of table the columns of day, model and cost, the first that is there; the rest are those of any table
TABLES = (
    ("AWS cost and usage report", ("line_item_usage_start_date", "lineItem/UsageStartDate"),
     ("line_item_usage_type", "lineItem/UsageType"), ("line_item_unblended_cost", "lineItem/UnblendedCost")),
    ("OpenRouter activity", ("created_at", "date"), ("model_permaslug", "model_slug"), ("cost_total", "usage")),
    ("table", ("day", "date", "timestamp"), ("model", "model_name"), ("cost", "cost_usd", "spend", "amount", "billed")),
)  # fmt: skip
_AROUND_MODEL = r"^[A-Z]{2,4}\d?-|-(?:input|output|cache-read-input|cache-write-input)-token(?:s|-count).*$"
_RESOURCES = ("line_item_resource_id", "lineItem/ResourceId")
_PRODUCTS = ("line_item_product_code", "lineItem/ProductCode", "product_servicecode", "product/servicecode")


def read_bill(source: Any) -> tuple[str, pd.DataFrame]:
    """Return the kind of a report and its lines: ``day`` (UTC), ``model``, ``billed`` (US dollars).

    Raises
    ------
    LogFileError
        The report is of no known kind, holds no costs, or costs in another currency.
    """
    if isinstance(source, pd.DataFrame):
        return _from_table(source, "the frame")
    if isinstance(source, Mapping | list):
        return _from_json(source, "the report")
    if not isinstance(source, str | PathLike):
        raise LogFileError(f"{source!r} is no report, expected a path, a table or rows of it")
    path = Path(source)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # bytes that are no text, or a name that no file can have
        raise LogFileError(f"{path}: cannot be read as text ({error}); check the path") from error
    if text.lstrip()[:1] in ("{", "["):
        try:
            return _from_json(json.loads(text), str(path))
        except (ValueError, RecursionError) as error:
            if isinstance(error, LogFileError):
                raise
            raise LogFileError(f"{path}: is no JSON ({error})") from error
    try:
        table = pd.read_csv(StringIO(text))
    except ValueError as error:  # the errors of the parser are children of it
        raise LogFileError(f"{path}: is no CSV ({error})") from error
    return _from_table(table, str(path))


def _from_json(report: Any, place: str) -> tuple[str, pd.DataFrame]:
    for kind in JSON_KINDS:
        if kind.is_it(report):
            try:
                return kind.name, _billed(list(kind.lines(report)))
            except (KeyError, TypeError, ValueError) as error:
                raise LogFileError(f"{place}: is no report of {kind.name}: {error}") from error
    names = ", ".join(kind.name for kind in JSON_KINDS)
    raise LogFileError(f"{place}: is no report of a known kind, expected {names}, or a table of day, model and cost")


def _from_table(table: pd.DataFrame, place: str) -> tuple[str, pd.DataFrame]:
    for name, *columns in TABLES:
        found = [next((column for column in names if column in table.columns), None) for names in columns]
        if None not in found:
            day, model, cost = found
            if name.startswith("AWS"):
                table, model = _of_bedrock(table, str(model))
            lines = pd.DataFrame({"day": table[day], "model": table[model], "billed": pd.to_numeric(table[cost])})
            return name, _with_days(lines)
    raise LogFileError(f"{place}: has no columns of day, model and cost, found {', '.join(map(str, table.columns))}")


def _of_bedrock(table: pd.DataFrame, usage_type: str) -> tuple[pd.DataFrame, str]:
    """Return the lines of Bedrock, and the column of their models."""
    product = next((column for column in _PRODUCTS if column in table.columns), None)
    if product is not None:
        table = table[table[product].astype("str").str.contains("bedrock", case=False)]
    # such as USE1-Claude4.5Sonnet-input-tokens
    model = table[usage_type].astype("str").str.replace(_AROUND_MODEL, "", regex=True)
    resource = next((column for column in _RESOURCES if column in table.columns), None)
    if resource is not None:
        # such as arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0
        named = table[resource].astype("str").str.extract(r"(?:foundation-model|inference-profile)/(.+)$")[0]
        model = named.where(named.notna(), model)
    return table.assign(model=model), "model"


def _billed(lines: list[Line]) -> pd.DataFrame:
    """Return the lines of a report; those of a report of tokens at the shipped prices of their day."""
    if lines and "billed" not in lines[0]:
        usage = pd.DataFrame(lines)
        usage["timestamp"] = pd.to_datetime(usage["day"], utc=True)
        return _with_days(usage.assign(billed=add_cost(usage)["cost"])[["day", "model", "billed"]])
    return _with_days(pd.DataFrame(lines, columns=["day", "model", "billed"]))


def _with_days(lines: pd.DataFrame) -> pd.DataFrame:
    days = pd.to_datetime(lines["day"], utc=True, format="ISO8601").dt.floor("D").dt.tz_localize(None)
    return lines.assign(
        day=days.astype("datetime64[us]"), model=lines["model"].astype("str"), billed=lines["billed"].astype("float64")
    )


def _from_seconds(seconds: float) -> pd.Timestamp:
    return pd.Timestamp(seconds, unit="s", tz="UTC")


def _check_currency(currency: Any) -> None:
    if currency is not None and str(currency).upper() != "USD":
        raise ValueError(f"a cost is in {currency}, expected USD; convert it first")
