"""What is billed of a call: one row for each kind of tokens that has a rate of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """Tokens that are billed at a rate of their own.

    Attributes
    ----------
    name
        Name of the meter; ``input`` has the rate ``input_price_per_1m`` in price files.
    column
        Column of calls that holds the number of its tokens.
    part_of
        Meter whose number of tokens includes these; at its rate only the tokens outside its parts are billed. None:
        the number stands for itself.
    same_rate_as
        Meter whose rate holds where a model has none for this one. None: every model needs a rate for it, and every
        call a number of its tokens.
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
        """Whether no call has a price without it."""
        return self.same_rate_as is None


# The order is that of columns and messages, and a meter is listed below the one whose rate it may share.
METERS = (
    Meter("input", "input_tokens"),
    Meter("output", "output_tokens"),
    Meter("cached_input", "cached_input_tokens", part_of="input", same_rate_as="input"),
    Meter("cache_write", "cache_write_tokens", part_of="input", same_rate_as="input"),
    Meter("cache_write_1h", "cache_write_1h_tokens", part_of="cache_write", same_rate_as="cache_write"),
)
