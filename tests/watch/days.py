"""Simulated months of spend: weeks of several shapes, growth, noise that lasts, huge calls."""

import numpy as np
import pandas as pd

WEEKS = {
    "office": (1.2, 1.25, 1.2, 1.15, 1.0, 0.25, 0.2),
    "flat": (1.0,) * 7,
    "weekend": (0.8, 0.8, 0.8, 0.9, 1.1, 1.4, 1.3),
}


def simulated_days(seed: int, days: int) -> np.ndarray:
    """Return the spend of each day, whose kind of month is drawn too; day 0 is a Monday."""
    rng = np.random.default_rng(seed)
    week = np.array(list(WEEKS.values())[rng.integers(len(WEEKS))])
    calls_a_day = 10 ** rng.uniform(1.5, 3.5)
    growth = rng.choice([0.0, 0.0, 0.005, 0.01, -0.005])
    noise = np.zeros(days)
    scale, lasting = rng.choice([0.05, 0.15, 0.3]), rng.choice([0.0, 0.3, 0.6])
    for day in range(days):
        noise[day] = lasting * noise[day - 1] + scale * np.sqrt(1 - lasting**2) * rng.standard_normal()
    level = calls_a_day * week[np.arange(days) % 7] * np.exp(growth * np.arange(days) + noise)
    spread = rng.uniform(0.3, 1.5)
    n_calls = rng.poisson(level)
    return np.array([0.01 * rng.lognormal(0, spread, number).sum() for number in n_calls])


def calls_of_days(spend: np.ndarray, first: str) -> pd.DataFrame:
    """Return a frame with a call at noon of each day that costs what the day did."""
    times = pd.date_range(first, periods=len(spend), freq="D", tz="UTC") + pd.Timedelta("12h")
    return pd.DataFrame({"timestamp": times, "cost": spend})
