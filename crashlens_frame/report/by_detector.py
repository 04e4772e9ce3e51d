"""What each detector found, summed up, and what it lacked where it could not look."""

from collections.abc import Sequence

import pandas as pd

from .._core import exact_sums
from ..detectors import Detector
from ..schema import DETECTORS


def waste_by_detector(findings: pd.DataFrame, missing: Sequence[str | None]) -> pd.DataFrame:
    """Return ``Report.waste``, given for each detector the column without which it could not look.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.report.by_detector import waste_by_detector
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=4, seed=1)
    >>> waste_by_detector(cf.find_waste(book.df), [None] * 10)["n_findings"].sum()
    np.int64(1)
    """
    detector = findings["detector"].astype(pd.CategoricalDtype(list(DETECTORS), ordered=True))
    counted = findings["suppressed_by"].isna()
    is_candidate = findings["certainty"] == "candidate"
    split = findings.assign(
        waste_cost=findings["counted_cost"].where(~is_candidate, 0.0),
        could_save=findings["counted_cost"].where(is_candidate, 0.0),
    )
    by_detector = split[counted].groupby(detector[counted], observed=False)
    sums = exact_sums(by_detector[["cost", "waste_cost", "could_save", "waste_tokens"]])
    n_findings = by_detector.size()
    return pd.DataFrame(
        {
            "n_findings": n_findings,
            "n_traces": by_detector["trace_id"].nunique(),
            **{name: sums[name].where(n_findings > 0, 0) for name in sums},
            "n_suppressed": detector[~counted].value_counts().reindex(n_findings.index),
            "missing": pd.array(missing, dtype="str"),
        }
    ).reset_index(names="detector")


def missing_column(detector: Detector, calls: pd.DataFrame) -> str | None:
    """Return what a detector needs and no call has: it could not look, and found nothing for that reason.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.detectors import ROSTER
    >>> from crashlens_frame.report.by_detector import missing_column
    >>> missing_column(ROSTER[0], cf.LogBook().df) is None
    True
    """
    if not len(calls):
        return None
    for columns in detector.looks_at:
        if not any(name in calls.columns and calls[name].notna().any() for name in columns):
            return columns[0]
    return None
