"""What a table of a log format is made of: where a value stands, which column it is of, how it is taken."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import InvalidCallError
from ..jsonvalues import quoted

# what a field says again that follows from columns; it is dropped where it does follow
END, TOTAL = "end of the call", "tokens in all"

Record = Mapping[str, Any]
Tree = dict[str, Any]  # key of a record -> Field, or the Tree below it


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a format table.

    ``path`` leads from the record inwards, its keys joined by dots; a name below ``attributes`` has dots of its own.
    ``column`` is a column of CALLS, END or TOTAL, or empty where the value is of no column by itself.

    A loose field is one that other programs use in other ways too: what it holds stays in ``extra`` where it does not
    fit its column, or differs from what a field before it says. A kept field says more than its column can hold: it
    stays in ``extra`` whatever it gave the column. ``adds`` names the column of which the value is a part that the
    format does not count in.
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
    """What tells a record of a format: a key, with one of some values, beside other keys."""

    key: str
    values: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    def seen(self, record: Record) -> str | None:
        """Say how the record shows the sign; None where it does not."""
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


@dataclass(frozen=True, slots=True)
class Format:
    """A log format: what it is read by, and who says so.

    ``records`` gives the records of one line, in the shape that the paths of the fields are told in. ``is_call`` tells
    those that are calls of a model from the spans of other work that stand beside them. ``constants`` are columns
    that every record of the format has in common. Where the format has no trace ids, or may do without, a record
    ``traces_itself``: its own id is its trace.
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
        """The fields as nested dicts, so that a record is read along its own keys."""
        root: Tree = {}
        for leaf in self.fields:
            branch = root
            for key in leaf.keys[:-1]:
                branch = branch.setdefault(key, {})
            branch[leaf.keys[-1]] = leaf
        return root


def object_at(record: Record, key: str) -> Record:
    """Give the object under a key; an empty one where there is none.

    Raises
    ------
    InvalidCallError
        It is something else.
    """
    value = record.get(key)
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise InvalidCallError(f"{key} is {quoted(value)}, expected an object")


def objects_at(record: Record, key: str) -> list[Record]:
    """Give the objects of the list under a key; none where there is no list.

    Raises
    ------
    InvalidCallError
        It is something else, or something else is in it.
    """
    value = record.get(key)
    if value is None:
        return []
    if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        return value
    raise InvalidCallError(f"{key} is {quoted(value)}, expected a list of objects")


def pruned_tree(tree: Tree, columns: frozenset[str] | None) -> Tree:
    """Give the tree of the fields that some columns need; None needs all."""
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
