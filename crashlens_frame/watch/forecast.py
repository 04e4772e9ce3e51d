"""What will be spent until the end of a day, week, month, quarter or year, with an interval."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from .._core import random_draws
from ..errors import check_choice, check_number, several_texts
from ..frame import checked_calls
from .fields import field_values
from .moments import end_of_log, local_times
from .pace import project_at_pace

UNTILS = ("day", "week", "month", "quarter", "year")
FEWEST_DAYS = 7  # of complete days with which an interval is given
MOST_DAYS = 56  # days before these say little of the level of today
_N_DRAWS = 4000
_DAY = pd.Timedelta("1D")
_PERIODS = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}
# scales of the logarithm of the spend of a day; those that fit the days are used
_LEVEL = 3.0
_WEEKDAYS = (0.02, 0.3, 0.9)
_TRENDS = (0.0, 0.008)  # a day
_SCATTERS = (0.001, 0.03, 0.06, 0.12, 0.2, 0.35, 0.6, 1.0, 1.6)
_LASTING = (
    (0.0, 0.0),
    (0.6, 0.5),
    (0.95, 0.5),
    (0.95, 0.8),
)  # part of the scatter that lasts, and what is left after a day
_ROUNDING = 1e-10  # keeps a covariance positive
_OFFSET = 0.02  # of the mean, added before the logarithm is taken


def forecast(
    calls: pd.DataFrame,
    *,
    until: str = "month",
    by: str | Sequence[str] = (),
    interval: float = 0.8,
    tz: str = "UTC",
    now: object = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Forecast the spend at the end of the current period.

    The days left are drawn many times from what the days before make likely: a level, the weekdays, a trend, and a
    scatter that may last for days. The interval covers what is not known of each of them. On simulated months about 80
    % of the ends lie in the interval of 80 %.

    Parameters
    ----------
    calls
        Frame of calls with their costs; the more days, the better.
    until
        End of the period: ``"day"``, ``"week"``, ``"month"``, ``"quarter"`` or ``"year"``.
    by
        Field or fields to forecast apart: columns, ``tags.key`` or paths ``extra.path``.
    interval
        Probability of the interval, such as 0.8; what is left is half above it and half below it.
    tz
        Time zone in which days and periods begin.
    now
        Time up to which the log goes; None: the end of the day of the last call.
    seed
        The same seed gives the same interval.

    Returns
    -------
    DataFrame
        One row per group, or one: the fields of ``by``, ``start`` and ``end`` of the period (local time), ``spent``
        (USD since its start, as far as known), ``unknown`` (number of its calls whose cost is not known),
        ``projected`` (USD at its end), ``low`` and ``high`` (the interval; NaN with fewer than seven complete days),
        ``n_days`` (complete days that the forecast rests on), ``pace`` (USD at its end if the spend goes on as on its
        days so far, whatever their weekdays: the projection of :func:`crashlens_frame.budgets`). Calls of unknown cost
        are in none of the sums. Calls without a time are left out.

    Raises
    ------
    InvalidOptionError
        An option has a value that is not allowed.
    MissingColumnsError
        The frame lacks ``timestamp`` or ``cost``.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> for day in range(1, 11):
    ...     trace = book.log(model="gpt-4o", prompt="Hi", timestamp=f"2026-06-{day:02}T12:00Z", cost=4)
    >>> cf.forecast(book.df)[["spent", "projected", "low", "high", "n_days"]].round(1)
       spent  projected    low   high  n_days
    0   40.0      120.0  119.9  120.1      10
    """
    check_choice("until", until, UNTILS)
    check_number("interval", interval, 0, 1, "a probability between 0 and 1, such as 0.8")
    rng = random_draws(seed)
    calls = checked_calls(calls, needs=("timestamp", "cost"))
    names = list(several_texts("by", by))
    end_of_calls = end_of_log(calls, tz, now)
    days = pd.DataFrame({name: field_values(calls, name).astype("str").to_numpy() for name in names})
    days["time"], days["cost"] = local_times(calls, tz).to_numpy(), calls["cost"].to_numpy("float64")
    days = days[days["time"].notna() & (days["time"] < end_of_calls)]
    if days.empty:
        return pd.DataFrame({name: pd.Series(dtype="str") for name in names} | _empty())
    # an instant before the end, so that the midnight at the end of a month belongs to the month
    period = (end_of_calls - pd.Timedelta("1us")).to_period(_PERIODS[until])
    start, end = period.start_time.as_unit("us"), (period + 1).start_time.as_unit("us")
    first = days["time"].min().floor("D")
    groups = days.groupby(names, dropna=False, sort=True) if names else [((), days)]
    rows = []
    for key, group in groups:
        in_period = group[group["time"] >= start]
        spent = _known_sum(in_period["cost"])
        daily = _daily(group, first, end_of_calls)
        ahead = _ahead(daily, end_of_calls, end, group, interval, rng)
        total = [(0.0 if np.isnan(spent) else spent) + part for part in ahead]
        row = dict(zip(names, key, strict=True))
        row |= {"start": start, "end": end, "spent": spent, "unknown": int(in_period["cost"].isna().sum())}
        rows.append(row | dict(zip(("projected", "low", "high"), total, strict=True)) | {"n_days": len(daily)})
    result = pd.DataFrame(rows)
    result["pace"], _ = project_at_pace(result["spent"], result["start"], result["end"], first, end_of_calls)
    return result.astype({"unknown": "int64", "n_days": "int64"} | dict.fromkeys(names, "str"))


def _empty() -> dict[str, pd.Series]:
    times: dict[str, pd.Series] = {name: pd.Series(dtype="datetime64[us]") for name in ("start", "end")}
    numbers = {"spent": "float64", "unknown": "int64", "projected": "float64", "low": "float64", "high": "float64"}
    numbers |= {"n_days": "int64", "pace": "float64"}
    return times | {name: pd.Series(dtype=dtype) for name, dtype in numbers.items()}


def _known_sum(costs: pd.Series) -> float:
    """Return the sum of the known costs: 0 for no calls, NaN where no cost is known."""
    return float(costs.sum(min_count=1)) if len(costs) else 0.0


def _daily(group: pd.DataFrame, first: pd.Timestamp, end: pd.Timestamp) -> pd.Series:
    """Return the spend of each complete day from the first of the log on; a day without calls has 0."""
    days = pd.date_range(max(first, end.floor("D") - MOST_DAYS * _DAY), end.floor("D") - _DAY, freq="D")
    return group["cost"].groupby(group["time"].dt.floor("D")).sum().reindex(days, fill_value=0.0)


def _ahead(
    daily: pd.Series,
    now: pd.Timestamp,
    end: pd.Timestamp,
    group: pd.DataFrame,
    interval: float,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Return what is spent from now until the end: expected, low, high."""
    left = pd.date_range(now.floor("D"), end - _DAY, freq="D")
    if not len(left):
        return 0.0, 0.0, 0.0
    # of today only the hours that are left are ahead
    share = np.ones(len(left))
    share[0] = 1 - (now - left[0]) / _DAY
    mean = daily.mean()
    if len(daily) < FEWEST_DAYS or not mean > 0:
        pace = _known_sum(group["cost"]) / ((now - group["time"].min().floor("D")) / _DAY)
        return pace * share.sum(), np.nan, np.nan
    # relative to the mean, and moved away from 0, whose logarithm there is none of
    seen = np.log(daily.to_numpy().clip(min=0) / mean + _OFFSET)
    weekday = np.concatenate([pd.DatetimeIndex(daily.index).day_of_week, left.day_of_week])
    days = np.exp(_draws(seen, weekday, rng)) - _OFFSET
    total = mean * (days.clip(min=0) @ share)
    low, high = np.quantile(total, [(1 - interval) / 2, (1 + interval) / 2])
    return float(total.mean()), float(low), float(high)


def _draws(seen: np.ndarray, weekday: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return draws of the days after those that were seen, all of them as logarithms.

    The days are normal variables with a level, a part of their weekday, a trend and a scatter that lasts, the scales of
    which are not known: each set of scales is drawn as often as the days that were seen make it likely.
    """
    n_seen, n_ahead = len(seen), len(weekday) - len(seen)
    scales = list(product(_WEEKDAYS, _TRENDS, _SCATTERS, _LASTING))
    chance = np.array([_likelihood(seen, _covariance(weekday[:n_seen], n_seen, *each)) for each in scales])
    chance = np.exp(chance - chance.max())
    draws = []
    for each, number in zip(scales, rng.multinomial(_N_DRAWS, chance / chance.sum()), strict=True):
        if number:
            whole = _covariance(weekday, n_seen, *each)
            lower = np.linalg.cholesky(whole[:n_seen, :n_seen])
            known = np.linalg.solve(lower, np.column_stack([seen, whole[:n_seen, n_seen:]]))
            spread = whole[n_seen:, n_seen:] - known[:, 1:].T @ known[:, 1:] + _ROUNDING * np.eye(n_ahead)
            noise = rng.standard_normal((number, n_ahead)) @ np.linalg.cholesky(spread).T
            draws.append(known[:, 1:].T @ known[:, 0] + noise)
    return np.concatenate(draws)


def _covariance(
    weekday: np.ndarray, n_seen: int, of_weekday: float, of_trend: float, of_scatter: float, kind: tuple[float, float]
) -> np.ndarray:
    """Return the covariance of the logarithms of days, given the scales of their parts."""
    day = np.arange(len(weekday))
    apart = np.abs(np.subtract.outer(day, day))
    part, left = kind
    scatter = part * left**apart + (1 - part) * (apart == 0)
    trend = np.multiply.outer(day - n_seen / 2, day - n_seen / 2)
    return _LEVEL**2 + of_weekday**2 * np.equal.outer(weekday, weekday) + of_trend**2 * trend + of_scatter**2 * scatter


def _likelihood(seen: np.ndarray, covariance: np.ndarray) -> float:
    """Return the logarithm of the likelihood of days, but for a constant."""
    lower = np.linalg.cholesky(covariance)
    return -0.5 * float(np.sum(np.linalg.solve(lower, seen) ** 2)) - float(np.log(np.diag(lower)).sum())
