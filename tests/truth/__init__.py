"""Labelled traffic: logs with a label for each call, how much of its cost was wasted; and a scorer for detectors.

``make_traffic`` plays every scenario of a mix. The rules of the package may be developed on DEVELOPMENT_SEEDS; what is
reported is measured on REPORTING_SEEDS.
"""

from functools import lru_cache

import pandas as pd

from . import (
    agents,  # noqa: F401  the modules of scenarios list them in SCENARIOS
    caching,  # noqa: F401
    choices,  # noqa: F401
    fallbacks,  # noqa: F401
    habits,  # noqa: F401
    repeats,  # noqa: F401
    retries,  # noqa: F401
    sound_agents,  # noqa: F401
    sound_caching,  # noqa: F401
    sound_models,  # noqa: F401
    sound_repeats,  # noqa: F401
)
from .registry import SCENARIOS
from .world import COLUMNS, MIXES, Traffic, World

DEVELOPMENT_SEEDS = (1, 2, 3)
REPORTING_SEEDS = (101, 102, 103)

__all__ = ["DEVELOPMENT_SEEDS", "MIXES", "REPORTING_SEEDS", "frame_of", "make_traffic"]


@lru_cache(maxsize=4)
def make_traffic(seed: int, mix: str) -> Traffic:
    """Play every scenario of a mix as often as it is listed there."""
    world = World(seed, mix)
    for scenario in SCENARIOS.values():
        for run in range(scenario.runs.get(mix, 0)):
            world.play(scenario.name, scenario.kind, run, scenario.play)
    return world.traffic()


def frame_of(traffic: Traffic) -> pd.DataFrame:
    """Lay the records out as a DataFrame, every column of CALLS among them."""
    return pd.DataFrame(traffic.records, columns=list(COLUMNS))
