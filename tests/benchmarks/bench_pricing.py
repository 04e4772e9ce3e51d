"""What pricing costs, side by side with genai-prices and LiteLLM: run ``python -m tests.benchmarks.bench_pricing``.

LiteLLM is no dependency of the tests; ``pip install litellm`` beside them to have it in the table.
"""

import contextlib
import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from genai_prices import Usage, calc_price

import crashlens_frame as cf

ROWS, PEER_ROWS, RUNS = 1_000_000, 20_000, 5
MODELS = [
    "gpt-4", "gpt-4-turbo", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5", "gpt-5-mini", "gpt-5-nano",
    "o1", "o3", "o4-mini", "gpt-3.5-turbo", "claude-opus-4-1", "claude-opus-4-5", "claude-sonnet-4-0",
    "claude-sonnet-4-5", "claude-haiku-4-5", "claude-3-haiku", "gemini-2.5-pro", "gemini-2.5-flash",
    "gemini-2.0-flash", "gemini-2.5-flash-lite", "mistral-nemo", "codestral-2508", "deepseek-chat",
    "deepseek-reasoner", "grok-3", "grok-3-mini", "command-r-plus",
]  # fmt: skip


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


def by_genai_prices(calls: list[dict[str, object]]) -> None:
    for call in calls:
        usage = Usage(
            input_tokens=call["input_tokens"],
            output_tokens=call["output_tokens"],
            cache_read_tokens=call["cached_input_tokens"],
        )
        calc_price(usage, model_ref=call["model"], genai_request_timestamp=call["timestamp"])


def by_litellm(calls: list[dict[str, object]]) -> None:
    from litellm import cost_per_token

    for call in calls:
        cost_per_token(
            model=call["model"],
            prompt_tokens=call["input_tokens"],
            completion_tokens=call["output_tokens"],
            cache_read_input_tokens=call["cached_input_tokens"],
        )


def known(peer: Callable[[list[dict[str, object]]], None], calls: list[dict[str, object]]) -> set[object]:
    """Give the models that a peer prices under these names."""
    found = set()
    for call in {call["model"]: call for call in calls}.values():
        with contextlib.suppress(Exception):
            peer([call])
            found.add(call["model"])
    return found


def microseconds_a_row(work: Callable[[], object], rows: int) -> float:
    runs = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        runs.append((time.perf_counter() - start) / rows * 1e6)
    return statistics.median(runs)


def main() -> None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no network
    calls, prices = traffic(), cf.PriceBook.default()
    cf.add_cost(calls.head(), prices)
    few = calls.head(PEER_ROWS).to_dict("records")
    peers: dict[str, Callable[[list[dict[str, object]]], None]] = {"genai-prices calc_price": by_genai_prices}
    try:
        import litellm

        litellm.suppress_debug_info = True
        peers["LiteLLM cost_per_token"] = by_litellm
    except ImportError:
        print("LiteLLM is not installed")
    priced = {}
    for name, peer in peers.items():
        models = known(peer, few)
        priced[name] = [call for call in few if call["model"] in models]
    ours = microseconds_a_row(lambda: cf.add_cost(calls, prices), ROWS)
    print(f"{'what':26} {'rows':>10} {'us a row':>9} {'ratio':>8}")
    print(f"{'add_cost':26} {ROWS:10,} {ours:9.3f} {1:8.0f}    {ours * ROWS / 1e6:.3f} s in all")
    explained = microseconds_a_row(lambda: cf.add_cost(calls, prices, explain=True), ROWS)
    print(f"{'add_cost, explain=True':26} {ROWS:10,} {explained:9.3f} {explained / ours:8.1f}")
    for name, peer in peers.items():
        own = priced[name]
        theirs = microseconds_a_row(lambda peer=peer, own=own: peer(own), len(own))
        print(f"{name:26} {len(own):10,} {theirs:9.3f} {theirs / ours:8.0f}")


if __name__ == "__main__":
    main()
