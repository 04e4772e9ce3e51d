"""How each log format names the columns of CALLS: tables of source path -> column, and what reads one record by them.

A path leads from the record inwards, its keys joined by dots. A field that no table names is kept in ``extra``, under
the keys that led to it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import InvalidCallError, UnknownFormatError
from .extras import canonical, shown
from .schema import CALLS, COUNT, FLAG, NUMBER, TIME
from .values import amount, cost_source, count, flag, milliseconds, moment, text, token_source


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a format table.

    A loose field is one that other programs use in other ways too: what it holds stays in ``extra`` where it does not
    fit its column, or differs from what a strict field says.
    """

    path: str
    column: str
    convert: Callable[[Any], Any]
    loose: bool = False


# the Log Schema and the further columns, each under its own name
_BY_TYPE: dict[Any, Callable[[Any], Any]] = {COUNT: count, NUMBER: amount, FLAG: flag, TIME: moment}
_OF_COLUMN = {"latency_ms": milliseconds, "token_source": token_source, "cost_source": cost_source}
FLAT = tuple(
    Field(c.name, c.name, _OF_COLUMN.get(c.name) or _BY_TYPE.get(c.arrow, text), loose=c.name == "error")
    for c in CALLS
    if c.name != "extra"
)

# what ``crashlens scan`` reads, and on the same line what ``crashlens report`` and ``guard`` read (CrashLens 2.20.0)
CRASHLENS = (
    Field("traceId", "trace_id", text),
    Field("startTime", "timestamp", moment),
    Field("input.model", "model", text),
    Field("input.prompt", "prompt", text),
    Field("output", "response", text, loose=True),
    Field("usage.prompt_tokens", "input_tokens", count),
    Field("usage.completion_tokens", "output_tokens", count),
    Field("usage.cached_input_tokens", "cached_input_tokens", count),
    Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count),
    Field("usage.cache_write_tokens", "cache_write_tokens", count),
    Field("usage.reasoning_tokens", "reasoning_tokens", count),
    Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count),
    Field("metadata.fallback_attempted", "fallback_attempted", flag),
    Field("metadata.fallback_reason", "fallback_reason", text),
    Field("metadata.fallback_model", "fallback_model", text),
    Field("metadata.route", "route", text),
    Field("metadata.team", "team", text),
    Field("metadata.source", "source", text),
    Field("cost_usd", "cost", amount, loose=True),
    Field("endpoint", "route", text, loose=True),
    Field("fallback_triggered", "fallback_attempted", flag, loose=True),
    *FLAT,
)

FORMATS: dict[str, tuple[Field, ...]] = {"crashlens": CRASHLENS, "flat": FLAT}

# paths that say again what the columns say; what they say otherwise stays in extra
DERIVED = ("endTime", "tokens", "usage.total_tokens")


def _tree(fields: tuple[Field, ...], derived: tuple[str, ...]) -> dict[str, Any]:
    """Turn paths into nested dicts, so that a record is read along its own keys."""
    tree: dict[str, Any] = {}
    leaves: list[tuple[str, Field | str]] = [(field.path, field) for field in fields]
    leaves += [(path, path) for path in derived]
    for path, leaf in leaves:
        *parents, name = path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = leaf
    return tree


TREES = {"crashlens": _tree(CRASHLENS, DERIVED), "flat": _tree(FLAT, ())}
_OBJECTS = tuple(key for key, branch in TREES["crashlens"].items() if isinstance(branch, dict))
_NESTED_NAMES = TREES["crashlens"].keys() - TREES["flat"].keys() - set(_OBJECTS)
FILLABLE = frozenset(column.name for column in CALLS) - {"trace_id"}


def detect_format(record: Mapping[str, Any]) -> str:
    """Tell the format of one record from its keys.

    Parameters
    ----------
    record
        Decoded line of a log.

    Returns
    -------
    str
        A key of FORMATS. A record in both vocabularies at once is "crashlens", which reads both.

    Examples
    --------
    >>> from crashlens_frame.formats import detect_format
    >>> detect_format({"traceId": "t1", "input": {"model": "gpt-4o"}}), detect_format({"trace_id": "t1"})
    ('crashlens', 'flat')
    """
    nested = not _NESTED_NAMES.isdisjoint(record) or any(
        key in record and isinstance(record[key], Mapping | None) for key in _OBJECTS
    )
    return "crashlens" if nested else "flat"


def check_format(format: str | None) -> None:
    """Refuse the name of a format that no table stands for."""
    if format is not None and format not in FORMATS:
        raise UnknownFormatError(f"format is {format!r}, expected one of {', '.join(FORMATS)}, or None to detect it")


def row_from_record(record: Mapping[str, Any], format: str | None = None) -> dict[str, Any]:
    """Read one record of a log as the values of a row of CALLS.

    Parameters
    ----------
    record
        Decoded line of a log, or the like.
    format
        Key of FORMATS; None detects it.

    Returns
    -------
    dict
        Values by column: plain Python, the timestamp in microseconds since 1970. Null columns are left out.

    Raises
    ------
    InvalidCallError
        There is no trace id, a value does not fit its column, two fields of one column disagree, or the end lies
        before the start. The text names the field and what it holds.

    Examples
    --------
    >>> from crashlens_frame.formats import row_from_record
    >>> row_from_record({"traceId": "t1", "input": {"model": "gpt-4o"}, "usage": {"prompt_tokens": 5}, "mood": "good"})
    {'trace_id': 't1', 'model': 'gpt-4o', 'input_tokens': 5, 'token_source': 'reported', 'cost_source': 'unknown',
     'extra': '{"mood":"good"}'}
    """
    check_format(format)
    reading = _Reading()
    reading.walk(record, TREES[format or detect_format(record)], "")
    row = reading.row
    if not row.get("trace_id"):
        found = shown(row["trace_id"]) if "trace_id" in row else "missing"
        raise InvalidCallError(f"the trace id is {found}, expected traceId or trace_id as non-empty text")
    reading.settle_loose()
    reading.drop_filled()
    reading.settle_derived()
    _set_sources(row)
    if "prompt" not in row and "prompt" not in record:
        prompt = _chat_text(record.get("input"))
        if prompt is not None:
            row["prompt"] = prompt
    reading.drop_filled()
    rest = _unfolded(reading.rest)
    if rest:
        row["extra"] = canonical(rest)
    return row


def is_unknown(key: str, value: Any) -> bool:
    """Tell whether a field, standing at the top of a line in any format, is read as itself and as nothing else."""
    reading = _Reading()
    try:
        reading.walk({key: value}, TREES["crashlens"], "")
    except InvalidCallError:
        return False
    consumed = reading.row or reading.loose or reading.derived or reading.filled
    return key not in ("extra", "filled") and not consumed and reading.rest == {key: value}


class _Reading:
    """One pass over one record: the columns found so far, where each was found, and what no column stands for."""

    __slots__ = ("derived", "filled", "loose", "origin", "rest", "row")

    def __init__(self) -> None:
        self.row: dict[str, Any] = {}
        self.origin: dict[str, tuple[str, Any]] = {}
        self.rest: dict[str, Any] = {}
        self.loose: list[tuple[Field, Any]] = []
        self.derived: dict[str, Any] = {}
        self.filled: list[str] = []

    def walk(self, record: Mapping[str, Any], tree: dict[str, Any], path: str) -> None:
        """Follow the keys of the record down the tree of the format."""
        for key, value in record.items():
            leaf = tree.get(key)
            if leaf is None:
                self._unknown(path, key, value)
            elif value is None:
                continue
            elif isinstance(leaf, dict):
                if not isinstance(value, Mapping):
                    raise InvalidCallError(f"{path}{key} is {shown(value)}, expected an object")
                self.walk(value, leaf, f"{path}{key}.")
            elif isinstance(leaf, str):
                self.derived[leaf] = value
            elif leaf.loose:
                self.loose.append((leaf, value))
            else:
                self._take(leaf, value)

    def _unknown(self, path: str, key: str, value: Any) -> None:
        if path == "" and key == "filled" and value is None:
            return
        if path == "" and key == "filled" and isinstance(value, list) and FILLABLE.issuperset(map(str, value)):
            self.filled = value
        else:
            self.keep(path + key if path else key, value, depth=path.count("."))

    def keep(self, path: str, value: Any, *, depth: int) -> None:
        """Put a value where it stood, below the first ``depth`` keys of its path."""
        *parents, name = path.split(".", depth)
        branch = self.rest
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = value

    def _take(self, field: Field, value: Any) -> None:
        new = _converted(field, value)
        column = field.column
        if new is None:
            return
        if column in self.row and self.row[column] != new:
            path, old = self.origin[column]
            raise InvalidCallError(
                f"{path} is {shown(old)} but {field.path} is {shown(value)}, expected both to be the same"
            )
        self.row[column] = new
        self.origin[column] = field.path, value

    def settle_loose(self) -> None:
        """Take a loose field where it fits its column and says nothing else than a strict one."""
        for field, value in self.loose:
            try:
                new = field.convert(value)
            except ValueError:
                new = None
            if new is not None and self.row.setdefault(field.column, new) == new:
                continue
            self.keep(field.path, value, depth=field.path.count("."))

    def drop_filled(self) -> None:
        """Give back the nulls that the writer filled because CrashLens cannot bear them."""
        for column in self.filled:
            self.row.pop(column, None)

    def settle_derived(self) -> None:
        """Drop what follows from the columns; the end gives the latency where the record does not."""
        row = self.row
        total = row.get("input_tokens", 0) + row.get("output_tokens", 0)
        for path, value in self.derived.items():
            follows = self._end(value) if path == "endTime" else value == total and not isinstance(value, bool)
            if not follows:
                self.keep(path, value, depth=path.count("."))

    def _end(self, value: Any) -> bool:
        start = self.row.get("timestamp")
        end = _converted(_END, value)
        if start is None or end is None:
            return False
        if "latency_ms" in self.row:
            return abs(end - start - 1000 * self.row["latency_ms"]) < 1000
        if end < start:
            path, begun = self.origin["timestamp"]
            raise InvalidCallError(f"endTime is {shown(value)}, expected a time not before {path}, {shown(begun)}")
        self.row["latency_ms"] = (end - start) // 1000
        return True


_END = Field("endTime", "timestamp", moment)


def _converted(field: Field, value: Any) -> Any:
    try:
        return field.convert(value)
    except ValueError as error:
        raise InvalidCallError(f"{field.path} is {shown(value)}, expected {error}") from None


def _set_sources(row: dict[str, Any]) -> None:
    """Say where counts and cost came from, where the record does not."""
    if "input_tokens" in row or "output_tokens" in row:
        row.setdefault("token_source", "reported")
    if row.get("cost_source") == "unknown" and row.get("cost") == 0:
        del row["cost"]  # CrashLens cannot bear a null
    row.setdefault("cost_source", "reported" if "cost" in row else "unknown")


def _unfolded(rest: dict[str, Any]) -> dict[str, Any]:
    """Lift what stands under ``extra``: there the writer puts fields that have the names of columns."""
    inner = rest.get("extra")
    if not isinstance(inner, Mapping) or not inner.keys().isdisjoint(rest.keys() - {"extra"}):
        return rest
    return {**{key: value for key, value in rest.items() if key != "extra"}, **inner}


def _chat_text(source: Any) -> str | None:
    """Join the texts of chat messages."""
    messages = source.get("messages") if isinstance(source, Mapping) else None
    if not isinstance(messages, list):
        return None
    contents = [message.get("content") for message in messages if isinstance(message, Mapping)]
    parts = [part for content in contents for part in (content if isinstance(content, list) else [content])]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    found = [part for part in texts if isinstance(part, str)]
    return "\n".join(found) if found else None
