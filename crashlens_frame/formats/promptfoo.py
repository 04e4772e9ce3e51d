"""Results of promptfoo: a whole evaluation, or one result per line."""

from collections.abc import Iterator

from .answers import (
    DERIVED,
    Within,
    found_finish_reason,
    made_id,
    mapping_of,
    mappings_of,
    number_or_none,
    text_or_none,
    tool_calls_of,
    unpacked,
    with_derived,
)
from .table import Field, Format, Record, Sign
from .texts import packed_text
from .usage import TOTAL
from .values import amount_value, count_value, milliseconds_value, text_value

_FAILED = 2  # failureReason; 1 is an answer that failed its test
# what may be between the provider and the model: openai:chat:gpt-4o
_KINDS = ("chat", "completion", "responses", "messages", "embedding", "embeddings", "image", "realtime", "assistant")


def _records(record: Record) -> Iterator[Record]:
    results = record.get("results")
    if results is None or "promptIdx" in record:
        yield _result(record, {})
        return
    about = {key: record[key] for key in ("evalId",) if record.get(key)}
    if isinstance(results, dict):
        about |= {key: results[key] for key in ("timestamp",) if results.get(key)}
        results = results.get("results")
    yield from (_result(result, {"evaluation": about} if about else {}) for result in mappings_of(results))


def _result(record: Record, about: Record) -> Record:
    response, provider, prompt = (mapping_of(record.get(key)) for key in ("response", "provider", "prompt"))
    config = mapping_of(prompt.get("config")) or mapping_of(provider.get("config"))
    from_cache = response.get("cached") is True
    error = text_or_none(response.get("error"))
    if error is None and record.get("failureReason", 0 if response else _FAILED) == _FAILED:
        error = text_or_none(record.get("error"))
    served, model = _provider_and_model(text_or_none(provider.get("id")) or text_or_none(record.get("provider")))
    output = unpacked(response.get("output"))
    return with_derived(
        {**record, **about, "counts": _counts(mapping_of(response.get("tokenUsage")), from_cache)},
        trace_id=None if text_or_none(record.get("id")) else made_id(record),
        model=model,
        provider=served,
        prompt=packed_text(prompt.get("raw")),
        response=response["output"] if isinstance(response.get("output"), str) else packed_text(response.get("output")),
        tool_calls=tool_calls_of(output),
        finish_reason=found_finish_reason(response.get("finishReason")),
        temperature=number_or_none(config.get("temperature")),
        error=error,
        billed="no" if from_cache else None,
    )


def _counts(usage: Record, from_cache: bool) -> Record:
    """Return the counts of an answer; one from promptfoo's own cache has the total alone, and 0 for its parts."""
    if from_cache and not usage.get("prompt"):
        return {}
    return {
        "input": usage.get("prompt"),
        "output": usage.get("completion"),
        "total": usage.get("total"),
        "reasoning": mapping_of(usage.get("completionDetails")).get("reasoning"),
    }


def _provider_and_model(name: str | None) -> tuple[str | None, str | None]:
    """Return the two parts of an id: openai:gpt-4o, anthropic:messages:claude-sonnet-4-5."""
    if name is None or name.startswith(("file:", "http", "exec:", "python:", "package:")):
        return None, None
    provider, _, model = name.partition(":")
    kind, _, rest = model.partition(":")
    return provider.lower(), (rest if kind in _KINDS and rest else model) or None


PROMPTFOO = Format(
    "promptfoo",
    "EvaluateResult of the promptfoo package 0.119 (https://www.promptfoo.dev/docs/configuration/reference); the calls"
    " of graders, which gradingResult sums up, are no rows",
    (
        *DERIVED,
        Field("id", "event_id", text_value),
        Field("latencyMs", "latency_ms", milliseconds_value, loose=True),
        Field("cost", "cost", amount_value, loose=True),
        Field("counts.input", "input_tokens", count_value),
        Field("counts.output", "output_tokens", count_value),
        Field("counts.total", TOTAL, count_value),
        Field("counts.reasoning", "reasoning_tokens", count_value),
    ),
    signs=(
        Sign("promptIdx", beside=("testIdx",)),
        Sign("evalId", beside=("results",)),
        Within("results", inside=("promptIdx",)),
    ),
    constants={"type": "generation", "log_format": "promptfoo"},
    records=_records,
    traces_itself=True,
)
