"""One record of a log -> the values of a row of CALLS, by the table of its format."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from ..errors import InvalidCallError, UnknownFormatError
from ..jsonvalues import canonical_json, quoted
from ..schema import CALLS
from .anthropic import ANTHROPIC
from .crashlens import CRASHLENS, FLAT
from .langfuse import LANGFUSE
from .litellm import LITELLM
from .openai import OPENAI
from .otel import OTEL
from .table import END, TOTAL, Field, Format, Record, Tree, pruned_tree

# in the order in which a record is asked for the signs of each; one without any is of the first two
FORMATS: dict[str, Format] = {each.name: each for each in (CRASHLENS, FLAT, OPENAI, ANTHROPIC, LITELLM, LANGFUSE, OTEL)}
# the keys without which no record is of another format than the first two
SIGNS = frozenset(sign.key for each in FORMATS.values() for sign in each.signs)
FILLABLE = frozenset(column.name for column in CALLS) - {"trace_id"}
_OBJECTS = tuple(key for key, branch in CRASHLENS.tree.items() if isinstance(branch, dict))
_NESTED_NAMES = CRASHLENS.tree.keys() - FLAT.tree.keys() - set(_OBJECTS)

Row = dict[str, Any]


class Detected(NamedTuple):
    """The format of a record, and what shows it."""

    format: str
    because: str


class Rows(NamedTuple):
    """What one line holds: rows, what is wrong with the records that are none, and how many are calls of no model."""

    rows: list[Row]
    errors: list[str]
    passed: int


def detect_format(record: Record) -> Detected:
    """Tell the format of one record from its keys, and why.

    Parameters
    ----------
    record
        Decoded line of a log.

    Returns
    -------
    Detected
        ``format``, a key of FORMATS, and ``because``, the keys that show it. A record in both vocabularies of the
        package at once is "crashlens", which reads both.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> cf.detect_format({"traceId": "t1", "input": {"model": "gpt-4o"}})
    Detected(format='crashlens', because='it has "traceId"')
    >>> cf.detect_format({"id": "chatcmpl-1", "object": "chat.completion"})
    Detected(format='openai', because='its "object" is "chat.completion"')
    >>> cf.detect_format({"trace_id": "t1"})
    Detected(format='flat', because='it has none of the keys of another format')
    """
    for name, sign in _SIGNED:
        seen = sign.seen(record) if sign.key in record else None
        if seen is not None:
            return Detected(name, seen)
    for key in record:
        if key in _NESTED_NAMES:
            return Detected("crashlens", f'it has "{key}"')
        if key in _OBJECTS and isinstance(record[key], Mapping | None):
            return Detected("crashlens", f'its "{key}" is an object')
    return Detected("flat", "it has none of the keys of another format")


_SIGNED = [(each.name, sign) for each in FORMATS.values() for sign in each.signs]


def check_format(format: str | None) -> None:
    """Refuse the name of a format that no table stands for."""
    if format is not None and format not in FORMATS:
        raise UnknownFormatError(f"format is {format!r}, expected one of {', '.join(FORMATS)}, or None to detect it")


def rows_from_line(value: Any, format: str | None = None, columns: frozenset[str] | None = None) -> Rows:
    """Read what one line of a log holds: a record, a list of records, or what a format packs many into.

    Parameters
    ----------
    value
        Decoded line.
    format
        Key of FORMATS; None detects it, record by record.
    columns
        The columns that are asked for; fields of others are not looked at. None asks for all.
    """
    rows: list[Row] = []
    errors: list[str] = []
    passed = 0
    for packed in _unpacked(value):
        try:
            if not isinstance(packed, Mapping):
                raise InvalidCallError(f"{quoted(packed)}, expected a JSON object")
            known = FORMATS[format or detect_format(packed).format]
            for record in known.records(packed):
                if known.is_call(record):
                    _read_into(rows, errors, record, known, columns)
                else:
                    passed += 1
        except InvalidCallError as error:
            errors.append(str(error))
    return Rows(rows, errors, passed)


def _read_into(
    rows: list[Row], errors: list[str], record: Record, format: Format, columns: frozenset[str] | None
) -> None:
    """Read one of the records of a line, so that a bad one costs only itself."""
    try:
        rows.append(_row(record, format, columns))
    except InvalidCallError as error:
        errors.append(str(error))


def _unpacked(value: Any) -> Iterable[Any]:
    """Give the records of a list, and of a page as the APIs of vendors give it."""
    if isinstance(value, Mapping) and isinstance(value.get("data"), list) and not value.keys() - _PAGE:
        value = value["data"]
    return value if isinstance(value, list) else [value]


_PAGE = {"object", "data", "meta", "has_more", "first_id", "last_id"}


def row_from_record(record: Record, format: str | None = None) -> Row:
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
        There is no trace id, a value does not fit its column, two fields of one column disagree, the end lies before
        the start, or it is no record of one call. The text names the field and what it holds.

    Examples
    --------
    >>> from crashlens_frame.formats import row_from_record
    >>> row_from_record({"traceId": "t1", "input": {"model": "gpt-4o"}, "usage": {"prompt_tokens": 5}, "mood": "good"})
    {'trace_id': 't1', 'model': 'gpt-4o', 'input_tokens': 5, 'token_source': 'reported', 'cost_source': 'unknown',
     'extra': '{"mood":"good"}'}
    """
    check_format(format)
    rows, errors, _ = rows_from_line(record, format)
    if errors:
        raise InvalidCallError(errors[0])
    if len(rows) != 1:
        raise InvalidCallError(f"the record tells of {len(rows)} calls, expected one")
    return rows[0]


def has_no_column(key: str, value: Any) -> bool:
    """Tell whether a field, standing at the top of a line in any format, is read as itself and as nothing else."""
    reading = _Reading()
    try:
        reading.walk({key: value}, _tree("crashlens", None), ())
    except InvalidCallError:
        return False
    consumed = reading.row or reading.loose or reading.derived or reading.filled
    return key not in ("extra", "filled", *SIGNS) and not consumed and reading.rest == {key: value}


def unfold_extra(rest: dict[str, Any]) -> dict[str, Any]:
    """Lift what stands under ``extra``: there the writer puts fields that have the names of columns."""
    inner = rest.get("extra")
    if not isinstance(inner, Mapping) or not inner.keys().isdisjoint(rest.keys() - {"extra"}):
        return rest
    return {**{key: value for key, value in rest.items() if key != "extra"}, **inner}


@cache
def _tree(format: str, columns: frozenset[str] | None) -> Tree:
    return pruned_tree(FORMATS[format].tree, columns)


def _row(record: Record, format: Format, columns: frozenset[str] | None) -> Row:
    reading = _Reading()
    reading.walk(record, _tree(format.name, columns), ())
    row = reading.row
    reading.settle_loose(format.fields)
    if not row.get("trace_id") and format.traces_itself and "event_id" in row:
        row["trace_id"] = row["event_id"]
    if not row.get("trace_id"):
        found = quoted(row["trace_id"]) if "trace_id" in row else "missing"
        # a record without any of the names of a trace is of the flat vocabulary by its looks alone
        told = CRASHLENS if format is FLAT else format
        expected = " or ".join(field.path for field in told.fields if field.column == "trace_id")
        raise InvalidCallError(f"the trace id is {found}, expected {expected} as non-empty text")
    reading.drop_filled()
    reading.settle_added()
    reading.settle_derived()
    for column, value in format.constants.items():
        row.setdefault(column, value)
    if format.constants:
        row.setdefault("level", "error" if "error" in row else "info")
    _set_sources(row)
    reading.drop_filled()
    rest = unfold_extra(reading.rest)
    if rest and columns is None:
        row["extra"] = canonical_json(rest)
    return row


class _Reading:
    """One pass over one record: the columns found so far, where each was found, and what no column stands for."""

    __slots__ = ("added", "derived", "filled", "loose", "nulls", "origin", "rest", "row")

    def __init__(self) -> None:
        self.row: Row = {}
        self.origin: dict[str, tuple[str, Any]] = {}
        self.rest: dict[str, Any] = {}
        self.loose: list[tuple[Field, Any]] = []
        self.derived: list[tuple[Field, Any]] = []
        self.added: list[tuple[str, int]] = []
        self.filled: list[str] = []
        self.nulls: set[str] = set()

    def walk(self, record: Record, tree: Tree, path: tuple[str, ...]) -> None:
        """Follow the keys of the record down the tree of the format."""
        for key, value in record.items():
            leaf = tree.get(key)
            if leaf is None:
                self._unknown(path, key, value)
            elif value is None:
                if not isinstance(leaf, dict):
                    self.nulls.add(leaf.column)
            elif isinstance(leaf, dict):
                if not isinstance(value, Mapping):
                    raise InvalidCallError(f"{'.'.join((*path, key))} is {quoted(value)}, expected an object")
                self.walk(value, leaf, (*path, key))
            elif leaf.column in (END, TOTAL):
                self.derived.append((leaf, value))
            elif leaf.loose:
                self.loose.append((leaf, value))
            else:
                self._take(leaf, value)

    def _unknown(self, path: tuple[str, ...], key: str, value: Any) -> None:
        if path == () and key == "filled" and value is None:
            return
        if path == () and key == "filled" and isinstance(value, list) and FILLABLE.issuperset(map(str, value)):
            self.filled = value
        else:
            self.keep((*path, key), value)

    def keep(self, keys: tuple[str, ...], value: Any) -> None:
        """Put a value where it stood."""
        branch = self.rest
        for parent in keys[:-1]:
            branch = branch.setdefault(parent, {})
        branch[keys[-1]] = value

    def _take(self, field: Field, value: Any) -> None:
        new = _converted(field, value)
        if new is None:
            if field.kept:
                self.keep(field.keys, value)
            return
        if field.adds:
            self.added.append((field.adds, new))
        if not field.column or (field.kept and not isinstance(value, str)):
            self.keep(field.keys, value)
        column = field.column
        if not column:
            return
        if column in self.row and self.row[column] != new:
            path, old = self.origin[column]
            raise InvalidCallError(
                f"{path} is {quoted(old)} but {field.path} is {quoted(value)}, expected both to be the same"
            )
        self.row[column] = new
        self.origin[column] = field.path, value

    def settle_loose(self, order: tuple[Field, ...]) -> None:
        """Take a loose field where it fits its column and says nothing else than a strict one."""
        if len(self.loose) > 1:
            self.loose.sort(key=lambda found: order.index(found[0]))
        for field, value in self.loose:
            try:
                new = field.convert(value)
            except ValueError:
                new = None
            if field.kept and new != value:
                self.keep(field.keys, value)
                if new is not None and field.column not in self.nulls:
                    self.row.setdefault(field.column, new)
            elif new is None or self.row.setdefault(field.column, new) != new:
                self.keep(field.keys, value)

    def drop_filled(self) -> None:
        """Give back the nulls that the writer filled because CrashLens cannot bear them."""
        for column in self.filled:
            self.row.pop(column, None)

    def settle_added(self) -> None:
        """Count in those parts of a total that the format counts for themselves."""
        for column, part in self.added:
            self.row[column] = self.row.get(column, 0) + part

    def settle_derived(self) -> None:
        """Drop what follows from the columns; the end gives the latency where the record does not."""
        total = self.row.get("input_tokens", 0) + self.row.get("output_tokens", 0)
        for field, value in self.derived:
            end = field.column == END
            follows = self._end(field, value) if end else value == total and not isinstance(value, bool)
            if not follows:
                self.keep(field.keys, value)

    def _end(self, field: Field, value: Any) -> bool:
        start = self.row.get("timestamp")
        end = _converted(field, value)
        if start is None or end is None:
            return False
        if "latency_ms" in self.row:
            return abs(end - start - 1000 * self.row["latency_ms"]) < 1000
        if end < start:
            path, begun = self.origin["timestamp"]
            raise InvalidCallError(
                f"{field.path} is {quoted(value)}, expected a time not before {path}, {quoted(begun)}"
            )
        self.row["latency_ms"] = (end - start) // 1000
        return True


def _converted(field: Field, value: Any) -> Any:
    try:
        return field.convert(value)
    except ValueError as error:
        raise InvalidCallError(f"{field.path} is {quoted(value)}, expected {error}") from None


def _set_sources(row: Row) -> None:
    """Say where counts and cost came from, where the record does not."""
    if "input_tokens" in row or "output_tokens" in row:
        row.setdefault("token_source", "reported")
    if row.get("cost_source") == "unknown" and row.get("cost") == 0:
        del row["cost"]  # CrashLens cannot bear a null
    row.setdefault("cost_source", "reported" if "cost" in row else "unknown")
