"""The steps that an answer of Anthropic took, as its ``usage.iterations`` lists them -> counts by the model of each.

The counts of an answer leave out steps that compacted its context, and those of other models: an advisor, or the model
that was asked before another took over (https://docs.claude.com/en/api/beta/messages, BetaUsage).
"""

from typing import Any, NamedTuple

from ..jsonvalues import is_object
from .answers import count_or_none
from .table import Record, object_at

_COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_LIFETIMES = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")


class StepsByModel(NamedTuple):
    """The model that answered, the counts of all its steps, and each step that another model took."""

    model: Any
    usage: dict[str, Any]
    others: list[Record]


def steps_by_model(message: Record) -> StepsByModel:
    """Return the counts of a message by the models that were asked.

    Examples
    --------
    >>> from crashlens_frame.formats.steps import steps_by_model
    >>> advice = {"type": "advisor_message", "model": "claude-opus-4-7", "input_tokens": 900, "output_tokens": 70}
    >>> usage = {"input_tokens": 40, "output_tokens": 9, "iterations": [advice]}
    >>> steps_by_model({"model": "claude-sonnet-4-6", "usage": usage}).others == [advice]
    True
    """
    usage = object_at(message, "usage")
    listed = usage.get("iterations")
    steps = listed if isinstance(listed, list) and all(is_object(step) for step in listed) else []
    # what a stream says at its beginning is the model that was asked first
    served = [step.get("model") for step in steps if step.get("type") == "fallback_message"]
    model = served[-1] if served else message.get("model")
    own = [step for step in steps if step.get("model") in (None, model)]
    total = {**usage, **_larger(usage, own, _COUNTS)}
    parts = [object_at(step, "cache_creation") for step in own]
    if any(parts):
        written = object_at(usage, "cache_creation")
        total["cache_creation"] = {**written, **_larger(written, parts, _LIFETIMES)}
    return StepsByModel(model, total, [step for step in steps if step not in own])


def _larger(whole: Record, parts: list[Record], keys: tuple[str, ...]) -> dict[str, int]:
    """Return the sums of counts over parts where they are larger than those of the whole."""
    sums = {key: sum(count_or_none(part.get(key)) or 0 for part in parts) for key in keys}
    known = {key: count_or_none(whole.get(key) or 0) for key in keys}
    return {key: total for key, total in sums.items() if (count := known[key]) is not None and total > count}
