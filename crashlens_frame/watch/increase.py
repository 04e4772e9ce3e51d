"""Whether the requests of a log cost more than those of another, beyond what chance does."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._core import random_draws
from ..errors import check_number
from ..frame import checked_calls

_N_DRAWS = 1000
_MOST_PARTS = 500  # into which traces are put together; more would change no interval and take longer


@dataclass(frozen=True, slots=True)
class CostIncrease:
    """The mean cost of a trace before and after, and by what share it went up; ``cost_increase`` returns it."""

    before: float
    after: float
    increase: float
    low: float
    high: float


def cost_increase(before: pd.DataFrame, after: pd.DataFrame, *, interval: float = 0.9, seed: int = 0) -> CostIncrease:
    """Compare the mean cost of a trace in two logs, with a bootstrap interval.

    Traces are drawn, because the calls of a trace are not independent. Calls of unknown cost are left out.

    Parameters
    ----------
    before, after
        Frames of calls.
    interval
        Probability of the interval.
    seed
        The same seed gives the same interval.

    Returns
    -------
    CostIncrease
        ``before`` and ``after`` (USD, mean cost of a trace), ``increase`` (0.1 for 10 %), ``low`` and ``high`` (its
        interval). NaN where a log has no call of known cost.

    Raises
    ------
    MissingColumnsError
        A frame lacks ``trace_id`` or ``cost``.
    InvalidOptionError
        ``interval`` is no probability, or ``seed`` no seed.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> before, after = (pd.DataFrame({"trace_id": ["a", "b"], "cost": [each, each]}) for each in (1.0, 1.5))
    >>> cf.cost_increase(before, after)
    CostIncrease(before=1.0, after=1.5, increase=0.5, low=0.5, high=0.5)
    """
    check_number("interval", interval, 0, 1, "a probability between 0 and 1, such as 0.95")
    rng = random_draws(seed)
    old, new = _trace_costs(before), _trace_costs(after)
    if not (len(old) and len(new)):
        return CostIncrease(_mean(old), _mean(new), np.nan, np.nan, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = _drawn_means(new, rng) / _drawn_means(old, rng) - 1
        increase = np.divide(_mean(new), _mean(old)) - 1
    low, high = np.quantile(drawn, [(1 - interval) / 2, (1 + interval) / 2])
    return CostIncrease(_mean(old), _mean(new), float(increase), float(low), float(high))


def _trace_costs(calls: pd.DataFrame) -> np.ndarray:
    """Return the known cost of each trace that has a call of known cost."""
    calls = checked_calls(calls, needs=("trace_id", "cost"))
    known = calls[calls["cost"].notna()]
    return known.groupby("trace_id", observed=True)["cost"].sum().to_numpy("float64")


def _mean(costs: np.ndarray) -> float:
    return float(costs.mean()) if len(costs) else float("nan")


def _drawn_means(costs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mean of each of many samples, drawn with replacement from the costs."""
    n_parts = min(len(costs), _MOST_PARTS)
    part = rng.permutation(len(costs)) % n_parts
    sums, sizes = np.bincount(part, costs), np.bincount(part)
    counts = rng.multinomial(n_parts, np.full(n_parts, 1 / n_parts), _N_DRAWS)
    return (counts @ sums) / (counts @ sizes)
