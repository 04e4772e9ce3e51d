"""What the table of a log format consists of: where a value is, which column it belongs to, how it is converted."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidCallError
from ..jsonvalues import quoted

# fields whose value follows from columns; they are dropped where it does
END, TOTAL = "end of the call", "tokens in all"

Record = Mapping[str, Any]
Tree = dict[str, Any]  # key of a record -> Field, or the Tree below it


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a format table.

    ``path`` holds the keys that lead from the record to the value, joined by dots; a name below ``attributes`` may have
    dots itself. ``column`` is a column of CALLS, END or TOTAL, or empty where the value has no column of its own.

    A loose field is one that other programs use in other ways too: its value is kept in ``extra`` where it does not fit
    its column, or differs from the value of an earlier field. A kept field holds more than its column can: it is kept
    in ``extra`` as well. ``adds`` names a column that the value is added to, as the format does not include it there.
    """

    path: str
    column: str
    convert: Callable[[Any], Any]
    loose: bool = False
    kept: bool = False
    adds: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to the value."""
        outer, attributes, name = self.path.partition("attributes.")
        return (*outer.split(".")[:-1], "attributes", name) if attributes else tuple(self.path.split("."))


@dataclass(frozen=True, slots=True)
class Sign:
    """A key that shows the format of a record: with one of some values, beside other keys."""

    key: str
    values: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def seen(self, record: Record) -> str | None:
        """Return how the record shows the sign; None where it does not."""
        value = record.get(self.key)
        if value is None or not all(key in record for key in self.beside):
            return None
        if self.values:
            return f'its "{self.key}" is "{value}"' if isinstance(value, str) and value in self.values else None
        return "it has " + " and ".join(f'"{key}"' for key in (self.key, *self.beside))


def _itself(record: Record) -> Iterator[Record]:
    yield record


def _always(_: Record) -> bool:
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """A log format: its fields, and the source that documents them.

    ``records`` yields the records of one line, in the shape that the paths of the fields describe. ``is_call`` is
    whether a record is a call of a model, and not a span of other work. ``constants`` are columns with one value for
    all records of the format. In a format whose records may lack a trace id, a record ``traces_itself``: its own id is
    its trace id.
    """

    name: str
    source: str
    fields: tuple[Field, ...]
    signs: tuple[Sign, ...] = ()
    constants: Mapping[str, Any] = field(default_factory=dict)
    records: Callable[[Record], Iterable[Record]] = _itself
    is_call: Callable[[Record], bool] = _always
    traces_itself: bool = False

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
    if isinstance(value, Mapping):
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
    if isinstance(value, list) and all(isinstance(element, Mapping) for element in value):
        return value
    raise InvalidCallError(f"{key} is {quoted(value)}, expected a list of objects")


def pruned_tree(tree: Tree, columns: frozenset[str] | None) -> Tree:
    """Return the tree of the fields that some columns need; None: all columns."""
    if columns is None:
        return tree
    kept: Tree = {}
    for key, leaf in tree.items():
        if isinstance(leaf, Field):
            if leaf.column in columns or leaf.adds in columns or (leaf.column == END and "latency_ms" in columns):
                kept[key] = leaf
        elif below := pruned_tree(leaf, columns):
            kept[key] = below
    return kept
