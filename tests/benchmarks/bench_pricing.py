"""What pricing costs, beside genai-prices and LiteLLM, which price the calls that they know one by one."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import crashlens_frame as cf
from tests.benchmarks.harness import OURS, Case

ROWS, FEW = 1_000_000, 20_000
MODELS = [
    "gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini", "gpt-5-nano",
    "o1", "o3", "o4-mini", "gpt-3.5-turbo", "claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-0",
    "claude-sonnet-4-5", "claude-haiku-4-5", "claude-3-haiku", "gemini-2.5-pro", "gemini-2.5-flash",
    "gemini-2.0-flash", "gemini-2.5-flash-lite", "mistral-nemo", "codestral-2508", "deepseek-chat",
    "deepseek-reasoner", "grok-3", "grok-3-mini", "command-r-plus",
]  # fmt: skip

Peer = Callable[[dict[str, Any]], object]


def traffic() -> pd.DataFrame:
    """Draw calls of 30 models over two years, with cached tokens, long prompts and tiers of service."""
    draw = np.random.default_rng(1)
    sent = draw.integers(1, 300_000, ROWS)
    start = pd.Timestamp("2024-11-01", tz="UTC")
    return pd.DataFrame(
        {
            "model": pd.Categorical.from_codes(draw.integers(0, len(MODELS), ROWS), MODELS),
            "timestamp": (start + pd.to_timedelta(draw.integers(0, 730 * 86_400, ROWS), unit="s")).as_unit("us"),
            "input_tokens": pd.array(sent, dtype="Int64"),
            "output_tokens": pd.array(draw.integers(0, 4000, ROWS), dtype="Int64"),
            "cached_input_tokens": pd.array((sent * draw.choice([0, 0, 0.5], ROWS)).astype(int), dtype="Int64"),
            "service_tier": pd.Categorical.from_codes(draw.choice([-1, -1, 0, 1], ROWS), ["batch", "flex"]),
        }
    )


def by_genai_prices() -> Peer:
    from genai_prices import Usage, calc_price

    def price(call: dict[str, Any]) -> object:
        usage = Usage(
            input_tokens=call["input_tokens"],
            output_tokens=call["output_tokens"],
            cache_read_tokens=call["cached_input_tokens"],
        )
        return calc_price(usage, model_ref=call["model"], genai_request_timestamp=call["timestamp"])

    return price


def by_litellm() -> Peer:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no network
    import litellm

    litellm.suppress_debug_info = True

    def price(call: dict[str, Any]) -> object:
        return litellm.cost_per_token(
            model=call["model"],
            prompt_tokens=call["input_tokens"],
            completion_tokens=call["output_tokens"],
            cache_read_input_tokens=call["cached_input_tokens"],
        )

    return price


def _known(peer: Callable[[], Peer]) -> Callable[[Path], tuple[Peer, list[dict[str, Any]]]]:
    """Give a peer and as many calls of the models that it has a price for."""

    def prepare(folder: Path) -> tuple[Peer, list[dict[str, Any]]]:
        price = peer()
        calls = traffic().head(2 * FEW).to_dict("records")
        known = set()
        for call in {call["model"]: call for call in calls}.values():
            with contextlib.suppress(Exception):
                price(call)
                known.add(call["model"])
        return price, [call for call in calls if call["model"] in known][:FEW]

    return prepare


def _one_by_one(given: tuple[Peer, list[dict[str, Any]]]) -> None:
    price, calls = given
    for call in calls:
        price(call)


def _traffic(folder: Path) -> pd.DataFrame:
    return traffic()


_TASK = "`add_cost`, 1,000,000 calls of 30 models, with dates, tiers, cache and variants"

CASES = (
    Case(_TASK, OURS, cf.add_cost, _traffic, ROWS),
    Case(_TASK, "genai-prices `calc_price`", _one_by_one, _known(by_genai_prices), FEW),
    Case(_TASK, "LiteLLM `cost_per_token`", _one_by_one, _known(by_litellm), FEW),
    Case("the same with `explain=True`", OURS, lambda calls: cf.add_cost(calls, explain=True), _traffic, ROWS),
    Case("`cost_parts` of them, meter by meter", OURS, cf.cost_parts, _traffic, ROWS),
)
