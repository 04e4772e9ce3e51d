"""Observations of Langfuse, as versions 1 and 2 of its API and its exports write them."""

from collections.abc import Iterator, Mapping

from .table import END, TOTAL, Field, Format, Record, Sign
from .texts import lowercase_text, message_text
from .values import amount_value, count_value, text_value, time_value

_CALLS = ("GENERATION", "EMBEDDING")


def _level(value: object) -> str:
    return "info" if lowercase_text(value) == "default" else lowercase_text(value)


def _records(record: Record) -> Iterator[Record]:
    flat = dict(record)
    if flat.get("level") == "ERROR" and flat.get("statusMessage"):
        flat["error"] = flat.pop("statusMessage")
    parameters = flat.get("modelParameters")
    if isinstance(parameters, Mapping) and isinstance(parameters.get("service_tier"), str):
        flat["service_tier"] = parameters["service_tier"]  # the tier that served the call, by Langfuse's own client
    yield flat


def _is_call(record: Record) -> bool:
    return str(record.get("type")).upper() in _CALLS


LANGFUSE = Format(
    "langfuse",
    "ObservationV2 of the langfuse package 5.0 and ObservationsView of 3.10 (https://api.reference.langfuse.com); the"
    " keys of usageDetails leave out one another, as langfuse.langchain and"
    " https://langfuse.com/docs/model-usage-and-cost have it, while usage has totals",
    (
        Field("traceId", "trace_id", text_value),
        Field("id", "event_id", text_value),
        Field("startTime", "timestamp", time_value),
        Field("endTime", END, time_value),
        Field("model", "model", text_value),
        Field("providedModelName", "model", text_value, loose=True),
        Field("input", "prompt", message_text, kept=True),
        Field("output", "response", message_text, kept=True),
        Field("type", "type", lowercase_text),
        Field("level", "level", _level),
        Field("error", "error", text_value, loose=True),
        Field("service_tier", "service_tier", text_value),
        Field("name", "name", text_value),
        Field("totalCost", "cost", amount_value),
        Field("calculatedTotalCost", "cost", amount_value),
        Field("costDetails.total", "cost", amount_value, loose=True),
        Field("usageDetails.input", "input_tokens", count_value),
        Field("usageDetails.output", "output_tokens", count_value),
        Field("usageDetails.total", TOTAL, count_value),
        Field("usageDetails.input_cached_tokens", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usageDetails.input_cache_read", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usageDetails.cache_read_input_tokens", "cached_input_tokens", count_value, adds="input_tokens"),
        Field("usageDetails.input_cache_creation", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("usageDetails.cache_creation_input_tokens", "cache_write_tokens", count_value, adds="input_tokens"),
        Field("usageDetails.input_audio_tokens", "", count_value, adds="input_tokens"),
        Field("usageDetails.output_reasoning", "reasoning_tokens", count_value, adds="output_tokens"),
        Field("usageDetails.output_reasoning_tokens", "reasoning_tokens", count_value, adds="output_tokens"),
        Field("usageDetails.output_audio_tokens", "", count_value, adds="output_tokens"),
        Field("usage.input", "input_tokens", count_value, loose=True),
        Field("usage.output", "output_tokens", count_value, loose=True),
        Field("usage.total", TOTAL, count_value),
        Field("promptTokens", "input_tokens", count_value, loose=True),
        Field("completionTokens", "output_tokens", count_value, loose=True),
        Field("totalTokens", TOTAL, count_value),
    ),
    signs=(
        *(Sign(key, beside=("traceId",)) for key in ("usageDetails", "costDetails", "projectId", "promptTokens")),
        *(Sign(key, beside=("traceId",)) for key in ("calculatedTotalCost", "parentObservationId", "modelParameters")),
    ),
    constants={"type": "generation"},
    records=_records,
    is_call=_is_call,
    traces_itself=True,
)
