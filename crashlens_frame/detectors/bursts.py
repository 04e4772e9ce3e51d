"""Paid calls of one trace and prompt, soon after one another: how their models were chosen."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .._core import hash_keys, joint_codes
from .facts import NEVER, PLACE_COLUMNS, SAME_COUNT, SECOND, Facts
from .lanes import Lane, lanes
from .traces import OrderedCalls

FALLBACK_READS = (
    "latency_ms", "billed", "token_source", "prompt_hash", "fallback_attempted", "fallback_reason", "tool_calls",
    "name", "route", "tags", "team",
)  # fmt: skip
# reasons of a cascade that is planned: the cheaper answer was not sure or not good enough
_PLANNED = r"(?i)confiden|quality|escalat|uncertain|unsure|too hard|complexity"
_TOKENS_APART = 2  # of the tokenizers of today, none makes twice as many tokens of a text as another does
_PANEL = 5  # the same models in this number of traces are compared on purpose
# two models asked together are compared; a hedged request waits for the first one longer than this
_AT_ONCE = SECOND // 4


@dataclass(frozen=True)
class Bursts:
    """Paid calls of one trace and prompt, soon after one another; each array has one entry per call of the lane."""

    ordered: OrderedCalls
    lane: Lane
    answered: np.ndarray  # of each row of the frame
    models: np.ndarray
    overlap: np.ndarray
    marked: np.ndarray
    planned: np.ndarray
    panel: np.ndarray
    panel_key: np.ndarray  # equal where models are compared in the same way; 0 where none are
    evaluation: np.ndarray

    @property
    def facts(self) -> Facts:
        """What the detectors know of each row of the frame."""
        return self.ordered.columns.facts


def bursts_of_models(ordered: OrderedCalls, window: int) -> Bursts:
    """Place the paid calls of each trace and prompt side by side, and find out how the models in them were chosen."""
    facts = ordered.columns.facts
    model = _lowered_models(facts)
    rows = np.flatnonzero(ordered.mixed)
    rows = rows[(facts.question[rows] >= 0) & (facts.start[rows] != NEVER) & (facts.paid[rows] != 0)]
    rows = rows[model[rows] >= 0]
    lane = lanes(facts, [ordered.traces, facts.question], rows, least=2)
    lane = lane.only(lane.any(lane.follows & (model[lane.row] != lane.previous(model))))
    lane = lane.split(lane.rise(facts.start) > window)
    lane = lane.only((lane.size > 1) & ~_steps_of_agents(facts, lane, model))
    models = lane.distinct(model[lane.row])
    lane_starts_before_end = lane.follows & (facts.start[lane.row] < lane.previous(facts.end))
    changed = lane.follows & (model[lane.row] != lane.previous(model))
    reason = facts.matches("fallback_reason", ".")
    attempted = _true(facts, "fallback_attempted")
    marked = changed & (reason | attempted)[lane.row]
    planned = marked & facts.matches("fallback_reason", _PLANNED)[lane.row]
    together = lane.reduce(np.where(lane.follows, lane.rise(facts.start), 0), np.maximum) <= _AT_ONCE
    compared = (models == lane.size) & ~lane.any(marked) & ((models >= 3) | together)
    key = _panel_keys(facts, lane, compared)
    panels = frequent_panels(key[~lane.follows]) if ordered.part is None else key[:0]
    return Bursts(
        ordered,
        lane,
        ordered.columns.answered,
        models=models,
        overlap=lane.any(lane_starts_before_end & changed),
        marked=lane.any(marked),
        planned=lane.any(planned),
        panel=np.isin(key, panels),
        panel_key=key,
        evaluation=lane.any(facts.is_evaluation[lane.row]),
    )


def _steps_of_agents(facts: Facts, lane: Lane, model: np.ndarray) -> np.ndarray:
    """Return which bursts are steps of an agent whose log shows only the user's question as their prompt.

    A step asks for a tool, or its input grows: the counts of one model differ, or those of two models by more than the
    tokens that they make of one text do.
    """
    reported = facts.reported_input[lane.row]
    one_model = joint_codes([lane.number, model[lane.row]], len(lane.row) + 1)  # a table of these is small
    grows = _largest(reported, one_model) - _smallest(reported, one_model) > SAME_COUNT
    grows |= _largest(reported, lane.number) > _TOKENS_APART * _smallest(reported, lane.number)
    return lane.any(grows | (facts.tools[lane.row] >= 0) & lane.linked)


def _largest(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return for each value the largest known one of its group."""
    largest = np.full(int(group.max(initial=-1)) + 1, np.nan)
    np.fmax.at(largest, group, values)
    return largest[group]


def _smallest(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return for each value the smallest known one of its group."""
    return -_largest(-values, group)


def frequent_panels(keys: np.ndarray) -> np.ndarray:
    """Return the panels, by the keys of all bursts: the same models, each once and unmarked, in five traces or more."""
    distinct, n_bursts = np.unique(keys[keys != 0], return_counts=True)
    return distinct[n_bursts >= _PANEL]


def _panel_keys(facts: Facts, lane: Lane, each_once: np.ndarray) -> np.ndarray:
    """Return for each row a number for the models of its burst and the place of its first call; 0 if not each once."""
    if not each_once.any():
        return np.zeros(len(lane.row), np.int64)
    code, names = facts.labels("model")
    lowered = pd.Series(names.to_pylist(), dtype=object).str.lower()
    model = np.append(pd.util.hash_array(lowered.to_numpy(), categorize=False), np.uint64(0))[code[lane.row]]
    first = lane.row[lane.starts][lane.number]
    place = [facts.label_hashes(name)[first] for name in PLACE_COLUMNS]
    key = hash_keys([lane.reduce(model, np.add), *place]).view(np.int64)
    return np.where(each_once, key, 0)


def _lowered_models(facts: Facts) -> np.ndarray:
    """Return a code for each model, equal for names that differ in case only; -1 for none and an empty name."""
    code, names = facts.labels("model")
    lowered = pd.Series(names.to_pylist(), dtype="str").str.lower()
    number = pd.factorize(lowered)[0]
    number[(lowered == "").to_numpy(bool)] = -1
    return np.append(number, -1)[code]


def _true(facts: Facts, name: str) -> np.ndarray:
    if name not in facts.calls.columns:
        return np.zeros(len(facts.calls), bool)
    return facts.calls[name].astype("boolean").fillna(False).to_numpy(bool)
