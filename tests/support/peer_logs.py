"""Logs as CrashLens reads them, of every pattern and at every threshold, the same for the same seed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any

MODELS = (
    "gpt-4", "GPT-4", "gpt-4-0613", "gpt-4o", "gpt-4o-mini", "gpt-4-turbo", "gpt-3.5-turbo", "gpt-3.5-turbo-16k",
    "gpt-5", "o1", "claude-3-haiku", "claude-3-haiku-20240307", "claude-3-opus", "Claude-3-Opus", "claude-3-5-sonnet",
    "claude-3-sonnet", "claude-2.1", "claude-2", "claude-instant-1", "openai/gpt-4",
)  # fmt: skip
PROMPTS = (
    "What is the capital of France?", "what is the capital of France? ", "\tHistory of the Franks", "Nobel", "hi",
    "Summarize:\u00a0this", "x" * 149, "x" * 150, "x" * 149 + " ", "say " * 26 + "it", "say " * 27 + "it",
    "say " * 27 + "it ", "list " + "y" * 160, "define " + "z" * 160, "definition " + "z" * 160, "show me " + "w" * 200,
    "```print(1)```", "def f(x): return x", "first class ticket", "import tax", "call the function", '{"task": "sum"}',
    '{"a": 1, "context": 2}', '{ "task": 1}', "a\nb\nc\nd", "a\nb\nc\nd\ne", "Größe 東京 🙂", "   ", "", "ok\x1f",
    "yes",
)  # fmt: skip
GAPS = (0, 0, 1, 500, 999, 1000, 2000, 4000, 8000, 16_000, 29_990, 59_990, 119_999, 120_000, 120_001, 180_000, 299_999)
TOKENS = (0, 0, 0, 1, 5, 19, 20, 21, 49, 50, 51, 300, 900)
ZONES = (UTC, UTC, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8)))


def peer_log(events: int, *, seed: int) -> list[str]:
    """Make so many lines, some out of order; each trace keeps to one offset, since CrashLens sorts times as text."""
    draw = Random(seed)
    records: list[dict[str, Any]] = []
    while len(records) < events:
        records += _trace(draw, f"trace-{seed}-{len(records)}")
    del records[events:]
    for _ in range(events // 4):
        one = draw.randrange(events)
        other = min(events - 1, one + draw.randrange(6))
        records[one], records[other] = records[other], records[one]
    return [json.dumps(record, ensure_ascii=draw.random() < 0.5) for record in records]


def _trace(draw: Random, name: str) -> list[dict[str, Any]]:
    prompts = draw.sample(PROMPTS, draw.choice((1, 1, 1, 2)))
    models = draw.sample(MODELS, draw.choice((1, 1, 2, 3)))
    zone = draw.choice(ZONES)
    time = datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(milliseconds=draw.randrange(10**9))
    pattern, gap, tokens = draw.choice(("even", "doubling", "any")), draw.choice(GAPS), draw.choice(TOKENS)
    records = []
    for number in range(draw.choice((1, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9))):
        if pattern != "even":
            gap = gap * 2 + draw.randrange(3) if pattern == "doubling" and gap < 60_000 else draw.choice(GAPS)
        time += timedelta(milliseconds=gap if number else 0)
        records.append(
            {
                "traceId": name,
                "startTime": time.astimezone(zone).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": draw.choice(("info", "error")),
                "input": {"model": draw.choice(models), "prompt": draw.choice(prompts)},
                "usage": {
                    "prompt_tokens": draw.choice(TOKENS),
                    "completion_tokens": tokens if draw.random() < 0.8 else draw.choice(TOKENS),
                },
                "cost": draw.choice((0.0, 0.00012, 0.0031, 0.02)),
            }
        )
    return records
