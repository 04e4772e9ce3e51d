"""Where random draws come from: whole numbers that a caller gives, or the system."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..errors import InvalidOptionError

Seed: TypeAlias = int | Sequence[int] | None


def random_draws(seed: Seed, kind: str = "") -> np.random.Generator:
    """Return the generator of a seed, another one for each kind of draw; None: one that nobody can repeat.

    Raises
    ------
    InvalidOptionError
        The seed is neither a whole number from 0 on nor several of them.

    Examples
    --------
    >>> from crashlens_frame._core import random_draws
    >>> random_draws(7).integers(100), random_draws(7, "retries").integers(100)
    (np.int64(94), np.int64(33))
    """
    try:
        own = [] if seed is None else [seed] if isinstance(seed, int | np.integer) else list(seed)
        entropy = np.random.SeedSequence([*own, *kind.encode()] if own else None)
    except (TypeError, ValueError) as error:
        raise InvalidOptionError(f"seed is {seed!r}, expected a whole number from 0 on, or several") from error
    return np.random.Generator(np.random.PCG64(entropy))
