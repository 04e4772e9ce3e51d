"""The pattern behind findings: which route and model waste money, in which way, how often, and what to change."""

from collections.abc import Iterable

import pandas as pd

from ..detectors import ROSTER, Thresholds, find_waste
from ..errors import InvalidOptionError, check_choice
from ..pricing import Prices
from ..schema import DETECTORS

PATTERN_COLUMNS = ("route", "model", "team", "cause", "severity", "suggested_model")
_SUMS = ("n_findings", "n_calls", "could_save", "waste_cost")
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
        One row per pattern, most expensive first: ``detector``, ``cause``, the columns of ``by``, ``pattern`` (what
        happens and how often, in words), ``savings_note`` (what to change), ``certainty``, ``n_findings``, ``n_calls``,
        ``could_save`` (counted US dollars of candidates) and ``waste_cost`` (of certain and likely findings). An amount
        is NaN where none of the costs is known. Suppressed findings are left out.

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
    >>> cf.waste_by(book.df, "model")[["model", "pattern"]]
       model                                      pattern
    0  gpt-4  retry loops, failed attempts: once, 5 calls
    """
    for name in by:
        check_choice("a column to group by", name, PATTERN_COLUMNS)
    if findings is None:
        findings = find_waste(calls, thresholds=thresholds, prices=prices, rules=rules)
    if not isinstance(findings, pd.DataFrame):
        raise InvalidOptionError(f"findings are {type(findings).__name__}, expected what cf.find_waste returns")
    counted = findings[findings["suppressed_by"].isna()]
    keys = list(dict.fromkeys(("detector", "cause", *(by or ("route", "model")), "savings_note", "certainty")))
    is_candidate = counted["certainty"] == "candidate"
    parts = counted[[*keys, "n_calls"]].assign(
        n_findings=1,
        waste_cost=counted["counted_cost"].where(~is_candidate, 0.0),
        could_save=counted["counted_cost"].where(is_candidate, 0.0),
    )
    return merge_patterns([parts])


def merge_patterns(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return the patterns of a log from those of its parts, in which each row is a pattern or a finding.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.report.patterns import merge_patterns
    >>> book = cf.LogBook()
    >>> trace = book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=4, seed=1)
    >>> half = cf.waste_by(book.df, "model")
    >>> merge_patterns([half, half])["pattern"].tolist()
    ['retry loops, failed attempts: 2 times, 5 calls each']
    """
    every = pd.concat(list(parts), ignore_index=True)
    keys = [name for name in every.columns if name not in (*_SUMS, "pattern")]
    groups = every.groupby(keys, dropna=False, sort=False, observed=True)
    table = groups[list(_SUMS)].sum(min_count=1).reset_index().astype(dict.fromkeys(keys, "str"))
    worth = (table["waste_cost"] + table["could_save"]).round(9)  # the order of addition changes the last digits
    place = table["detector"].map(DETECTORS.index).astype("int64")
    order = table.assign(worth=-worth, place=place).sort_values(["worth", "place", *keys[1:]], kind="stable").index
    table = table.loc[order].reset_index(drop=True).astype(dict.fromkeys(("n_findings", "n_calls"), "Int64"))
    texts = ["pattern", "savings_note"]  # in the middle, where a narrow terminal leaves columns out
    where = [name for name in keys if name not in ("savings_note", "certainty")]
    return table.assign(pattern=_sentences(table))[[*where, *texts, "certainty", *_SUMS]]


def _sentences(table: pd.DataFrame) -> pd.Series:
    """Write what happens, how often, and with how many calls."""
    several = table["n_findings"] > 1
    each = (table["n_calls"].astype("float64") / table["n_findings"].astype("float64")).round()
    parts = (
        table["detector"].map(_TITLES),
        (", " + table["cause"]).fillna(""),
        table["n_findings"].map(": {:,} times, ".format).where(several, ": once, "),
        each.map("{:,.0f} calls".format).where(each != 1, "1 call"),
        several.map({True: " each", False: ""}),
    )
    return sum((part.astype("str") for part in parts[1:]), parts[0].astype("str"))
