"""What a run of Claude Code counts in all (the ``result`` of ``claude -p --output-format json`` and ``stream-json``).

The lines of a stream have the counts with which an answer began, and none of models that work in the background. What
the run counts beyond them, model by model, is a call of its own here, so that they add up to the run.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .answers import count_or_none, mapping_of, number_or_none
from .table import Record

# of the totals of a run, and of an answer
_COUNTS = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "cacheReadInputTokens": "cache_read_input_tokens",
    "cacheCreationInputTokens": "cache_creation_input_tokens",
}


class RunTotals:
    """The counts of the answers of a run by model, and those of the run."""

    def __init__(self) -> None:
        self._counted: dict[Any, Counter[str]] = {}
        self._totals: Record = {}
        self._session: Any = None

    def result(self, record: Record) -> None:
        """Take the line at the end of a run; those of a session that goes on count what was before too."""
        self._totals = mapping_of(record.get("modelUsage"))
        self._session = record.get("sessionId") or record.get("session_id")

    def add(self, calls: Iterable[Record]) -> None:
        """Take the calls of an answer."""
        for call in calls:
            message = mapping_of(call.get("message"))
            usage = mapping_of(message.get("usage"))
            counted = self._counted.setdefault(message.get("model"), Counter())
            counted.update({name: count_or_none(usage.get(name)) or 0 for name in _COUNTS.values()})

    def rest(self) -> Iterator[Record]:
        """Yield a line for each model that the run counts more of than its answers."""
        for model, total in self._totals.items():
            counted = self._counted.get(model)
            found = {ours: count_or_none(mapping_of(total).get(theirs)) or 0 for theirs, ours in _COUNTS.items()}
            rest = {name: count - (counted[name] if counted else 0) for name, count in found.items()}
            if any(rest.values()) and min(rest.values()) >= 0:
                cost = None if counted else number_or_none(mapping_of(total).get("costUSD"))
                message = {"id": f"{self._session}/{model}", "model": model, "usage": rest}
                yield {"type": "assistant", "sessionId": self._session, "message": message, "costUSD": cost}
