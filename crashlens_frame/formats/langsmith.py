"""Runs of LangSmith, as its SDK posts them, its API returns them and its exports write them."""

from collections.abc import Iterator
from typing import Any

from ..jsonvalues import is_object
from .answers import (
    DERIVED,
    Within,
    first_text,
    found_finish_reason,
    mapping_of,
    mappings_of,
    number_or_none,
    text_or_none,
    tool_calls_of,
    with_derived,
)
from .langchain_counts import COUNT_FIELDS, all_plain, counted, plain_message
from .table import END, Field, Format, Record, Sign
from .texts import error_text, level_of_status, message_text
from .values import amount_value, text_value, time_value

_RUN_TYPES = ("llm", "embedding", "chain", "tool", "retriever", "prompt", "parser")
_CALLS = ("llm", "embedding")
_PAGES = ("runs", "post", "patch")
# metadata that LangChain and LangGraph write beside the user's own
_NOT_TAGS = (
    "ls_", "langgraph_", "lc_", "checkpoint", "thread_id", "session_id", "conversation_id", "user_id", "revision_id",
    "LANGSMITH_", "LANGCHAIN_", "__",
)  # fmt: skip
_SESSIONS = ("session_id", "thread_id", "conversation_id")


class Runs:
    """Memory of the runs of one file: the SDK posts a run when it begins, and what is new when it ends."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, dict[str, Any]]] = {}

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next record, and yield the runs that are whole with it, or the oldest where too many are open."""
        for run in _runs_of(record):
            key = run.get("id")
            if not isinstance(key, str):
                yield line, run
                continue
            first, whole = self._open.pop(key, (line, {}))
            whole.update((name, value) for name, value in run.items() if value is not None)
            if "start_time" in whole and "end_time" in whole:
                yield first, whole
            else:
                self._open[key] = first, whole
            if len(self._open) > _MOST_OPEN:
                yield self._open.pop(next(iter(self._open)))

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Yield the runs that did not end, and those that began in another file."""
        yield from self._open.values()


_MOST_OPEN = 10_000  # runs of one file that are at work at the same time


def _runs_of(record: Record) -> list[Record]:
    alone = "run_type" in record or record.keys().isdisjoint(_PAGES)
    runs = [record] if alone else [run for page in _PAGES for run in mappings_of(record.get(page))]
    return [_with_id(run) for run in runs]


def _with_id(run: Record) -> Record:
    """Return a run with its id: in the body of a batch the end of a run has it as the last of its order alone."""
    order = run.get("dotted_order")
    if run.get("id") is not None or not isinstance(order, str):
        return run
    key = order.rpartition(".")[2].partition("Z")[2]
    return {**run, "id": key} if key else run


def _records(record: Record) -> Iterator[Record]:
    """Yield the runs of a line; a batch of the SDK has the beginning and the end of a run apart."""
    memory = Runs()
    for _, run in (*memory.read(record, 0), *memory.finish()):
        yield _run(run)


def _is_call(run: Record) -> bool:
    """Whether a run is a call; the end of a run that began in another file need not name its type."""
    if run.get("run_type") is None:
        return not _OF_AN_ANSWER.isdisjoint(mapping_of(run.get("outputs")))
    return run["run_type"] in _CALLS


# not choices: a chain that returns the answer of its call has them too
_OF_AN_ANSWER = frozenset({"usage_metadata", "generations"})


def _run(record: Record) -> Record:
    if not _is_call(record):
        return record
    inputs, outputs, extra = (mapping_of(record.get(key)) for key in ("inputs", "outputs", "extra"))
    parameters, metadata = mapping_of(extra.get("invocation_params")), mapping_of(extra.get("metadata"))
    generation = _generation(outputs)
    message = plain_message(generation.get("message"))
    answer = _answer(outputs, generation, message)
    ends = (
        mapping_of(generation.get("generation_info")),
        mapping_of(message.get("response_metadata")),
        _choice(outputs),
    )
    models = (
        (metadata, "ls_model_name"), (parameters, "model"), (parameters, "model_name"),
        (mapping_of(outputs.get("llm_output")), "model_name"), (outputs, "model"),
        (mapping_of(message.get("response_metadata")), "model_name"),
    )  # fmt: skip
    temperatures = (number_or_none(metadata.get("ls_temperature")), number_or_none(parameters.get("temperature")))
    known = with_derived(
        record,
        model=next((found for each, key in models if (found := text_or_none(each.get(key)))), None),
        prompt=_text_of(inputs),
        response=text_or_none(generation.get("text")) or text_or_none(message_text(answer)),
        tool_calls=tool_calls_of(answer),
        finish_reason=found_finish_reason(*(end.get(key) for end in ends for key in _REASONS)),
        temperature=next((found for found in temperatures if found is not None), None),
        provider=text_or_none(metadata.get("ls_provider")),
        session_id=next((metadata[key] for key in _SESSIONS if text_or_none(metadata.get(key))), None),
        user_id=text_or_none(metadata.get("user_id")),
        agent=text_or_none(metadata.get("langgraph_node")),
        tags={key: value for key, value in metadata.items() if not key.startswith(_NOT_TAGS)} or None,
        type="embedding" if record.get("run_type") == "embedding" else None,
    )
    return counted(known, outputs, message)


_REASONS = ("finish_reason", "stop_reason", "done_reason")


def _generation(outputs: Record) -> Record:
    """Return the first generation of LangChain, which lists those of each prompt."""
    found = outputs.get("generations")
    while isinstance(found, list) and found:
        found = found[0]
    return found if is_object(found) else {}


def _choice(outputs: Record) -> Record:
    return next(iter(mappings_of(outputs.get("choices"))), {})


def _answer(outputs: Record, generation: Record, message: Record) -> Any:
    if message:
        return message
    if generation:
        return generation
    keys = ("choices", "output", "messages", "content", "message")
    return next((all_plain(outputs[key]) for key in keys if outputs.get(key)), outputs)


def _text_of(inputs: Record) -> str | None:
    messages = {key: all_plain(inputs[key]) for key in ("messages", "prompts", "prompt", "input") if inputs.get(key)}
    return first_text(messages, *messages)


LANGSMITH = Format(
    "langsmith",
    "Run of https://api.smith.langchain.com/redoc and the langsmith package; UsageMetadata of langchain-core, whose"
    " counts include their details",
    (
        *DERIVED,
        Field("trace_id", "trace_id", text_value),
        Field("id", "event_id", text_value),
        Field("parent_run_id", "parent_id", text_value, loose=True),
        Field("start_time", "timestamp", time_value),
        Field("end_time", END, time_value),
        Field("name", "name", text_value, loose=True),
        Field("session_name", "route", text_value, loose=True),
        Field("error", "error", error_text, loose=True, kept=True),
        Field("status", "level", level_of_status, loose=True),
        Field("total_cost", "cost", amount_value, loose=True),
        *COUNT_FIELDS,
    ),
    signs=(
        Sign("run_type", _RUN_TYPES),
        Sign("dotted_order", beside=("id", "trace_id")),  # the end of a run
        Sign("dotted_order", beside=("end_time", "trace_id")),
        *(Within(page, _RUN_TYPES, inside=("run_type",)) for page in _PAGES),
        *(Within("patch", inside=(key, "end_time")) for key in ("id", "dotted_order")),
        Sign("outputs", beside=("id", "trace_id", "end_time")),
        Sign("error", beside=("id", "trace_id", "end_time", "outputs")),
    ),
    constants={"type": "generation", "log_format": "langsmith"},
    records=_records,
    is_call=_is_call,
    traces_itself=True,
    session=Runs,
)
