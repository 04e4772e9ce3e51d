"""Periods of the calendar in a time zone: when the one of each call begins, and when all between two begin."""

from math import gcd

import numpy as np
import pandas as pd

from ..errors import InvalidOptionError
from ..times import EARLIEST, LATEST

_MOST_LOOKS = 10_000_000  # moments that are looked at for the beginnings of periods
_CALENDAR = {
    "MS": "M", "ME": "M", "QS-JAN": "Q", "QE-DEC": "Q", "YS-JAN": "Y", "YE-DEC": "Y",
    **{f"W-{day}": f"W-{day}" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")},
}  # fmt: skip


def period_starts(times: pd.Series, freq: str, zone: str) -> pd.Series:
    """Return the start of the period that contains each time, in the time zone.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.periods import period_starts
    >>> period_starts(pd.Series(pd.to_datetime(["2026-03-01 23:30Z"])), "D", "Europe/Paris").item()
    Timestamp('2026-03-02 00:00:00+0100', tz='Europe/Paris')
    """
    step = _step(freq)
    if isinstance(step, str) or step % pd.Timedelta("1min") == pd.Timedelta(0):
        # a log has far fewer distinct minutes than distinct times, and what follows is slow for each of them
        times = times.dt.floor("min")
    numbers, distinct = pd.factorize(times if zone == "UTC" else shown_by_clocks(times))
    try:
        local = pd.DatetimeIndex(distinct).tz_convert(zone)
    except (LookupError, ValueError, TypeError, OverflowError, OSError) as error:
        raise InvalidOptionError(f"tz is {zone!r}, expected the name of a time zone such as Europe/Paris") from error
    wall = local.tz_localize(None)
    earlier = np.ones(len(wall), bool)
    if isinstance(step, str):
        start = wall.to_period(step).start_time
    else:
        start = wall.floor(freq)
        if step <= pd.Timedelta("1h"):
            # the hour that clocks show twice in autumn is two hours
            earlier = wall.tz_localize(zone, ambiguous=earlier) == local
    start = start.tz_localize(zone, ambiguous=earlier, nonexistent="shift_forward").as_unit("us")
    # a missing time has the number -1, so it takes the NaT at the end
    return pd.Series(start.insert(len(start), pd.NaT)[numbers])


def shown_by_clocks(times: pd.Series) -> pd.Series:
    """Return times, null where a clock in some time zone would be before the year 1 or past the year 9999.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.periods import shown_by_clocks
    >>> times = pd.Series(["0001-01-01", "2026-03-01"], dtype="datetime64[us, UTC]")
    >>> shown_by_clocks(times).isna().tolist()
    [True, False]
    """
    day = pd.Timedelta("1D")
    return times.where(times.between(_moment(EARLIEST) + day, _moment(LATEST) - day))


def _moment(micros: int) -> pd.Timestamp:
    return pd.Timestamp(micros, unit="us", tz="UTC").as_unit("us")


def all_period_starts(first: pd.Timestamp, last: pd.Timestamp, freq: str) -> pd.DatetimeIndex:
    """Return the starts of all periods from one start to another, in its time zone.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.report.periods import all_period_starts
    >>> first, last = pd.Timestamp("2026-03-01", tz="Europe/Paris"), pd.Timestamp("2026-05-01", tz="Europe/Paris")
    >>> all_period_starts(first, last, "ME").strftime("%d %B").tolist()
    ['01 March', '01 April', '01 May']
    """
    step = _step(freq)
    if isinstance(step, str):
        # of periods, as date_range steps from one end of a month to the next where a freq names the end
        times = pd.period_range(first.tz_localize(None), last.tz_localize(None), freq=step).start_time
        times = times.tz_localize(first.tz, ambiguous=np.ones(len(times), bool), nonexistent="shift_forward")
        times = times.tz_convert("UTC")
    else:
        # a change of clocks makes a period longer or shorter by half an hour or more, so a look in each misses none
        look = pd.Timedelta(gcd(step.as_unit("ns").value, pd.Timedelta("30min").as_unit("ns").value), "ns")
        if (last - first).total_seconds() / look.total_seconds() > _MOST_LOOKS:
            raise InvalidOptionError(
                f"freq is {freq!r}, too short for calls from {first.date()} to {last.date()}; expected MS or YS, or no"
                " calls that are dated far off"
            )
        times = pd.date_range(first.tz_convert("UTC"), last.tz_convert("UTC"), freq=look)
    return pd.DatetimeIndex(period_starts(pd.Series(times), freq, str(first.tz)).unique())


def _step(freq: str) -> pd.Timedelta | str:
    """Return the length of a period, or the pandas name of a period of the calendar."""
    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except (ValueError, TypeError):
        offset = None
    if isinstance(offset, pd.offsets.Tick | pd.offsets.Day) and offset.n > 0:
        return pd.Timedelta(days=offset.n) if isinstance(offset, pd.offsets.Day) else pd.Timedelta(offset)
    if offset is not None and offset.n == 1 and offset.rule_code in _CALENDAR:
        return _CALENDAR[offset.rule_code]
    raise InvalidOptionError(f"freq is {freq!r}, expected a length such as 15min, h, 6h or D, or one of W, MS, QS, YS")
