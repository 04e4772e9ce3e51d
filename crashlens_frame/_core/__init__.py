"""How the work is done, never what: groups of equal keys, threads, progress bars."""

from .groups import changes, coded, crowds, firsts, hashes, in_groups, keys_of, lengths, sharing, taken, trimmed_lengths
from .parallel import ahead
from .progress import bar, watched

__all__ = [
    "ahead",
    "bar",
    "changes",
    "coded",
    "crowds",
    "firsts",
    "hashes",
    "in_groups",
    "keys_of",
    "lengths",
    "sharing",
    "taken",
    "trimmed_lengths",
    "watched",
]
