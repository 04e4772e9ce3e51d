"""Calls that W&B Weave traced."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    SENT_KEYS,
    Within,
    answered_text,
    finish_reason_of,
    mapping_of,
    mappings_of,
    number_or_none,
    sent_text,
    text_or_none,
    tool_calls_of,
    with_derived,
)
from .table import END, Field, Format, Record, Sign
from .texts import level_of_status
from .usage import TOTAL
from .values import count_value, milliseconds_value, text_value, time_value

_NOT_TAGS = (
    "weave", "wandb", "python_version", "os_name", "os_version", "os_release", "sys_version", "client_version",
    "source",
)  # fmt: skip
_COSTS = (
    "prompt_tokens_total_cost", "completion_tokens_total_cost", "cache_read_input_tokens_total_cost",
    "cache_creation_input_tokens_total_cost",
)  # fmt: skip
# how the names of ops begin that Weave itself puts around clients
_INTEGRATIONS = (
    "openai.", "anthropic.", "litellm.", "google.", "vertexai.", "mistralai.", "cohere.", "groq.", "cerebras.",
    "huggingface_hub.", "BedrockRuntime.", "langchain.Llm.", "langchain.Chat",
)  # fmt: skip


def _records(record: Record) -> Iterator[Record]:
    for key in ("calls", "results"):
        if key in record and "op_name" not in record:
            yield from (found for call in mappings_of(record[key]) for found in _records(call))
            return
    inputs, output, summary = (mapping_of(record.get(key)) for key in ("inputs", "output", "summary"))
    used = {model: mapping_of(usage) for model, usage in mapping_of(summary.get("usage")).items()}
    name = _name(record.get("op_name"))
    if not _is_of_a_model(name, inputs) or len(used) > 1:
        yield record
        return
    model, usage = next(iter(used.items()), (inputs.get("model"), {}))
    facts, attributes = mapping_of(summary.get("weave")), mapping_of(record.get("attributes"))
    costs = mapping_of(mapping_of(facts.get("costs") or summary.get("costs")).get(str(model)))
    parts = [cost for key in _COSTS if (cost := number_or_none(costs.get(key))) is not None]
    yield with_derived(
        {**record, "usage": {key: value for key, value in usage.items() if key != "requests"}},
        model=text_or_none(model),
        name=name,
        prompt=sent_text(inputs),
        response=answered_text(output),
        tool_calls=tool_calls_of(output),
        finish_reason=finish_reason_of(output),
        temperature=number_or_none(inputs.get("temperature")),
        stream=inputs["stream"] if isinstance(inputs.get("stream"), bool) else None,
        cost=sum(parts) if parts else None,
        tags={key: value for key, value in attributes.items() if key not in _NOT_TAGS} or None,
    )


def _is_of_a_model(name: str | None, inputs: Record) -> bool:
    """Whether an op is a call of a model itself; ops around it repeat its counts, and may return its answer."""
    if (name or "").startswith(_INTEGRATIONS):
        return True
    return isinstance(inputs.get("model"), str) and any(inputs.get(key) for key in SENT_KEYS)


def _name(op: object) -> str | None:
    """Return the name of an op without its project and version: weave:///team/project/op/NAME:version."""
    found = text_or_none(op)
    return found.rpartition("/op/")[2].partition(":")[0] if found else None


WEAVE = Format(
    "weave",
    "CallSchema of the weave package (https://docs.wandb.ai/weave/reference/service-api)",
    (
        *DERIVED,
        Field("trace_id", "trace_id", text_value),
        Field("id", "event_id", text_value),
        Field("parent_id", "parent_id", text_value, loose=True),
        Field("thread_id", "session_id", text_value, loose=True),
        Field("wb_user_id", "user_id", text_value, loose=True),
        Field("started_at", "timestamp", time_value),
        Field("summary.weave.latency_ms", "latency_ms", milliseconds_value, loose=True),
        Field("ended_at", END, time_value),
        Field("summary.weave.status", "level", level_of_status, loose=True, kept=True),
        Field("exception", "error", text_value, loose=True),
        Field("usage.prompt_tokens", "input_tokens", count_value),
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.completion_tokens", "output_tokens", count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("usage.prompt_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        Field("usage.input_tokens_details.cached_tokens", "cached_input_tokens", count_value),
        # only Anthropic has these, beside the others
        Field("usage.cache_read_input_tokens", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usage.cache_creation_input_tokens", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("usage.completion_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
        Field("usage.output_tokens_details.reasoning_tokens", "reasoning_tokens", count_value),
    ),
    signs=(
        Sign("op_name", beside=("project_id",)),
        Sign("op_name", beside=("trace_id", "started_at")),
        *(Within(key, inside=("op_name",)) for key in ("calls", "results")),
    ),
    constants={"type": "generation", "log_format": "weave"},
    records=_records,
    is_call=lambda call: "usage" in call,
    traces_itself=True,
)
