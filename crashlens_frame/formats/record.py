"""One pass over one record: its fields, put into columns by the table of its format, and what has no column."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import InvalidCallError
from ..jsonvalues import is_object, quoted
from ..schema import CALLS
from .table import END, Counts, Field, Record, Tree, is_count
from .usage import (
    OTHER_INPUT,
    OTHER_OUTPUT,
    READING,
    TOTAL,
    UNCLEAR,
    USAGE_COLUMNS,
    WRITTEN,
    WRITTEN_1H,
    WRITTEN_5M,
    Count,
    settle_usage,
)
from .values import MAX_COUNT, Row, is_null, number_of_text

# columns that the writer fills where they are null, as CrashLens cannot read nulls there
FILLABLE = frozenset(column.name for column in CALLS) - {"trace_id"}


class _FoundCount(NamedTuple):
    """A count of a record, and what is needed to keep it in ``extra``."""

    counted: Count
    keys: tuple[str, ...]
    value: Any
    loose: bool


# what identifies a call and what it is billed by: a wrong value there rejects the record, elsewhere only itself
STRICT = USAGE_COLUMNS | {"trace_id", "event_id", "model", "cost"}


class RecordReading:
    """One pass over one record: the columns found so far, where each was found, and the fields without a column."""

    __slots__ = ("counts", "ends", "filled", "groups", "loose", "nulls", "origin", "repairs", "rest", "row")

    def __init__(self, groups: Mapping[tuple[str, ...], Counts] | None = None) -> None:
        self.row: Row = {}
        self.origin: dict[str, tuple[Field, Any]] = {}
        self.rest: dict[str, Any] = {}
        self.loose: list[tuple[Field, Any]] = []
        self.ends: list[tuple[Field, Any]] = []
        self.counts: list[_FoundCount] = []
        self.groups = groups or {}
        self.filled: list[str] = []
        self.nulls: set[str] = set()
        self.repairs: list[tuple[str, str]] = []  # fields that are null because of their values, and why

    def walk(self, record: Record, tree: Tree, path: tuple[str, ...]) -> None:
        """Follow the keys of the record down the tree of the format."""
        group = self.groups.get(path)
        for key, value in record.items():
            leaf = tree.get(key)
            if leaf is None:
                self._unknown(path, key, value, group)
            elif value is None:
                if not isinstance(leaf, dict):
                    self.nulls.add(leaf.column)
            elif isinstance(leaf, dict):
                if not is_object(value):
                    self._repair(
                        (*path, key), value, f"{'.'.join((*path, key))} is {quoted(value)}, expected an object"
                    )
                    continue
                self.walk(value, leaf, (*path, key))
            elif leaf.column == END:
                self.ends.append((leaf, value))
            elif leaf.column == TOTAL:
                self._total(leaf, value)
            elif leaf.loose:
                self.loose.append((leaf, value))
            elif is_count(leaf):
                self._count(leaf, value)
            else:
                self._take(leaf, value)

    def _unknown(self, path: tuple[str, ...], key: str, value: Any, group: Counts | None) -> None:
        if key == "filled" and path == ():
            if value is None:
                return
            if isinstance(value, list) and FILLABLE.issuperset(map(str, value)):
                self.filled = value
                return
        number = None if group is None else number_of_text(value)
        if group is not None and type(number) is int and 0 <= number <= MAX_COUNT:
            role = group.role_of(key)
            if role is not None:
                count = Count(".".join((*path, key)), role, number, group.beside)
                self.counts.append(_FoundCount(count, (*path, key), value, False))
                return
        self.keep((*path, key), value)

    def keep(self, keys: tuple[str, ...], value: Any) -> None:
        """Keep a value under the keys that led to it."""
        branch = self.rest
        for parent in keys[:-1]:
            branch = branch.setdefault(parent, {})
        branch[keys[-1]] = value

    def _count(self, field: Field, value: Any) -> None:
        new = _converted(field, value)
        if new is not None:
            count = Count(field.path, role_of_field(field), new, bool(field.adds))
            self.counts.append(_FoundCount(count, field.keys, value, field.loose))

    def _repair(self, keys: tuple[str, ...], value: Any, reason: str) -> None:
        """Leave a field without a value in its column, and keep the value."""
        self.keep(keys, value)
        self.repairs.append((".".join(keys), reason))

    def _total(self, field: Field, value: Any) -> None:
        """Use a total if it is a number; it may be larger than a column can hold."""
        number = number_of_text(value)
        if isinstance(number, bool) or not isinstance(number, int | float) or number != number // 1:
            self.keep(field.keys, value)
        else:
            self.counts.append(
                _FoundCount(Count(field.path, TOTAL, int(number), False), field.keys, value, field.loose)
            )

    def _take(self, field: Field, value: Any) -> None:
        number = number_of_text(value) if field.column == "cost" else None
        if isinstance(number, int | float) and -MAX_COUNT < number < 0:
            self.row["cost"], self.row["type"] = float(number), "credit"
            self.origin["cost"] = self.origin["type"] = field, value
            return
        try:
            new = _converted(field, value)
        except InvalidCallError as error:
            if field.column in STRICT:
                raise
            self._repair(field.keys, value, str(error))
            return
        self._take_also(field, value)
        if new is None:
            if field.kept:
                self.keep(field.keys, value)
            return
        if not field.column or (field.kept and new != value):
            self.keep(field.keys, value)
        column = field.column
        if not column:
            return
        if column in self.origin and self.row[column] != new:
            if (column, self.row[column]) == ("type", "credit"):
                return
            earlier, old = self.origin[column]
            reason = (
                f"{earlier.path} is {quoted(old)} but {field.path} is {quoted(value)}, expected both to be the same"
            )
            if column in STRICT:
                raise InvalidCallError(reason)
            self._repair(field.keys, value, reason)
            return
        self.row[column] = new
        self.origin[column] = field, value

    def _take_also(self, field: Field, value: Any) -> None:
        for column, convert in field.also.items():
            if column not in self.row and (found := convert(value)) is not None:
                self.row[column] = found

    def settle_loose(self, order: Mapping[Field, int]) -> None:
        """Use a loose field where it fits its column and no strict field holds another value."""
        if len(self.loose) > 1:
            self.loose.sort(key=lambda found: order[found[0]])
        for field, value in self.loose:
            if is_null(value):  # a NaN, NaT or NA of a program; walk has left out None
                continue
            try:
                new = field.convert(value)
            except ValueError as error:
                new = None
                # a plain value means what its name says; an object is that of another program
                if field.path == field.column and field.column not in STRICT and not is_object(value):
                    self.repairs.append((field.path, f"{field.path} is {quoted(value)}, expected {error}"))
            self._take_also(field, value)
            if is_count(field):
                self._settle_loose_count(field, value, new)
            elif field.kept and new != value:
                self.keep(field.keys, value)
                if new is not None and field.column not in self.nulls:
                    self._settle(field, value, new)
            elif new is None or self._settle(field, value, new) != new:
                self.keep(field.keys, value)

    def _settle(self, field: Field, value: Any, new: Any) -> Any:
        """Set a column that is not set yet; return its value."""
        if field.column not in self.row:
            self.row[field.column] = new
            self.origin[field.column] = field, value
        return self.row[field.column]

    def _settle_loose_count(self, field: Field, value: Any, new: int | None) -> None:
        """Use a loose count where no other key has that of its role."""
        role = role_of_field(field)
        earlier = [found.counted.value for found in self.counts if found.counted.role == role]
        if new is None or (any(earlier) and new not in earlier):
            self.keep(field.keys, value)
        elif new not in earlier:
            self.counts.append(_FoundCount(Count(field.path, role, new, bool(field.adds)), field.keys, value, True))

    def drop_filled(self) -> None:
        """Restore the nulls that the writer filled because CrashLens cannot read them."""
        for column in self.filled:
            self.row.pop(column, None)
        if self.filled:
            self.counts = [found for found in self.counts if found.counted.role not in self.filled]

    def settle_counts(self) -> str:
        """Set the counts by the reading that fits them; return them as text where none does."""
        if not self.counts:
            return ""
        # a loose total is that of another program: it shows nothing, and is dropped where it follows
        shown = [found.counted for found in self.counts if not (found.loose and found.counted.role == TOTAL)]
        counts = settle_usage(shown, self.row.get("model"))
        if counts is None:
            for found in self.counts:
                self.keep(found.keys, found.value)
            self.row[READING] = UNCLEAR
            return ", ".join(f"{count.path} {count.value}" for count in shown if count.value)
        self.row |= counts
        total = counts.get("input_tokens", 0) + counts.get("output_tokens", 0)
        of_five_minutes = counts.get(WRITTEN, 0) - counts.get(WRITTEN_1H, 0)
        for found in self.counts:
            follows = {TOTAL: total, WRITTEN_5M: of_five_minutes}
            role, value = found.counted.role, found.counted.value
            if role not in USAGE_COLUMNS and follows.get(role) != value:
                self.keep(found.keys, found.value)
        return ""

    def settle_ends(self) -> None:
        """Drop the end where it follows from the columns; it yields the latency where the record has none."""
        for field, value in self.ends:
            if not self._end(field, value):
                self.keep(field.keys, value)

    def _end(self, field: Field, value: Any) -> bool:
        start = self.row.get("timestamp")
        try:
            end = _converted(field, value)
        except InvalidCallError as error:
            self.repairs.append((field.path, str(error)))
            return False
        if start is None or end is None:
            return False
        if "latency_ms" in self.row:
            return abs(end - start - 1000 * self.row["latency_ms"]) < 1000
        if end < start:
            first, begin = self.origin["timestamp"]
            reason = f"{field.path} is {quoted(value)}, expected a time not before {first.path}, {quoted(begin)}"
            self.repairs.append((field.path, reason))
            return False
        self.row["latency_ms"] = (end - start) // 1000
        return True


def role_of_field(field: Field) -> str:
    """Return the role of the count of a field; one without a column is a part of what it is added to."""
    return field.column or _PARTS[field.adds]


_PARTS = {"input_tokens": OTHER_INPUT, "output_tokens": OTHER_OUTPUT}


def _converted(field: Field, value: Any) -> Any:
    try:
        return field.convert(value)
    except ValueError as error:
        raise InvalidCallError(f"{field.path} is {quoted(value)}, expected {error}") from None
