"""Times of calls as clocks on the wall show them, and up to when a log goes."""

import pandas as pd

from ..errors import InvalidOptionError
from ..frame import arrow_column
from ..report import shown_by_clocks


def local_times(calls: pd.DataFrame, tz: str) -> pd.Series:
    """Return the start of each call as a clock in a time zone shows it, without the zone.

    Raises
    ------
    InvalidOptionError
        ``tz`` is no time zone.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.watch.moments import local_times
    >>> local_times(pd.DataFrame({"timestamp": pd.to_datetime(["2026-06-01T23:00Z"])}), "Europe/Paris").item()
    Timestamp('2026-06-02 01:00:00')
    """
    times = arrow_column(calls["timestamp"], "timestamp").to_pandas()
    try:
        if tz != "UTC":
            times = shown_by_clocks(times)
        return times.dt.tz_convert(tz).dt.tz_localize(None)
    except (LookupError, ValueError, TypeError, OverflowError, OSError) as error:
        raise InvalidOptionError(f"tz is {tz!r}, expected the name of a time zone such as Europe/Paris") from error


def end_of_log(calls: pd.DataFrame, tz: str, now: object = None) -> pd.Timestamp:
    """Return up to when a log goes, as a clock in a time zone shows it; NaT if that is not known.

    Parameters
    ----------
    calls
        Frame of calls.
    tz
        Name of a time zone.
    now
        The time, which is in the time zone if it names none; None: the end of the day of the last call.

    Raises
    ------
    InvalidOptionError
        ``now`` is no time, or ``tz`` no time zone.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.watch.moments import end_of_log
    >>> end_of_log(pd.DataFrame({"timestamp": pd.to_datetime(["2026-06-01T12:00Z"])}), "UTC")
    Timestamp('2026-06-02 00:00:00')
    """
    times = local_times(calls, tz)
    if now is None:
        last = times.max()
        return last if pd.isna(last) else last.floor("D") + pd.Timedelta("1D")
    try:
        moment = pd.Timestamp(now)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise InvalidOptionError(f"now is {now!r}, expected a time such as 2026-06-10T12:00Z") from error
    return moment if moment.tzinfo is None else moment.tz_convert(tz).tz_localize(None)
