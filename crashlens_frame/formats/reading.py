"""One record of a log -> the values of one row of CALLS, read by the table of its format."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ..errors import InvalidCallError
from ..jsonvalues import canonical_json, quoted
from ..schema import CALLS
from .crashlens import CRASHLENS, FLAT
from .roster import FORMATS, check_format, sign_keys, signs
from .table import END, TOTAL, Field, Format, Record, Tree, pruned_tree
from .values import Row, is_null

FILLABLE = frozenset(column.name for column in CALLS) - {"trace_id"}
_OBJECTS = tuple(key for key, branch in CRASHLENS.tree.items() if isinstance(branch, dict))
_NESTED_NAMES = CRASHLENS.tree.keys() - FLAT.tree.keys() - set(_OBJECTS)


class Detected(NamedTuple):
    """The format of a record, and which keys show it."""

    format: str
    because: str


class Rows(NamedTuple):
    """What one line holds: rows, errors of records that cannot be read, number of records that are no calls."""

    rows: list[Row]
    errors: list[str]
    passed: int


def detect_format(record: Record) -> Detected:
    """Return the format of one record, found by its keys.

    Parameters
    ----------
    record
        Decoded line of a log.

    Returns
    -------
    Detected
        ``format``, the name of a format, and ``because``, the keys that show it. A record that uses both the nested and
        the flat names of the package is "crashlens", which reads both.

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
    for name, sign in signs():
        seen = sign.seen(record) if sign.key in record else None
        if seen is not None:
            return Detected(name, seen)
    for key in record:
        if key in _NESTED_NAMES:
            return Detected("crashlens", f'it has "{key}"')
        if key in _OBJECTS and isinstance(record[key], Mapping | None):
            return Detected("crashlens", f'its "{key}" is an object')
    return Detected("flat", "it has none of the keys of another format")


def rows_from_line(value: Any, format: str | None = None, columns: frozenset[str] | None = None) -> Rows:
    """Read all calls of one line of a log: of a record, a list of records, or a record that a format packs many into.

    Parameters
    ----------
    value
        Decoded line.
    format
        Name of a format; None detects it for each record.
    columns
        Columns to read; fields of other columns are ignored. None: all.
    """
    rows: list[Row] = []
    errors: list[str] = []
    passed = 0
    for packed in _unpacked(value):
        try:
            if not isinstance(packed, Mapping):
                raise InvalidCallError(f"{quoted(packed)}, expected a JSON object")
            table = FORMATS[format or detect_format(packed).format]
            for record in table.records(packed):
                if table.is_call(record):
                    _read_into(rows, errors, record, table, columns)
                else:
                    passed += 1
        except InvalidCallError as error:
            errors.append(str(error))
    return Rows(rows, errors, passed)


def _read_into(
    rows: list[Row], errors: list[str], record: Record, format: Format, columns: frozenset[str] | None
) -> None:
    """Read one record of a line, so that a bad record does not affect the others."""
    try:
        rows.append(_row(record, format, columns))
    except InvalidCallError as error:
        errors.append(str(error))


def _unpacked(value: Any) -> Iterable[Any]:
    """Return the records of a list, or of a page as the APIs of vendors return it."""
    if isinstance(value, Mapping) and isinstance(value.get("data"), list) and not value.keys() - _PAGE:
        value = value["data"]
    return value if isinstance(value, list) else [value]


_PAGE = {"object", "data", "meta", "has_more", "first_id", "last_id"}


def row_from_record(record: Record, format: str | None = None) -> Row:
    """Read one record of a log as the values of one row of CALLS.

    Parameters
    ----------
    record
        Decoded line of a log, or any dict of that form.
    format
        Name of a format; None detects it.

    Returns
    -------
    dict
        Values by column: plain Python, the timestamp in microseconds since 1970. Null columns are left out.

    Raises
    ------
    InvalidCallError
        There is no trace id, a value does not fit its column, two fields of one column disagree, the end is before the
        start, or the record does not hold exactly one call. The text names the field and its value.

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
        raise InvalidCallError(f"the record holds {len(rows)} calls, expected one")
    return rows[0]


def has_no_column(key: str, value: Any) -> bool:
    """Whether a field at the top of a line has no meaning to any format, so that it is kept as it is."""
    reading = _Reading()
    try:
        reading.walk({key: value}, _tree(CRASHLENS, None), ())
    except InvalidCallError:
        return False
    consumed = reading.row or reading.loose or reading.derived or reading.filled
    return key not in ("extra", "filled", *sign_keys()) and not consumed and reading.rest == {key: value}


def unfold_extra(rest: dict[str, Any]) -> dict[str, Any]:
    """Lift the fields under ``extra`` one level: there the writer puts fields that have the names of columns."""
    inner = rest.get("extra")
    if not isinstance(inner, Mapping) or not inner.keys().isdisjoint(rest.keys() - {"extra"}):
        return rest
    return {**{key: value for key, value in rest.items() if key != "extra"}, **inner}


@lru_cache
def _tree(format: Format, columns: frozenset[str] | None) -> Tree:
    return pruned_tree(format.tree, columns)


def _row(record: Record, format: Format, columns: frozenset[str] | None) -> Row:
    reading = _Reading()
    reading.walk(record, _tree(format, columns), ())
    row = reading.row
    reading.settle_loose(format.fields)
    if not row.get("trace_id") and format.traces_itself and "event_id" in row:
        row["trace_id"] = row["event_id"]
    if not row.get("trace_id"):
        found = quoted(row["trace_id"]) if "trace_id" in row else "missing"
        # a record without any trace id was detected as flat only because it has no keys of another format
        accepted = CRASHLENS if format is FLAT else format
        expected = " or ".join(field.path for field in accepted.fields if field.column == "trace_id")
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
    """One pass over one record: the columns found so far, where each was found, and the fields without a column."""

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
        """Keep a value under the keys that led to it."""
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
        """Use a loose field where it fits its column and no strict field holds another value."""
        if len(self.loose) > 1:
            self.loose.sort(key=lambda found: order.index(found[0]))
        for field, value in self.loose:
            if is_null(value):  # a NaN, NaT or NA of a program; walk has left out None
                continue
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
        """Restore the nulls that the writer filled because CrashLens cannot read them."""
        for column in self.filled:
            self.row.pop(column, None)

    def settle_added(self) -> None:
        """Add the parts that the format does not include in its total."""
        for column, part in self.added:
            self.row[column] = self.row.get(column, 0) + part

    def settle_derived(self) -> None:
        """Drop what follows from the columns; the end yields the latency where the record has none."""
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
            path, begin = self.origin["timestamp"]
            raise InvalidCallError(
                f"{field.path} is {quoted(value)}, expected a time not before {path}, {quoted(begin)}"
            )
        self.row["latency_ms"] = (end - start) // 1000
        return True


def _converted(field: Field, value: Any) -> Any:
    try:
        return field.convert(value)
    except ValueError as error:
        raise InvalidCallError(f"{field.path} is {quoted(value)}, expected {error}") from None


def _set_sources(row: Row) -> None:
    """Set where counts and cost come from, where the record does not say."""
    if "input_tokens" in row or "output_tokens" in row:
        row.setdefault("token_source", "reported")
    if row.get("cost_source") == "unknown" and row.get("cost") == 0:
        del row["cost"]  # written for a null, which CrashLens cannot read
    row.setdefault("cost_source", "reported" if "cost" in row else "unknown")
