"""What the calls of a block of code have in common: their trace, their columns, and the money they may cost."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..errors import BudgetExceeded, InvalidOptionError, check_choice
from ..formats import CONVERTERS
from ..words import money

PER = ("trace", "all")

# columns of the calls of this thread or task
_columns: ContextVar[Mapping[str, Any]] = ContextVar("columns", default={})  # noqa: B039  nothing changes it
_budgets: ContextVar[tuple["Budget", ...]] = ContextVar("budgets", default=())
_DRAWN = 64
_ids: list[str] = []  # drawn ahead, as the system takes longer for each than all else of an attempt does


@dataclass(slots=True)
class Budget:
    """A limit in US dollars, and what was spent of it, by trace or in all."""

    usd: float
    per: str
    spent: dict[str | None, float] = field(default_factory=dict)

    def key(self, trace_id: str | None) -> str | None:
        """Return the key under which a call is counted."""
        return trace_id if self.per == "trace" else None


@contextmanager
def trace(name: str | None = None, **columns: Any) -> Iterator[str]:
    """Group the calls that a block of code makes, in its thread and in the tasks that it starts.

    Parameters
    ----------
    name
        Column ``name`` of the calls.
    **columns
        Any other column of CALLS that the calls share, such as ``user_id``, ``session_id``, ``team``, ``tags`` or
        ``trace_id``. They count before those of ``watch``.

    Yields
    ------
    str
        The trace id: a new one if none is given. A block within another one inherits its columns and has a trace of its
        own, whose ``parent_id`` is the outer trace.

    Raises
    ------
    InvalidOptionError
        A name is no column, or a value does not fit its column.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> with cf.live.trace("checkout", trace_id="t-17", user_id="u-17") as trace_id:
    ...     trace_id
    't-17'
    """
    outer = _columns.get()
    own = columns_checked({"name": name, **columns})
    own.setdefault("trace_id", new_trace_id())
    if "trace_id" in outer:
        own.setdefault("parent_id", outer["trace_id"])
    token = _columns.set({**outer, **own})
    try:
        yield own["trace_id"]
    finally:
        _columns.reset(token)


@contextmanager
def budget(usd: float, *, per: str = "all") -> Iterator[None]:
    """Limit what the calls of a block of code may cost.

    Once the known cost of the watched attempts is above the limit, estimates included, the next call raises an error
    before anything is sent. Calls of models without a known price count as nothing.

    Parameters
    ----------
    usd
        The limit in US dollars.
    per
        ``"all"``: for all calls of the block together; ``"trace"``: for each trace.

    Raises
    ------
    BudgetExceeded
        The limit is passed.
    InvalidOptionError
        ``usd`` is no number above 0, or ``per`` is another word.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> with cf.live.budget(usd=5):
    ...     pass  # client.chat.completions.create(...)
    """
    check_choice("per", per, PER)
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not usd > 0:
        raise InvalidOptionError(f"usd is {usd!r}, expected a number of US dollars above 0")
    token = _budgets.set((*_budgets.get(), Budget(float(usd), per)))
    try:
        yield
    finally:
        _budgets.reset(token)


def check_book(book: object) -> None:
    """Check that calls can be logged to a book.

    Raises
    ------
    InvalidOptionError
        It is no LogBook.
    """
    from ..logbook import LogBook

    if not isinstance(book, LogBook):
        raise InvalidOptionError(f"book is {type(book).__name__}, expected a LogBook")


def columns_checked(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns with their values converted, without the null ones.

    Raises
    ------
    InvalidOptionError
        A name is no column, or a value does not fit its column.
    """
    found = {}
    for name, value in columns.items():
        if value is None:
            continue
        check_choice("a column", name, CONVERTERS)
        try:
            found[name] = CONVERTERS[name](value)
        except ValueError as error:
            raise InvalidOptionError(f"{name} is {value!r}, expected {error}") from None
    return found


def new_trace_id() -> str:
    """Return a random trace id."""
    if not _ids:
        drawn = os.urandom(16 * _DRAWN).hex()
        _ids.extend(drawn[place : place + 32] for place in range(0, len(drawn), 32))
    try:
        return _ids.pop()
    except IndexError:  # other threads took them
        return os.urandom(16).hex()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ids.clear)  # the parent has them


def columns_now() -> Mapping[str, Any]:
    """Return the columns of the calls of this thread or task."""
    return _columns.get()


def budgets_now() -> tuple[Budget, ...]:
    """Return the limits of this thread or task."""
    return _budgets.get()


def check_budgets() -> None:
    """Check that no limit is passed.

    Raises
    ------
    BudgetExceeded
        One is.
    """
    budgets = _budgets.get()
    if not budgets:
        return
    trace_id = _columns.get().get("trace_id")
    for each in budgets:
        spent = each.spent.get(each.key(trace_id), 0.0)
        if spent > each.usd:
            of_what = f"trace {trace_id}" if each.per == "trace" else "the calls of this block"
            raise BudgetExceeded(
                f"{of_what} cost {money(spent)}, more than the budget of {money(each.usd)}; the call was not sent"
            )


def spend(budgets: tuple[Budget, ...], trace_id: str, usd: float) -> None:
    """Count the cost of an attempt."""
    for each in budgets:
        key = each.key(trace_id)
        each.spent[key] = each.spent.get(key, 0.0) + usd
