"""Analytics of aider, a log of events: each message that was sent, with the sums of its requests."""

from collections.abc import Iterator

from .answers import DERIVED, count_or_none, made_id, mapping_of, number_or_none, text_or_none, with_derived
from .table import Field, Format, Record, Sign
from .usage import TOTAL
from .values import count_value, text_value, time_value

_HIDDEN = "/REDACTED"  # of a model that aider does not know, only the provider is logged


def _records(event: Record) -> Iterator[Record]:
    if not _is_call(event):
        yield event
        return
    properties = mapping_of(event.get("properties"))
    model = text_or_none(properties.get("main_model"))
    is_hidden = model is not None and model.endswith(_HIDDEN)
    cost = number_or_none(properties.get("cost"))
    counted = any(count_or_none(properties.get(key)) for key in ("prompt_tokens", "completion_tokens"))
    yield with_derived(
        event,
        trace_id=made_id(event),
        model=None if is_hidden or model == "None" else model,
        provider=model.removesuffix(_HIDDEN) if is_hidden and model is not None else None,
        # without prices aider writes 0
        cost=None if not cost and counted else cost,
    )


def _is_call(event: Record) -> bool:
    return event.get("event") == "message_send"


AIDER = Format(
    "aider",
    "Analytics of https://github.com/Aider-AI/aider (--analytics-log), whose event message_send has the counts of a"
    " message and its cost; total_cost is that of the session so far",
    (
        *DERIVED,
        Field("time", "timestamp", time_value),
        Field("user_id", "user_id", text_value, loose=True),
        Field("properties.prompt_tokens", "input_tokens", count_value),
        Field("properties.completion_tokens", "output_tokens", count_value),
        Field("properties.total_tokens", TOTAL, count_value),
    ),
    signs=(Sign("properties", beside=("event", "time", "user_id")),),
    constants={"type": "generation", "source": "aider", "log_format": "aider"},
    records=_records,
    is_call=_is_call,
)
