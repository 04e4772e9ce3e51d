"""CALLS -> log lines, built as whole columns of text: each value is escaped once, then the pieces are joined.

``SCHEMAS["crashlens"]`` writes for each value that CrashLens cannot bear null one that it can, and names the columns it
did this for under ``filled``, so that reading gives the nulls back.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InvalidCallError, UnknownFormatError, UnpricedWarning
from .extras import canonical, parse, shown
from .formats import is_unknown
from .schema import CALLS, COUNT, LOG_SCHEMA, NUMBER, TEXT, TIME
from .tables import counted

Json: TypeAlias = Any  # an Arrow array of texts of JSON

BATCH = 16_384
_EPOCH = pd.Timestamp(0, tz="UTC")
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
_COMMON = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}  # the backslash first
# JSON must escape the other control characters; the last three are line ends to some readers of text
_RARE = {chr(code): f"\\u{code:04x}" for code in (*range(0x20), 0x85, 0x2028, 0x2029) if chr(code) not in _COMMON}
_LINE_ENDS = str.maketrans({end: _RARE[end] for end in "\x85\u2028\u2029"})

# what CrashLens is given for a null that it cannot bear
FILLERS = {
    "model": '"unknown"',
    "prompt": '""',
    "input_tokens": "0",
    "output_tokens": "0",
    "cost": "0",
    "retry_count": "0",
}
# where a field of extra stands below one of these, it is written there, beside what the envelope writes
PARENTS = ("input", "usage", "metadata")

# columns that are written only where they are known, and the path they take in the CrashLens envelope
METADATA = ("fallback_attempted", "fallback_reason", "route", "team", "source")
USAGE = ("cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
TOP = ("type", "level", "name", "service_tier", "error", "event_id", "token_source", "cost_source")


def check_schema(schema: str) -> None:
    """Refuse the name of a schema that cannot be written."""
    if schema not in SCHEMAS:
        raise UnknownFormatError(f"schema is {schema!r}, expected one of {', '.join(SCHEMAS)}")


def lines(calls: pa.Table, *, schema: str) -> Iterator[pa.Buffer]:
    """Write a CALLS table as lines, some at a time."""
    table = calls.combine_chunks()
    _check(table)
    starts = _starts(table)
    for offset in range(0, len(table), BATCH):
        batch = table.slice(offset, BATCH)
        columns = {name: _array(batch[name]) for name in batch.column_names}
        columns["start"] = starts.slice(offset, BATCH)
        text = {c.name: _json(columns[c.name]) for c in CALLS if c.name != "extra"}
        yield _buffer(SCHEMAS[schema](columns, text, _placed(columns["extra"])))


# -- the two schemas --------------------------------------------------------------------------------------------------


def _flat(columns: dict[str, pa.Array], text: dict[str, Json], extra: dict[str, Json | None]) -> Json:
    further = [name for name in text if name not in LOG_SCHEMA]
    return _object(
        [
            *(_member(name, pc.fill_null(text[name], "null")) for name in LOG_SCHEMA),
            *(_member(name, text[name]) for name in further),
            *(_member(name, _object([extra[name]])) for name in PARENTS),
            _filled(_unsaid(columns)),
            extra[""],
        ]
    )


def _crashlens(columns: dict[str, pa.Array], text: dict[str, Json], extra: dict[str, Json | None]) -> Json:
    nulls = {name: text[name].is_null() for name in ("timestamp", *FILLERS)} | _unsaid(columns)
    some = {name: pc.fill_null(text[name], filler) for name, filler in FILLERS.items()}
    usage = [pc.fill_null(columns[name], 0).cast(pa.uint64()) for name in ("input_tokens", "output_tokens")]
    total = _json(pc.add(*usage))
    unknown = pc.and_(nulls["cost"], text["cost_source"].is_null())
    # the Log Schema keeps its nulls where CrashLens can bear them
    log_schema = text | {name: some[name] for name in ("model", "cost", "retry_count")}
    further = text | {"cost_source": pc.if_else(unknown, _text('"unknown"'), text["cost_source"])}
    return _object(
        [
            *(_member(name, pc.fill_null(log_schema[name], "null")) for name in LOG_SCHEMA),
            _member("traceId", text["trace_id"]),
            _member("startTime", _json(columns["start"])),
            _member("endTime", _json(_end(columns))),
            _member(
                "input", _object([_member("model", some["model"]), _member("prompt", some["prompt"]), extra["input"]])
            ),
            _member(
                "usage",
                _object(
                    [
                        _member("prompt_tokens", some["input_tokens"]),
                        _member("completion_tokens", some["output_tokens"]),
                        _member("total_tokens", total),
                        *(_member(name, text[name]) for name in USAGE),
                        extra["usage"],
                    ]
                ),
            ),
            _member(
                "metadata",
                _metadata([*(_member(name, text[name]) for name in METADATA), extra["metadata"]], len(total)),
            ),
            _member("output", text["response"]),
            _member("cost_usd", some["cost"]),
            _member("tokens", total),
            _member("endpoint", text["route"]),
            _member("fallback_triggered", text["fallback_attempted"]),
            *(_member(name, further[name]) for name in TOP),
            _filled(nulls),
            extra[""],
        ]
    )


def _metadata(members: list[Json | None], rows: int) -> Json:
    """Write the object even where it has no member."""
    whole = _object(members)
    return pa.array(["{}"] * rows, pa.large_string()) if whole is None else pc.fill_null(whole, "{}")


SCHEMAS = {"crashlens": _crashlens, "flat": _flat}


# -- pieces of text: each member begins with its comma, None is a piece that is empty in every row --------------------


def _member(name: str, values: Json | None) -> Json | None:
    """Write `,"name":value`, and nothing in rows that are null."""
    if values is None or values.null_count == len(values):
        return None
    return pc.fill_null(_joined(f',"{name}":', values), "")


def _object(members: Iterable[Json | None], brackets: str = "{}") -> Json | None:
    """Write members in brackets; null in rows without any."""
    pieces = [piece for piece in members if piece is not None]
    if not pieces:
        return None
    joined = pieces[0] if len(pieces) == 1 else _joined(*pieces)
    inner = pc.if_else(pc.equal(pc.binary_length(joined), 0), None, pc.utf8_ltrim(joined, ","))
    return _joined(brackets[0], inner, brackets[1])


def _filled(nulls: dict[str, pa.BooleanArray]) -> Json | None:
    """Name for each row the columns that are null whatever the rest of the line says."""
    names = [pc.if_else(mask, _text(f',"{name}"'), _text("")) for name, mask in nulls.items() if mask.true_count]
    return _member("filled", _object(names, "[]"))


def _unsaid(columns: dict[str, pa.Array]) -> dict[str, pa.BooleanArray]:
    """Find the sources that are null although reading would assume one."""
    counted = pc.or_(columns["input_tokens"].is_valid(), columns["output_tokens"].is_valid())
    return {
        "token_source": pc.and_(columns["token_source"].is_null(), counted),
        "cost_source": columns["cost_source"].is_null(),
    }


def _end(columns: dict[str, pa.Array]) -> pa.Array:
    start, latency = columns["timestamp"].cast(COUNT), columns["latency_ms"]
    latency = pc.if_else(pc.less(latency, _YEAR_10000 // 1000), latency, None)
    end = pc.add(start, pc.multiply(latency, 1000))
    return pc.if_else(pc.less(end, _YEAR_10000), end, None).cast(TIME)


def _starts(calls: pa.Table) -> pa.Array:
    """Give each call a start: CrashLens drops two detectors for the whole file over a single null.

    The earliest known start of the trace moves no other call and hides none; a far-off one would stretch the trace
    beyond the window of its storm.
    """
    if calls["timestamp"].null_count == 0:
        return _array(calls["timestamp"])
    start = calls["timestamp"].to_pandas()
    earliest = start.groupby(calls["trace_id"].to_pandas(), sort=False).transform("min")
    return pa.array(start.fillna(earliest).fillna(_EPOCH))


def _placed(extra: pa.StringArray) -> dict[str, Json | None]:
    """Split extra into members for the top of the line ("") and for each parent; each distinct text once."""
    encoded = extra.dictionary_encode()
    split = [_split(text) for text in encoded.dictionary.to_pylist()]
    codes = encoded.indices
    return {
        place: pc.fill_null(pc.take(pa.array([one[place] for one in split], pa.large_string()), codes), "")
        if any(one[place] for one in split)
        else None
        for place in ("", *PARENTS)
    }


def _split(text: str) -> dict[str, str]:
    return {place: _bare(fields) for place, fields in placed(text).items()}


def placed(extra: str) -> dict[str, dict[str, Any]]:
    """Tell which fields of extra stand at the top of a line ("") and which below each parent.

    Raises
    ------
    InvalidCallError
        It is no JSON object.
    """
    try:
        fields = parse(extra.encode())
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidCallError(f"extra is {shown(extra)}, expected a JSON object")
    own = {key: value for key, value in fields.items() if is_unknown(key, value)}
    nested = {key: own.pop(key) for key in PARENTS if isinstance(own.get(key), dict)}
    if len(own) + len(nested) < len(fields):
        # the name of a column, so the field cannot stand at its own place
        own["extra"] = {key: value for key, value in fields.items() if key not in own and key not in nested}
    return {place: nested.get(place, {}) if place else own for place in ("", *PARENTS)}


def _bare(fields: Mapping[str, Any]) -> str:
    return f",{canonical(fields)[1:-1].translate(_LINE_ENDS)}" if fields else ""


# -- values as JSON ---------------------------------------------------------------------------------------------------


def _json(values: pa.Array) -> Json:
    """Write values as JSON text; null stays null."""
    if pa.types.is_dictionary(values.type):
        return pc.take(_quoted(values.dictionary), values.indices)
    if values.type == TIME:
        clock = values.cast(pa.timestamp("us")).cast(
            pa.large_string()
        )  # always with six digits: 2024-06-01 10:00:00.000000
        return _joined('"', pc.replace_substring(clock, " ", "T", max_replacements=1), 'Z"')
    return _quoted(values) if values.type == TEXT else values.cast(pa.large_string())


def _quoted(values: pa.Array) -> Json:
    values = values.cast(pa.large_string())
    for special, escapes in ((r'[\\"\n\r\t]', _COMMON), (r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{85}\x{2028}\x{2029}]", _RARE)):
        if pc.any(pc.match_substring_regex(values, special)).as_py():
            for raw, escaped in escapes.items():
                values = pc.replace_substring(values, raw, escaped)
    return _joined('"', values, '"')


def _joined(*pieces: Json | str) -> Json:
    """Join pieces row by row; null where one is."""
    return pc.binary_join_element_wise(*(_text(p) if isinstance(p, str) else p for p in pieces), _text(""))


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, pa.large_string())


def _array(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _buffer(lines: Json) -> pa.Buffer:
    """Give the bytes of the lines: Arrow keeps them end to end."""
    ended = _joined(lines, "\n")
    return ended.buffers()[2]


# -- what cannot be written -------------------------------------------------------------------------------------------


def _check(table: pa.Table) -> None:
    """Refuse values that no reader would take back."""
    _refuse(table, "trace_id", pc.equal(table["trace_id"], ""), "non-empty text")
    for column in CALLS:
        values = table[column.name]
        if column.arrow == COUNT:
            _refuse(table, column.name, pc.less(values, 0), "a whole number from 0 on")
        elif column.arrow == NUMBER:
            fits = pc.and_(pc.greater_equal(values, 0.0), pc.is_finite(values))
            _refuse(table, column.name, pc.invert(fits), "a finite number from 0 on")
        elif column.arrow == TIME:
            micros = values.cast(COUNT)
            beyond = pc.or_(pc.less(micros, _YEAR_1), pc.greater_equal(micros, _YEAR_10000))
            _refuse(table, column.name, beyond, "a time of the years 1 to 9999")


def _refuse(table: pa.Table, name: str, wrong: pa.ChunkedArray, expected: str) -> None:
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise InvalidCallError(f"{name} is {table[name][row].as_py()!r} in row {row}, expected {expected}")


def warn_unpriced(calls: pd.DataFrame) -> None:
    """Say once which models were written at a cost of 0, because theirs is not known."""
    unknown = calls["cost"].isna()
    if unknown.any():
        models = calls.loc[unknown, "model"].astype("str").fillna("no model").value_counts()
        named = ", ".join(f"{model} ({number:,})" for model, number in models.items())
        warnings.warn(
            f"{counted(int(unknown.sum()), 'call')} without a known cost written for CrashLens at 0 with"
            f' cost_source "unknown": {named}; price them with cf.add_cost, or silence this with'
            ' warnings.simplefilter("ignore", cf.UnpricedWarning)',
            UnpricedWarning,
            stacklevel=3,
        )
