"""Usage of Cursor, as its dashboard exports it: a row of CSV for each request."""

from collections.abc import Iterator

from .answers import DERIVED, count_or_none, made_id, number_or_none, text_or_none, with_derived
from .table import Field, Format, Record, Sign
from .usage import TOTAL
from .values import count_value, text_value, time_value

_WRITTEN, _FRESH, _READ = "Input (w/ Cache Write)", "Input (w/o Cache Write)", "Cache Read"
_TOTAL, _OUTPUT = "Total Tokens", "Output Tokens"


def _records(record: Record) -> Iterator[Record]:
    kind = text_or_none(record.get("Kind")) or ""
    paid = str(record.get("Cost") or "").removeprefix("$").strip()
    try:
        cost = number_or_none(float(paid)) if paid else None
    except ValueError:
        cost = None  # "Included"
    is_free = "no charge" in kind.lower() or "not charged" in kind.lower()
    yield with_derived(
        {**record, "counts": _counts(record)},
        trace_id=made_id(record),
        cost=cost,
        billed="no" if is_free else None,
        level="error" if kind.lower().startswith("errored") else None,
        finish_reason="aborted" if kind.lower().startswith("aborted") else None,
    )


def _counts(record: Record) -> Record:
    """Return the counts; the total shows whether what was written to the cache has the fresh input within it."""
    written, fresh, read, output, total = (
        count_or_none(record.get(name)) for name in (_WRITTEN, _FRESH, _READ, _OUTPUT, _TOTAL)
    )
    if written is None or fresh is None or read is None:
        return {}
    rest = read + (output or 0)
    is_within = total == written + rest != written + fresh + rest
    return {"input": fresh, "cached": read, "written": written - fresh if is_within else written}


CURSOR = Format(
    "cursor",
    "usage-events of https://cursor.com/dashboard (Export CSV), as https://github.com/junhoyeo/tokscale reads it",
    (
        *DERIVED,
        Field("Date", "timestamp", time_value),
        Field("Model", "model", text_value),
        Field("User", "user_id", text_value, loose=True),
        Field("counts.input", "input_tokens", count_value),
        Field("counts.cached", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("counts.written", "cache_write_tokens", count_value, adds="input_tokens"),
        Field(_OUTPUT, "output_tokens", count_value),
        Field(_TOTAL, TOTAL, count_value),
    ),
    signs=(Sign(_FRESH, beside=(_READ, "Model")),),
    constants={"type": "generation", "source": "cursor", "log_format": "cursor"},
    records=_records,
)
