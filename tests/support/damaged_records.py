"""Records of logs with parts lost or replaced, as bugs and people leave them."""

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from crashlens_frame.formats import rows_from_line

JUNK: list[Any] = [None, True, -1, 2**70, 1.5, "", "x", "{", '{"a":[1]}', '["b"]', [], [None, 7], {}, {"a": {"b": []}}]

_DROP = object()  # in place of a value: none


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the keys and places that lead to each value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key)
        yield from paths(below, (*path, key))


@st.composite
def damaged(draw: st.DrawFn, record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with one to four values dropped or replaced."""
    hurt = copy.deepcopy(record)
    for _ in range(draw(st.integers(1, 4))):
        found = list(paths(hurt))
        if not found:
            break
        path = draw(st.sampled_from(found))
        _change(hurt, path, draw(st.sampled_from(JUNK)) if draw(st.booleans()) else _DROP)
    return hurt


def spoiled(record: Any, chance: random.Random, *, most: int, values: Sequence[Any] = JUNK, dropped: float = 0) -> Any:
    """Return the record with one to ``most`` values replaced by others, or dropped with a probability."""
    hurt = copy.deepcopy(record)
    for _ in range(chance.randint(1, most)):
        found = list(paths(hurt))
        if not found:
            break
        path = chance.choice(found)
        _change(hurt, path, _DROP if chance.random() < dropped else chance.choice(values))
    return hurt


def with_value(record: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return the record with another value at a path."""
    hurt = copy.deepcopy(record)
    _change(hurt, path, value)
    return hurt


def _change(record: Any, path: tuple[Any, ...], value: Any) -> None:
    *above, key = path
    branch = record
    for step in above:
        branch = branch[step]
    if value is _DROP:
        del branch[key]
    else:
        branch[key] = copy.deepcopy(value)


def assert_survives(record: dict[str, Any], format: str) -> None:
    """Check that a damaged record is read or refused, and that a row of it has no count below its parts."""
    for name in (None, format):
        for row in rows_from_line(record, name).rows:
            assert row["trace_id"]
