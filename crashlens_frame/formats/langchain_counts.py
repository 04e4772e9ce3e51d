"""Messages of LangChain and their counts, in the runs of LangSmith and in what a program dumps itself."""

from collections.abc import Mapping
from typing import Any

from ..jsonvalues import is_object
from .answers import count_or_none, mapping_of, unpacked
from .table import Field, Record
from .usage import TOTAL
from .values import count_value, text_value


def plain_message(value: Any) -> Record:
    """Return a message without the envelope in which LangChain writes its objects."""
    message = mapping_of(value)
    return mapping_of(message.get("kwargs")) or mapping_of(message.get("data")) or message


def all_plain(value: Any) -> Any:
    """Return messages without their envelopes, wherever they are in lists."""
    found = unpacked(value)
    if isinstance(found, list):
        return [all_plain(each) for each in found]
    return plain_message(found) if is_object(found) else found


# the count -> its names in the run, in LangChain's counts, in those of OpenAI
_WHOLE = {
    "input": ("prompt_tokens", "input_tokens"),
    "output": ("completion_tokens", "output_tokens"),
    "total": ("total_tokens",),
}
_OF_PROMPT = {
    "cached": ("cache_read", "cached_tokens"),
    "written": ("cache_creation",),
    "written_1h": ("ephemeral_1h_input_tokens",),
    "audio_input": ("audio", "audio_tokens"),
}
_OF_ANSWER = {"reasoning": ("reasoning", "reasoning_tokens"), "audio_output": ("audio", "audio_tokens")}


def counted(run: Record, outputs: Record, message: Record) -> Record:
    """Return a run with the counts of the run itself, or of its answer where it has none or 0 in all."""
    usage = mapping_of(outputs.get("usage_metadata")) or mapping_of(message.get("usage_metadata"))
    raw = mapping_of(mapping_of(outputs.get("llm_output")).get("token_usage")) or mapping_of(outputs.get("usage"))
    whole = run if run.get("total_tokens") else usage or raw
    of_prompt = _first_object(
        (run, "prompt_token_details"), (usage, "input_token_details"), (raw, "prompt_tokens_details")
    )
    of_answer = _first_object(
        (run, "completion_token_details"), (usage, "output_token_details"), (raw, "completion_tokens_details")
    )
    tier, of_prompt, of_answer = _without_tier(of_prompt, of_answer)
    counts = {**_named(whole, _WHOLE), **_named(of_prompt, _OF_PROMPT), **_named(of_answer, _OF_ANSWER)}
    if not counts.get("written"):  # LangChain writes 0 in all where it knows the lifetimes
        lifetimes = [count_or_none(of_prompt.get(f"ephemeral_{each}_input_tokens")) or 0 for each in ("5m", "1h")]
        counts |= {"written": sum(lifetimes)} if any(lifetimes) else {}
    names = {name for names in _WHOLE.values() for name in names}
    rest = {key: value for key, value in run.items() if key not in names or (value and whole is not run)}
    known = {**rest, "counts": counts} if counts else rest
    return {**known, "counted_tier": tier} if tier else known


# LangChain puts the tier before the names of details that it names: flex, flex_cache_read
_TIERS = ("flex", "priority")


def _without_tier(*details: Record) -> tuple[Any, ...]:
    """Return the tier that the names of details begin with, if any, and the details without it."""
    names = [key for each in details for key in each]
    tier = next((tier for tier in _TIERS for key in names if key.partition("_")[0] == tier), None)
    return tier, *({key.removeprefix(f"{tier}_"): value for key, value in each.items()} for each in details)


def _first_object(*places: tuple[Record, str]) -> Record:
    return next((found for record, key in places if (found := mapping_of(record.get(key)))), {})


def _named(record: Record, names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    found = {
        role: next((record[key] for key in keys if record.get(key) is not None), None) for role, keys in names.items()
    }
    return {role: value for role, value in found.items() if value is not None}


# where ``counted`` puts the counts; they include their details
COUNT_FIELDS = (
    Field("counts.input", "input_tokens", count_value),
    Field("counts.output", "output_tokens", count_value),
    Field("counts.total", TOTAL, count_value),
    Field("counts.cached", "cached_input_tokens", count_value),
    Field("counts.written", "cache_write_tokens", count_value),
    Field("counts.written_1h", "cache_write_1h_tokens", count_value),
    Field("counts.audio_input", "audio_input_tokens", count_value),
    Field("counts.reasoning", "reasoning_tokens", count_value),
    Field("counts.audio_output", "audio_output_tokens", count_value),
    Field("counted_tier", "service_tier", text_value),
)
