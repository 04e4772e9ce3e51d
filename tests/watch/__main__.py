"""Print how well anomalies are found in simulated months, beside simpler rules: ``python -m tests.watch``."""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

import crashlens_frame as cf
from tests.watch.months import DAYS, HOURS, KINDS, START, month
from tests.watch.scoring import ALERTS, Score, alerts_of, joined_hours, score
from tests.watch.varied import varied_month


def hourly(calls: pd.DataFrame) -> pd.DataFrame:
    """Return the cost of each hour, a column for each series."""
    hour = (calls["timestamp"] - START) // pd.Timedelta("1h")
    model = calls["model"].astype("str")
    sums = (
        calls[["cost"]]
        .astype("float64")
        .pivot_table(index=hour, columns=model, values="cost", aggfunc="sum", fill_value=0.0)
    )
    return sums.reindex(range(DAYS * HOURS), fill_value=0.0)


def z_score(cost: pd.Series) -> np.ndarray:
    """Whether each hour is more than three standard deviations from the mean of all hours before it."""
    before = cost.shift().expanding(72)
    return ((cost - before.mean()).abs() > 3 * before.std()).to_numpy()


def quartiles(cost: pd.Series) -> np.ndarray:
    """Whether each hour is more than 1.5 interquartile ranges beyond the quartiles of all hours before it."""
    before = cost.shift().expanding(72)
    low, high = before.quantile(0.25), before.quantile(0.75)
    reach = 1.5 * (high - low)
    return ((cost > high + reach) | (cost < low - reach)).to_numpy()


def p95(cost: pd.Series) -> np.ndarray:
    """Whether each hour is above the 95th percentile of all hours before it, as a baseline of CrashLens is."""
    return (cost > cost.shift().expanding(72).quantile(0.95)).to_numpy()


def of_hours(is_unusual: Callable[[pd.Series], np.ndarray]) -> Callable[[pd.DataFrame], ALERTS]:
    """Return a search for alerts by a rule for the cost of an hour."""

    def find(calls: pd.DataFrame) -> ALERTS:
        cost = hourly(calls)
        return [
            alert for name in cost for alert in joined_hours(str(name), np.flatnonzero(is_unusual(cost[name])).tolist())
        ]

    return find


RULES: dict[str, Callable[[pd.DataFrame], ALERTS]] = {
    "cf.anomalies": lambda calls: alerts_of(cf.anomalies(calls)),
    "z-score > 3": of_hours(z_score),
    "IQR": of_hours(quartiles),
    "P95 of CrashLens": of_hours(p95),
}


def row(name: str, reached: Score, seconds: float) -> str:
    """Write a line of the table."""
    kinds = " ".join(f"{found}/{number}".rjust(len(kind)) for kind, (found, number) in reached.by_kind.items())
    return (
        f"{name:<17} {reached.f1:5.2f} {reached.precision:9.2f} {reached.recall:6.2f} {reached.false:5d} "
        f"{1000 * seconds / reached.series:9.0f}  {kinds}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=2000, help="first seed; those below 1000 were developed on")
    parser.add_argument("--months", type=int, default=40)
    parser.add_argument("--varied", action="store_true", help="months unlike each other, of tests/watch/varied.py")
    chosen = parser.parse_args()
    make = varied_month if chosen.varied else month
    months = [make(seed) for seed in range(chosen.first, chosen.first + chosen.months)]
    print(f"{'rule':<17} {'F1':>5} {'precision':>9} {'recall':>6} {'false':>5} {'ms/series':>9}  {' '.join(KINDS)}")
    for rule_name, rule in RULES.items():
        began = time.perf_counter()
        print(row(rule_name, score(months, rule), time.perf_counter() - began), flush=True)
