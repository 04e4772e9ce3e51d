"""JSON Lines with names of a user's own, read as a table with such columns is: matched by the names, with ids made."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..errors import InvalidCallError, MatchedColumnsWarning
from ..jsonvalues import is_object
from ..schema import CALLS, LABEL, LOG_SCHEMA, TEXT
from .answers import made_id
from .crashlens import CRASHLENS, FLAT, OF_VENDORS
from .reading import SIGNS_OF_A_CALL, detect_format
from .synonyms import synonyms_among
from .table import Format, Record
from .texts import message_text

_TEXTS = frozenset(column.name for column in CALLS if column.arrow in (TEXT, LABEL))
# a line with a trace id may be one of the package with more fields, unless these have names that it does not know
_NAMED_BY_USERS = frozenset({"model", "timestamp", "input_tokens", "output_tokens", "cost", "latency_ms"})
# a model alone, without the trace of a call, is an entry of a list of models or of prices
_SHOW_A_CALL = (SIGNS_OF_A_CALL - {"model"}) | {"latency_ms", "input", *OF_VENDORS}


class OwnNames:
    """Memory of the names in one file: each means the same in all lines, and a name that comes later may mean more."""

    def __init__(self, *, makes_ids: bool) -> None:
        self._makes_ids = makes_ids
        self._seen: dict[str, None] = {}
        self._matched: dict[str, str] = {}

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next line, and yield it with the names of CALLS."""
        if not self._seen.keys() >= record.keys():
            self._seen |= dict.fromkeys(record)
            new = synonyms_among(self._seen)
            known = self._matched.values()
            self._matched |= {theirs: ours for theirs, ours in new.items() if ours not in known}
        call = _with_names_of_calls(record, self._matched)
        if self._makes_ids and call.keys().isdisjoint(_SHOW_A_CALL):
            keys = ", ".join(list(record)[:8])
            raise InvalidCallError(f"no tokens, prompt, response, cost, latency or error, only the keys {keys}")
        if self._makes_ids and not call.get("trace_id"):
            call["trace_id"] = call.get("event_id") or f"{made_id(record)[:16]}-{line}"
        yield line, call

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Report the names that were matched."""
        if self._matched:
            warn_of_matched(self._matched, stacklevel=3)
        yield from ()


def _with_names_of_calls(record: Record, matched: Mapping[str, str]) -> dict[str, Any]:
    call: dict[str, Any] = {}
    for key, value in record.items():
        ours = matched.get(key, key)
        if is_object(value) or isinstance(value, list):
            if ours in ("prompt", "response") and ours not in record:
                call[ours] = message_text(value)
            call[key] = value
        elif ours != key and record.get(ours) is not None:
            call[key] = value
        else:
            call[ours] = str(value) if type(value) is int and ours in _TEXTS else value
    return call


def own_format(first: Iterable[Record]) -> Format | None:
    """Return the format of a file whose first records have names of a user's own; None where they do not.

    They are calls that lack trace ids, or that have a model, a time, counts or a cost under another name.

    Examples
    --------
    >>> from crashlens_frame.formats import own_format
    >>> own_format([{"model_name": "gpt-4o", "prompt_tokens": 5}]).name
    'crashlens'
    >>> own_format([{"trace_id": "t", "model": "gpt-4o", "input_tokens": 5}]) is None
    True
    """
    records = []
    for record in first:
        if _is_of_a_format(record):
            return None
        records.append(record)
    keys = dict.fromkeys(key for record in records for key in record)
    matched = synonyms_among(keys)
    has_model = "model" in keys or "model" in matched.values() or any(is_object(each.get("input")) for each in records)
    has_ids = any(record.get("trace_id") not in (None, "") for record in records)
    unknown = {ours for theirs, ours in matched.items() if theirs not in CRASHLENS.tree}
    if not has_model or (has_ids and _NAMED_BY_USERS.isdisjoint(unknown)):
        return None
    return replace(CRASHLENS, session=lambda: OwnNames(makes_ids=not has_ids))


def _is_of_a_format(record: Record) -> bool:
    """Whether a record is one of a vendor, or of the package, which writes all of its names, some of them damaged."""
    if "traceId" in record or "filled" in record or len(set(LOG_SCHEMA) - record.keys()) <= 2:
        return True
    return detect_format(record).format not in (CRASHLENS.name, FLAT.name)


def warn_of_matched(matched: Mapping[str, str], *, stacklevel: int) -> None:
    """Warn of columns that were matched by their names.

    Examples
    --------
    >>> import warnings
    >>> from crashlens_frame.formats import warn_of_matched
    >>> with warnings.catch_warnings(record=True) as seen:
    ...     warnings.simplefilter("always")
    ...     warn_of_matched({"model_name": "model"}, stacklevel=1)
    >>> str(seen[0].message)
    'columns matched by their names: model_name as model; columns= overrides this'
    """
    pairs = ", ".join(f"{theirs} as {ours}" for theirs, ours in matched.items())
    text = f"columns matched by their names: {pairs}; columns= overrides this"
    warnings.warn(text, MatchedColumnsWarning, stacklevel=stacklevel + 1)
