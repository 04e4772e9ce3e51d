"""Months unlike each other: days of the week, growth, noise, sparse and young series, weekly jobs, several holidays."""

import numpy as np
import pandas as pd

import crashlens_frame as cf
from tests.watch.months import DAYS, HOURS, START, Label, Month, injected, planned


def varied_month(seed: int) -> Month:
    """Make a month of two to ten series that share holidays and nothing else, with none to three events in it."""
    rng = np.random.default_rng([seed, 1])
    names = [f"model-{number}" for number in range(int(rng.integers(2, 11)))]
    plan = planned(rng, names)
    holidays = np.ones(DAYS)
    if rng.random() < 0.35:
        first = int(rng.integers(6, DAYS - 3))
        holidays[first : first + int(rng.integers(1, 3))] = rng.uniform(0.05, 0.6)
    frames = [_series(rng, name, [each for each in plan if each.series == name], holidays) for name in names]
    rows = pd.concat(frames, ignore_index=True).sort_values("timestamp", ignore_index=True)
    rows["trace_id"] = np.arange(len(rows)).astype(str)
    rows["input_tokens"], rows["output_tokens"], rows["latency_ms"] = 100, 20, 500
    return Month(cf.as_calls(rows), plan)


def _series(rng: np.random.Generator, name: str, labels: list[Label], holidays: np.ndarray) -> pd.DataFrame:
    mean = (_day_levels(rng)[:, None] * _hours_of_a_day(rng)).ravel()
    mean *= np.repeat(holidays ** rng.uniform(0.3, 1.3), HOURS) * _noise(rng, len(mean))
    mean *= float(np.exp(rng.uniform(np.log(20), np.log(2500)))) / (mean.sum() / DAYS)
    if rng.random() < 0.1:  # a job each week
        begin = int(rng.integers(0, 7 * HOURS))
        for hour in range(begin, len(mean), 7 * HOURS):
            mean[hour : hour + 2] += 0.15 * mean.sum() / DAYS
    if rng.random() < 0.1:  # a series that begins later
        mean[: int(rng.integers(1, 6 * HOURS))] = 0
    unit = np.repeat(rng.normal(0, rng.uniform(0, 0.06), DAYS), HOURS) + np.linspace(0, rng.normal(0, 0.1), len(mean))
    for label in labels:
        injected(rng, label, mean, unit)
    hour = np.repeat(np.arange(len(mean)), rng.poisson(mean))
    route = rng.choice(3, len(hour), p=rng.dirichlet([2, 2, 2]))
    cost = np.exp(rng.uniform(np.log(0.0003), np.log(0.03)) + unit[hour] + rng.normal(0, 0.7, 3)[route])
    cost *= np.exp(rng.uniform(0.3, 1.3) * rng.standard_t(8, len(hour)))
    huge = rng.random(len(hour)) < rng.poisson(3) / max(len(hour), 1)
    cost[huge] *= rng.uniform(50, 1000, huge.sum())
    cost[rng.random(len(hour)) < rng.choice([0, 0.01, 0.1])] = np.nan
    seconds = hour * 3600 + rng.uniform(0, 3600, len(hour))
    return pd.DataFrame(
        {
            "timestamp": START + pd.to_timedelta((seconds * 1e6).astype("int64"), unit="us"),
            "model": name,
            "route": np.array(["/chat", "/search", "/agent"])[route],
            "cost": cost,
        }
    )


def _hours_of_a_day(rng: np.random.Generator) -> np.ndarray:
    """Return how many calls each hour has: one hump to three, narrow or wide, and never nothing at all."""
    shape = np.full(HOURS, rng.choice([0.02, 0.1, 0.5, 2.0]))
    for _ in range(int(rng.integers(1, 4))):
        apart = np.abs(np.arange(HOURS) - rng.uniform(0, HOURS))
        shape += rng.uniform(0.3, 1) * np.exp(-((np.minimum(apart, HOURS - apart) / rng.uniform(1, 5)) ** 2))
    return shape


def _day_levels(rng: np.random.Generator) -> np.ndarray:
    week = np.exp(rng.normal(0, 0.08, 7))
    week[5:] *= rng.choice([0.05, 0.2, 0.6, 1.0, 1.4], 2 if rng.random() < 0.4 else 1)
    noise = rng.uniform(0.02, 0.1) * rng.choice([rng.normal(0, 1, DAYS), rng.standard_t(4, DAYS)])
    return week[np.arange(DAYS) % 7] * np.exp(noise + rng.normal(0.003, 0.007) * np.arange(DAYS))


def _noise(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return the noise of the hours: of each alone, with a long tail, or lasting from hour to hour."""
    scatter = rng.uniform(0.05, 0.25)
    kind = rng.integers(3)
    if kind == 0:
        return rng.gamma(1 / scatter**2, scatter**2, size)
    if kind == 1:
        return np.exp(scatter * rng.normal(0, 1, size))
    lasting = rng.normal(0, scatter, size)
    for hour in range(1, size):
        lasting[hour] = 0.8 * lasting[hour - 1] + 0.6 * lasting[hour]
    return np.exp(lasting)
