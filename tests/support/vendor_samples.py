"""Small logs of a shop that calls models through five tools: ``python -m tests.support.vendor_samples`` writes them.

What happened is simulated; how each tool tells of it is what its own package makes (``tests.vendor_logs``).
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import crashlens_frame as cf
from tests.support import vendor_logs as told
from tests.support.vendor_logs import Call, Json, Told

DATA = Path(__file__).parents[2] / "data"
EACH, SPANS = 40, 5  # calls of a log, spans of a line of OTLP
TORN = (
    '{"trace_id":"9f2c","model":"gpt-4o","prompt":"Where is my ord',
    "<html><head><title>502 Bad Gateway</title></head></html>",
    '{"trace_id":"9f2d","model":"gpt-4o","input_tokens":"12a"}',
    '{"model":"gpt-4o-mini","prompt":"Is it in stock?","input_tokens":9,"output_tokens":4}',
)


def calls() -> list[Call]:
    """Give what the shop asked and what came back, in the order of time."""
    frame = cf.simulate_workload(900, seed=11, days=7).sort_values("timestamp", kind="stable")
    rows = frame[frame["error"].isna()].fillna({"cached_input_tokens": 0}).to_dict("records")
    return [
        Call(
            model=row["model"],
            prompt=row["prompt"],
            response=row["response"] if isinstance(row["response"], str) else "Done.",
            input_tokens=row["input_tokens"],
            cached_input_tokens=row["cached_input_tokens"],
            cache_write_tokens=0,
            output_tokens=row["output_tokens"],
            reasoning_tokens=0,
            latency_ms=row["latency_ms"],
            start=row["timestamp"].to_pydatetime(),
            cost=row["cost"],
            trace_id=row["trace_id"],
            number=number,
        )
        for number, row in enumerate(rows, 1)
    ]


def logs() -> dict[str, list[Json]]:
    """Give the lines of each log."""
    every = calls()
    by_openai = [call for call in every if call.model.startswith("gpt")]
    by_anthropic = [call for call in every if call.model.startswith("claude")]
    spans = [told.span_of(call) for call in every[-EACH:]]
    return {
        "openai_chat": _lines(told.openai_chat_with_its_question, by_openai[:EACH]),
        # the proxy saw the last ten of them too
        "litellm": _lines(told.litellm_payload, by_openai[EACH - 10 : 2 * EACH - 10]),
        "openai_batch": _lines(told.openai_batch, by_openai[2 * EACH : 3 * EACH]),
        "anthropic": _lines(told.anthropic_message, by_anthropic[:EACH]),
        "langfuse": _lines(told.langfuse_v2, by_anthropic[EACH : 2 * EACH]),
        "otel": [told.otlp(*spans[first : first + SPANS]) for first in range(0, EACH, SPANS)],
    }


def _lines(teller: Callable[[Call], Told], some: list[Call]) -> list[Json]:
    assert len(some) == EACH
    return [teller(call).line for call in some]


def damaged() -> Iterator[str]:
    """Give a log that several programs wrote to, one of which was killed, and one of which does not know the form."""
    good = [json.dumps(line) for lines in logs().values() for line in lines[:3]]
    for place, line in enumerate(good):
        yield line
        if place % 5 == 4:
            yield TORN[place // 5]
    yield TORN[3]


def main() -> None:
    for name, lines in logs().items():
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (DATA / f"vendor_{name}.jsonl").write_text(text, encoding="utf-8")
    (DATA / "damaged.jsonl").write_text("".join(line + "\n" for line in damaged()), encoding="utf-8")


if __name__ == "__main__":
    main()
