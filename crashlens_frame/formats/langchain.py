"""Messages that programs dump with LangChain: ``dumps``, ``messages_to_dict``, ``model_dump``, states of graphs."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    found_finish_reason,
    made_id,
    mapping_of,
    mappings_of,
    text_or_none,
    time_or_none,
    tool_calls_of,
    with_derived,
)
from .langchain_counts import COUNT_FIELDS, counted, plain_message
from .table import Field, Format, Record, Sign
from .texts import message_text
from .values import text_value

_ANSWERS = ("ai", "AIMessage", "AIMessageChunk")
_TYPES = (*_ANSWERS, "human", "system", "tool", "function", "HumanMessage", "SystemMessage", "ToolMessage")
_COUNTED = ("token_usage", "usage", "tokenUsage")  # in the metadata of an answer, by integration
_MODELS = ("model_name", "model", "model_id")
_REASONS = ("finish_reason", "stop_reason", "stopReason", "done_reason")


class _Message(Sign):
    """A message as an object of its own; what other programs call a message has no metadata of an answer."""

    def seen(self, record: Record) -> str | None:
        """Return how the record shows the sign; None where it does not."""
        return f'its "type" is "{record["type"]}"' if _is_message(record) else None


class _State(Sign):
    """The messages of a graph, which alone are no line of a user's own with a model or an id."""

    def seen(self, record: Record) -> str | None:
        """Return how the record shows the sign; None where it does not."""
        shown = _OF_CALLS.isdisjoint(record) and any(
            map(_is_message, map(plain_message, mappings_of(record[self.key])))
        )
        return f'its "{self.key}" are of LangChain' if shown else None


class _Result(Sign):
    """The generations that a model returned for each prompt, with their messages."""

    def seen(self, record: Record) -> str | None:
        """Return how the record shows the sign; None where it does not."""
        shown = _OF_CALLS.isdisjoint(record) and any(map(_is_message, _messages(record)))
        return f'its "{self.key}" have messages of LangChain' if shown else None


_OF_CALLS = frozenset({"model", "trace_id", "traceId", "usage"})


def _is_message(record: Record) -> bool:
    return record.get("type") in _TYPES and "content" in record and "response_metadata" in record


def _records(record: Record) -> Iterator[Record]:
    question = None
    for message in _messages(record):
        plain = plain_message(message)
        if plain.get("type") in ("human", "HumanMessage"):
            question = message_text(plain.get("content")) or question
        yield _answer(plain, question)


def _messages(record: Record) -> list[Record]:
    """Return the messages of a record: of a state, of the result of a model, or the record itself."""
    if "messages" in record and "type" not in record:
        return mappings_of(record["messages"])
    inner = plain_message(record)
    for key in ("message", "messages"):  # of a generation, of the history of a chat
        if key in inner and "content" not in inner:
            return mappings_of([inner[key]] if key == "message" else inner[key])
    found = inner.get("generations")
    if isinstance(found, list):
        lists = [each if isinstance(each, list) else [each] for each in found]
        answers = [plain_message(plain_message(each).get("message")) for of_prompt in lists for each in of_prompt]
        return [_with_usage(answers[0], mapping_of(inner.get("llm_output")))] if len(answers) == 1 else answers
    return [record]


def _with_usage(message: Record, output: Record) -> Record:
    """Return the only answer of a model with the counts of the model, which its message may lack."""
    about = {key: value for key, value in output.items() if key in (*_COUNTED, *_MODELS) and value}
    return {**message, "response_metadata": {**about, **mapping_of(message.get("response_metadata"))}}


def _answer(message: Record, question: str | None) -> Record:
    about = mapping_of(message.get("response_metadata"))
    usage: Record = next(filter(None, (mapping_of(about.get(key)) for key in _COUNTED)), {})
    if message.get("type") not in _ANSWERS or not (usage or message.get("usage_metadata")):
        return message
    known = with_derived(
        message,
        trace_id=text_or_none(message.get("id")) or text_or_none(about.get("id")) or made_id(message),
        event_id=text_or_none(about.get("id")) or text_or_none(message.get("id")),
        timestamp=next(filter(None, (time_or_none(about.get(key)) for key in ("created", "created_at"))), None),
        model=next(filter(None, (text_or_none(about.get(key)) for key in _MODELS)), None),
        provider=text_or_none(about.get("model_provider")),
        service_tier=text_or_none(about.get("service_tier")),
        prompt=question,
        response=text_or_none(message_text(message.get("content"))),
        tool_calls=tool_calls_of(message),
        finish_reason=found_finish_reason(*(about.get(key) for key in _REASONS)),
    )
    return counted(known, {"usage": usage}, message)


LANGCHAIN = Format(
    "langchain",
    "AIMessage, messages_to_dict and LLMResult of langchain-core 1.8 (messages/ai.py, outputs), also in the envelope of"
    " langchain_core.load.dumps; UsageMetadata, whose counts include their details",
    (*DERIVED, Field("name", "name", text_value, loose=True), *COUNT_FIELDS),
    signs=(
        Sign("lc", beside=("kwargs", "id")),
        Within("data", inside=("content", "additional_kwargs"), types=_TYPES),
        _Message("type"),
        _State("messages"),
        _Result("generations"),
    ),
    constants={"type": "generation", "log_format": "langchain"},
    records=_records,
    is_call=lambda message: "derived" in message,
)
