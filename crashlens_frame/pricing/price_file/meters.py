"""The parts of a cost: one row for each kind of tokens that has its own rate."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """A kind of tokens that has its own rate.

    Attributes
    ----------
    name
        Name of the meter; ``input`` has the rate ``input_price_per_1m`` in price files.
    column
        Column of calls that holds the number of its tokens.
    part_of
        Meter whose number of tokens includes the tokens of this one. They are billed here and not there. None: no
        other number includes them.
    same_rate_as
        Meter whose rate is used for models without a rate of this one. None: every model must have a rate of it, and
        a call without a number of its tokens has no price.
    """

    name: str
    column: str
    part_of: str | None = None
    same_rate_as: str | None = None

    @property
    def rate_key(self) -> str:
        """Key of the rate in price files and column of the rate in frames, in US dollars per million tokens."""
        return f"{self.name}_price_per_1m"

    @property
    def is_required(self) -> bool:
        """Whether every model must have its rate, and every call with a price its number of tokens."""
        return self.same_rate_as is None


# In the order of columns and messages; a meter comes after the meters that it refers to.
METERS = (
    Meter("input", "input_tokens"),
    Meter("output", "output_tokens"),
    Meter("cached_input", "cached_input_tokens", part_of="input", same_rate_as="input"),
    Meter("cache_write", "cache_write_tokens", part_of="input", same_rate_as="input"),
    Meter("cache_write_1h", "cache_write_1h_tokens", part_of="cache_write", same_rate_as="cache_write"),
)
