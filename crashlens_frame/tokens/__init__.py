"""Numbers of tokens, counted where the log did not report them."""

from .counting import FAMILIES, add_tokens, count_tokens, fill_tokens

__all__ = ["FAMILIES", "add_tokens", "count_tokens", "fill_tokens"]
