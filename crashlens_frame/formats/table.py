"""What the table of a log format consists of: where a value is, which column it belongs to, how it is converted."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from ..errors import InvalidCallError
from ..jsonvalues import is_object, quoted
from .usage import USAGE_COLUMNS, USAGE_ROLES, role_of_key

# a field whose value follows from columns, and is dropped where it does; so is that of the role TOTAL
END = "end of the call"

Record = Mapping[str, Any]
Tree = dict[str, Any]  # key of a record -> Field, or the Tree below it


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One row of a format table.

    ``path`` holds the keys that lead from the record to the value, joined by dots; a name below ``attributes`` may have
    dots itself. ``column`` is a column of CALLS, END, a role of ``usage``, or empty where the value has no
    column of its own.

    A loose field is one that other programs use in other ways too: its value is kept in ``extra`` where it does not fit
    its column, or differs from the value of an earlier field. A kept field holds more than its column can: it is kept
    in ``extra`` as well. ``adds`` names the column of the whole that the format documents the value to be left out of.
    ``also`` holds what other columns find in the value: a converter for each, which returns None where there is
    nothing.
    """

    path: str
    column: str
    convert: Callable[[Any], Any]
    loose: bool = False
    kept: bool = False
    adds: str = ""
    also: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the value."""
        return _keys(self.path)


@cache
def _keys(path: str) -> tuple[str, ...]:
    outer, attributes, name = path.partition("attributes.")
    return (*outer.split(".")[:-1], "attributes", name) if attributes else tuple(path.split("."))


@dataclass(frozen=True, slots=True)
class Sign:
    """A key that shows the format of a record: with one of some values, beside other keys, under one of some types."""

    key: str
    values: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    types: tuple[str, ...] = ()

    @property
    def needed_in_text(self) -> tuple[str, ...]:
        """What text under the key contains where it shows the sign; without any, the text is one of ``values``."""
        return ()

    def seen(self, record: Record) -> str | None:
        """Return how the record shows the sign; None where it does not."""
        value = record.get(self.key)
        if value is None or (self.beside and not all(key in record for key in self.beside)):
            return None
        if self.types:
            kind = record.get("type")
            return f'it has "{self.key}" and its "type" is "{kind}"' if kind in self.types else None
        if self.values:
            return f'its "{self.key}" is "{value}"' if isinstance(value, str) and value in self.values else None
        return "it has " + " and ".join(f'"{key}"' for key in (self.key, *self.beside))


@dataclass(frozen=True, slots=True)
class Counts:
    """An object of counts, in which a key that has no Field is a count if its name shows it.

    ``side`` is the column of the whole that all of them are parts of; empty where the key shows that. ``beside`` is
    whether the format documents that the parts are left out of the whole. ``prefixes`` are the beginnings of the keys
    that are counts; without any every key may be one.
    """

    path: str
    side: str = ""
    beside: bool = False
    prefixes: tuple[str, ...] = ()

    def role_of(self, key: str) -> str | None:
        """Return the role of the count under a key; None where it is no count."""
        if not self.prefixes:
            return role_of_key(key, self.side)
        prefix = next((prefix for prefix in self.prefixes if key.startswith(prefix)), None)
        return None if prefix is None else role_of_key(key.removeprefix(prefix), self.side)


def _itself(record: Record) -> Iterator[Record]:
    yield record


def _always(_: Record) -> bool:
    return True


class SessionReader(Protocol):
    """Memory of the lines of one file, for a format that spreads a call over several lines.

    It is given the records of a file in their order, and yields each call as one record with all that its lines hold,
    beside the number of its first line. ``Format.records`` reads that record like a line.
    """

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next record, and yield the calls that no later line adds to."""

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Yield the other calls, as the file has ended."""


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """A log format: its fields, and the source that documents them.

    ``records`` yields the records of one line, in the shape that the paths of the fields describe. ``is_call`` is
    whether a record is a call of a model, and not a span of other work. ``constants`` are columns with one value for
    all records of the format. In a format whose records may lack a trace id, a record ``traces_itself``: its own id is
    its trace id. ``counts`` are the objects in which unknown keys may be counts. In a format that spreads calls over
    several lines, a new ``session`` reads each file.
    """

    name: str
    source: str
    fields: tuple[Field, ...]
    signs: tuple[Sign, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    records: Callable[[Record], Iterable[Record]] = _itself
    is_call: Callable[[Record], bool] = _always
    traces_itself: bool = False
    counts: tuple[Counts, ...] = ()
    session: Callable[[], SessionReader] | None = None

    @property
    def tree(self) -> Tree:
        """The fields as nested dicts, which are followed along the keys of a record."""
        root: Tree = {}
        for leaf in self.fields:
            branch = root
            for key in leaf.keys[:-1]:
                branch = branch.setdefault(key, {})
            branch[leaf.keys[-1]] = leaf
        return root


def object_at(record: Record, key: str) -> Record:
    """Return the object under a key; an empty one where there is none.

    Raises
    ------
    InvalidCallError
        The value is no object.
    """
    value = record.get(key)
    if value is None:
        return {}
    if is_object(value):
        return value
    raise InvalidCallError(f"{key} is {quoted(value)}, expected an object")


def objects_at(record: Record, key: str) -> list[Record]:
    """Return the objects of the list under a key; none where there is no list.

    Raises
    ------
    InvalidCallError
        The value is no list, or holds something that is no object.
    """
    value = record.get(key)
    if value is None:
        return []
    if isinstance(value, list) and all(is_object(element) for element in value):
        return value
    raise InvalidCallError(f"{key} is {quoted(value)}, expected a list of objects")


def pruned_tree(tree: Tree, columns: frozenset[str] | None) -> Tree:
    """Return the tree of the fields that some columns need; None: all columns."""
    if columns is None:
        return tree
    kept: Tree = {}
    for key, leaf in tree.items():
        if isinstance(leaf, Field):
            if _is_needed(leaf, columns):
                kept[key] = leaf
        elif below := pruned_tree(leaf, columns):
            kept[key] = below
    return kept


def _is_needed(field: Field, columns: frozenset[str]) -> bool:
    if is_count(field):
        return not columns.isdisjoint(USAGE_COLUMNS)  # the counts of a record are read together
    needs_end = field.column == END and "latency_ms" in columns
    return needs_end or field.column in columns or not columns.isdisjoint(field.also)


def is_count(field: Field) -> bool:
    """Whether the value of a field is a count of tokens."""
    return field.column in USAGE_ROLES or bool(field.adds)
