"""What a period costs if the spend goes on as it has so far: the projection of budgets, which adds up over groups."""

import pandas as pd

_DAY = pd.Timedelta("1D")


def project_at_pace(
    spent: pd.Series, start: pd.Series, end: pd.Series, begin: pd.Timestamp, until: pd.Timestamp
) -> tuple[pd.Series, pd.Series]:
    """Project the spend at the end of periods.

    Parameters
    ----------
    spent
        US dollars since the start of each period.
    start, end
        Start and end of each period; local times without a zone.
    begin
        Day on which the log begins: days before it are not days without spend.
    until
        Time up to which the log goes.

    Returns
    -------
    tuple of Series
        US dollars at the end of each period, what was spent where it is over; and US dollars a day so far, NaN for a
        period that the log does not reach.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame.watch.pace import project_at_pace
    >>> days = [pd.Timestamp(f"2026-{day}") for day in ("06-01", "07-01", "06-11")]
    >>> start, end = (pd.Series([day]) for day in days[:2])
    >>> projected, pace = project_at_pace(pd.Series([40.0]), start, end, days[0], days[2])
    >>> projected.item(), pace.item()
    (120.0, 4.0)
    """
    left = _days_of(end - until)
    covered = _days_of(until - start.where(start > begin, begin))
    pace = (spent / covered).where(covered > 0)
    return (spent + pace * left).where(left > 0, spent).where(start.notna()), pace


def _days_of(between: pd.Series) -> pd.Series:
    """Return lengths in days; a negative length is none."""
    return (between.dt.total_seconds() / _DAY.total_seconds()).clip(lower=0)
