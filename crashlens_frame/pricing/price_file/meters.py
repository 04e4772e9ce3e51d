"""The parts of a cost: one row for each kind of tokens or uses that has its own rate."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """A kind of tokens or uses that has its own rate.

    Attributes
    ----------
    name
        Name of the meter; ``input`` has the rate ``input_price_per_1m`` in price files.
    column
        Column of calls that holds its number of tokens or uses. None: each call counts once.
    part_of
        Meter whose number of tokens includes the tokens of this one. They are billed here and not there. None: no
        other number includes them.
    same_rate_as
        Meter whose rate is used for models without a rate of this one.
    is_required
        Whether every model must have its rate, and every call with a price its number of tokens.
    per
        The number of tokens or uses that a rate is for.
    default_rate
        Rate of models without a rate of this meter; NaN: what is used of it has no price.
    """

    name: str
    column: str | None
    part_of: str | None = None
    same_rate_as: str | None = None
    is_required: bool = False
    per: int = 1_000_000
    default_rate: float = math.nan

    @property
    def rate_key(self) -> str:
        """Key of the rate in price files and column of the rate in frames, in US dollars per ``per`` units."""
        return f"{self.name}_price_per_{'1m' if self.per == 1_000_000 else '1k'}"


# In the order of columns and messages; a meter comes after the meters that it refers to.
METERS = (
    Meter("input", "input_tokens", is_required=True),
    Meter("output", "output_tokens", is_required=True),
    Meter("cached_input", "cached_input_tokens", part_of="input", same_rate_as="input"),
    Meter("cache_write", "cache_write_tokens", part_of="input", same_rate_as="input"),
    Meter("cache_write_1h", "cache_write_1h_tokens", part_of="cache_write", same_rate_as="cache_write"),
    Meter("audio_input", "audio_input_tokens", part_of="input", same_rate_as="input"),
    Meter("reasoning", "reasoning_tokens", part_of="output", same_rate_as="output"),
    Meter("audio_output", "audio_output_tokens", part_of="output", same_rate_as="output"),
    Meter("web_search", "web_searches", per=1_000),
    Meter("request", None, per=1_000, default_rate=0.0),
)
