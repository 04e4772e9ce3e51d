"""Months of calls as the world writes them, with events whose hours, series and kinds are known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

import crashlens_frame as cf

HOURS = 24
DAYS = 31
KINDS = ("spike", "night loop", "unit price", "shift", "leak", "drop")
START = pd.Timestamp("2026-03-02", tz="UTC")  # a Monday

_CLOCK = np.arange(HOURS)
# calls of each hour of a workday, and how much of that a weekend has
SHAPES = {
    "office": (0.04 + np.exp(-(((_CLOCK - 13.5) / 4.0) ** 2)), 0.15),
    "shop": (0.10 + np.exp(-(((_CLOCK - 19.0) / 4.5) ** 2)) + 0.4 * np.exp(-(((_CLOCK - 12.0) / 2.5) ** 2)), 1.35),
    "around the clock": (np.full(HOURS, 0.7), 1.0),
    "batch at night": (0.05 + 1.2 * ((_CLOCK >= 1) & (_CLOCK < 4)), 0.9),
    "two peaks": (0.06 + np.exp(-(((_CLOCK - 10) / 2.0) ** 2)) + np.exp(-(((_CLOCK - 15.5) / 2.2) ** 2)), 0.35),
}


@dataclass(frozen=True)
class Label:
    """An injected event: hours from the start of the month."""

    series: str
    kind: str
    start: int
    end: int


@dataclass(frozen=True)
class Month:
    """Calls of a month, and what was injected."""

    calls: pd.DataFrame
    labels: list[Label]


def month(seed: int) -> Month:
    """Make a month of four to seven series, with none to three events in it."""
    rng = np.random.default_rng(seed)
    n_series = int(rng.integers(4, 8))
    names = [f"model-{number}" for number in range(n_series)]
    plan = planned(rng, names)
    holiday = int(rng.integers(8, DAYS - 2)) if rng.random() < 0.3 else None
    frames = [_series(rng, name, [each for each in plan if each.series == name], holiday) for name in names]
    rows = pd.concat(frames, ignore_index=True).sort_values("timestamp", ignore_index=True)
    rows["trace_id"] = np.arange(len(rows)).astype(str)
    rows["input_tokens"], rows["output_tokens"], rows["latency_ms"] = 100, 20, 500
    return Month(cf.as_calls(rows), plan)


def planned(rng: np.random.Generator, names: list[str]) -> list[Label]:
    """Choose the events of a month."""
    chosen = rng.choice(names, size=int(rng.choice([0, 1, 1, 2])), replace=False)
    found = []
    for name in chosen:
        kind = str(rng.choice(KINDS))
        day = int(rng.integers(10, DAYS - 5))
        begin = day * HOURS + int(rng.integers(9, 18))
        length = {
            "spike": int(rng.integers(1, 6)),
            "night loop": int(rng.integers(4, 8)),
            "unit price": int(rng.integers(24, 120)),
            "shift": int(rng.integers(72, 140)),
            "leak": int(rng.integers(96, 168)),
            "drop": int(rng.integers(4, 30)),
        }[kind]
        if kind == "night loop":
            begin = day * HOURS + int(rng.integers(0, 3))
        found.append(Label(name, kind, begin, min(begin + length, DAYS * HOURS)))
    return found


def _series(rng: np.random.Generator, name: str, labels: list[Label], holiday: int | None) -> pd.DataFrame:
    shape, weekend = SHAPES[str(rng.choice(list(SHAPES)))]
    days = np.arange(DAYS)
    day_level = np.where(days % 7 >= 5, weekend, 1.0) * (1 + rng.choice([0, 0, 0.005, 0.015])) ** days
    if holiday is not None:
        day_level[holiday] *= rng.uniform(0.1, 0.5)
    scatter = rng.uniform(0.05, 0.2)
    day_level *= np.exp(rng.normal(0, scatter / 2, DAYS))
    mean = (float(np.exp(rng.uniform(np.log(100), np.log(1500)))) / shape.sum() * shape * day_level[:, None]).ravel()
    mean *= rng.gamma(1 / scatter**2, scatter**2, len(mean))
    unit = np.zeros(len(mean))
    for label in labels:
        injected(rng, label, mean, unit)
    n_calls = rng.poisson(mean)
    hour = np.repeat(np.arange(len(mean)), n_calls)
    a_call, spread = float(np.exp(rng.uniform(np.log(0.0005), np.log(0.02)))), rng.uniform(0.5, 1.1)
    route = rng.integers(0, 3, len(hour))
    cost = a_call * np.exp(rng.normal(0, spread, len(hour)) + 0.4 * route + unit[hour])
    huge = rng.random(len(hour)) < 2 / len(hour)
    cost[huge] *= rng.uniform(50, 400, huge.sum())
    cost[rng.random(len(hour)) < 0.01] = np.nan
    seconds = hour * 3600 + rng.uniform(0, 3600, len(hour))
    return pd.DataFrame(
        {
            "timestamp": START + pd.to_timedelta((seconds * 1e6).astype("int64"), unit="us"),
            "model": name,
            "route": np.array(["/chat", "/search", "/agent"])[route],
            "cost": cost,
        }
    )


def injected(rng: np.random.Generator, label: Label, mean: np.ndarray, unit: np.ndarray) -> None:
    """Change the calls of each hour, or the logarithm of their cost, as an event does."""
    hours = slice(label.start, label.end)
    length = label.end - label.start
    if label.kind == "spike":
        mean[hours] = mean[hours] * rng.uniform(3, 8) + mean.mean() * rng.uniform(0.5, 2)
    elif label.kind == "night loop":
        mean[hours] += mean.mean() * rng.uniform(1, 4)
    elif label.kind == "unit price":
        unit[hours] += np.log(rng.uniform(1.4, 4))
    elif label.kind == "shift":
        mean[hours] *= rng.uniform(1.6, 3)
    elif label.kind == "leak":
        ramp = np.linspace(0, np.log(rng.uniform(1.5, 3.0)), length)
        if rng.random() < 0.5:
            unit[hours] += ramp
        else:
            mean[hours] *= np.exp(ramp)
    else:
        mean[hours] *= rng.uniform(0, 0.3)
