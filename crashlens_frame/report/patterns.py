"""The pattern behind findings: which route and model waste money, in which way, how often, and what to change."""

import pandas as pd

from ..detectors import ROSTER, Thresholds, find_waste
from ..errors import check_choice
from ..pricing import Prices

PATTERN_COLUMNS = ("route", "model", "team", "cause", "severity", "suggested_model")
_TITLES = {detector.name: detector.title for detector in ROSTER}


def waste_by(
    calls: pd.DataFrame,
    *by: str,
    findings: pd.DataFrame | None = None,
    thresholds: Thresholds | None = None,
    prices: Prices | None = None,
    rules: str = "default",
) -> pd.DataFrame:
    """Return the patterns behind the findings: what happens where, how often, for how many dollars, what to change.

    Parameters
    ----------
    calls
        Frame of calls.
    *by
        Columns of FINDINGS to group by, beside the detector and the cause: "route", "model", "team", "cause",
        "severity", "suggested_model"; route and model when not given.
    findings
        Findings in the calls; those of ``find_waste`` when not given.
    thresholds, prices, rules
        See :func:`crashlens_frame.find_waste`.

    Returns
    -------
    DataFrame
        One row per pattern, most expensive first: ``detector``, ``cause``, the columns of ``by``, ``certainty``,
        ``n_findings``, ``n_calls``, ``waste_cost`` (counted US dollars of certain and likely findings), ``could_save``
        (of candidates), ``pattern`` (one sentence) and ``savings_note`` (what to change). Suppressed findings are left
        out.

    Raises
    ------
    MissingColumnsError, PriceFileError
        As :func:`crashlens_frame.find_waste`.
    InvalidOptionError
        A column to group by is none of those, or as ``find_waste``.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=4, seed=1)
    >>> cf.waste_by(book.df, "model")[["detector", "model", "pattern"]]
          detector  model                  pattern
    0  retry_loops  gpt-4  1 retry loop of 5 calls
    """
    for name in by:
        check_choice("a column to group by", name, PATTERN_COLUMNS)
    if findings is None:
        findings = find_waste(calls, thresholds=thresholds, prices=prices, rules=rules)
    counted = findings[findings["suppressed_by"].isna()]
    keys = list(dict.fromkeys(("detector", "cause", *(by or ("route", "model")), "certainty")))
    candidate = counted["certainty"] == "candidate"
    texts = counted.assign(
        **{name: counted[name].astype("str") for name in keys},
        waste_cost=counted["counted_cost"].where(~candidate, 0.0),
        could_save=counted["counted_cost"].where(candidate, 0.0),
    )
    groups = texts.groupby(keys, dropna=False, sort=False)
    table = groups.agg(
        n_findings=("finding_id", "size"),
        n_calls=("n_calls", "sum"),
        waste_cost=("waste_cost", "sum"),
        could_save=("could_save", "sum"),
        savings_note=("savings_note", "first"),
    ).reset_index()
    table.insert(len(table.columns) - 1, "pattern", _sentences(table))
    worth = table["waste_cost"] + table["could_save"]
    order = worth.sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True).astype({"savings_note": "str", "n_calls": "Int64"})


def _sentences(table: pd.DataFrame) -> pd.Series:
    """Write how often something happens, and of how many calls it is."""
    title = table["detector"].map(_TITLES).astype("str")
    title = title.where(table["n_findings"] != 1, title.str.removesuffix("s"))
    each = (table["n_calls"].astype("float64") / table["n_findings"].clip(lower=1)).round().astype("int64")
    calls = each.astype("str") + each.map(lambda number: " call" if number == 1 else " calls")
    several = (table["n_findings"] > 1).map({True: " each", False: ""})
    return table["n_findings"].map("{:,}".format) + " " + title + " of " + calls + several
