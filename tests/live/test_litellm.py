"""Callbacks of LiteLLM in the book; in a process of its own, as it changes logging and event loops where it runs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import asyncio, json, logging, sys, time, warnings
warnings.simplefilter("ignore")
import litellm
logging.disable(logging.CRITICAL)
import crashlens_frame as cf
litellm.suppress_debug_info = True
book = cf.LogBook()
logger = cf.live.LiteLLMLogger(book)
litellm.callbacks = [logger]
asked = [{"role": "user", "content": "What is 2+2?"}]
down = litellm.InternalServerError("down", "openai", "gpt-4o")
found = {}

async def settled():
    await asyncio.sleep(0.1)

def record(what, calls, run):
    before = len(book)
    run()
    end = time.time() + 10
    while len(book) < before + calls and time.time() < end:
        time.sleep(0.02)
    time.sleep(0.15)  # in case there are more
    rows = json.loads(book.df.iloc[before:].to_json(orient="records"))
    found[what] = rows

def ask(**options):
    return litellm.completion("gpt-4o", asked, **{"mock_response": "It is 4.", **options})

async def ask_async(**options):
    answer = await litellm.acompletion("gpt-4o", asked, **{"mock_response": "It is 4.", **options})
    if options.get("stream"):
        async for _ in answer:
            pass
    await settled()

def failing():
    try:
        ask(mock_response=down)
    except litellm.InternalServerError:
        pass

async def routed():
    entry = {"model_name": "fast", "litellm_params": {"model": "gpt-4o", "api_key": "k"}}
    router = litellm.Router([entry], num_retries=2, retry_after=0)
    try:
        await router.acompletion("fast", asked, mock_response="litellm.InternalServerError")
    except litellm.InternalServerError:
        pass
    await settled()

async def fallen_back():
    await ask_async(mock_response=down, fallbacks=[{"model": "gpt-4o-mini", "mock_response": "It is 4."}])

record("sync", 1, ask)
record("sync stream", 1, lambda: list(ask(stream=True)))
record("async", 1, lambda: asyncio.run(ask_async()))
record("async stream", 1, lambda: asyncio.run(ask_async(stream=True)))
record("failure", 1, failing)
record("fallback", 2, lambda: asyncio.run(fallen_back()))
record("retries of the router", 3, lambda: asyncio.run(routed()))

def twins():
    payload = dict(PAYLOADS[-1])
    arguments = ({"standard_logging_object": payload}, None, None, None)
    logger.log_success_event(*arguments)
    asyncio.run(logger.async_log_success_event(*arguments))

PAYLOADS = []
take = logger._intake.take
logger._intake.take = lambda payload: (PAYLOADS.append(payload), take(payload))[1]
record("sync again", 1, ask)
record("twins", 0, twins)
def cached():
    payload = {**PAYLOADS[-1], "id": "other", "litellm_call_id": "other", "cache_hit": True}
    logger.log_success_event({"standard_logging_object": payload}, None, None, None)
record("cache hit", 1, cached)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, list[dict[str, Any]]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("way", ["sync", "sync stream", "async", "async stream", "sync again"])
def test_each_way_to_ask_gives_a_row(found: dict[str, list[dict[str, Any]]], way: str) -> None:
    (row,) = found[way]
    seen = [row[name] for name in ("model", "prompt", "response", "level", "finish_reason", "type")]
    assert seen == ["gpt-4o", "What is 2+2?", "It is 4.", "info", "stop", "generation"]
    assert row["input_tokens"] > 0 < row["output_tokens"]
    assert row["cost"] > 0


def test_an_attempt_that_failed_is_a_row_that_is_not_billed(found: dict[str, list[dict[str, Any]]]) -> None:
    (row,) = found["failure"]
    assert (row["level"], row["billed"], row["error"]) == ("error", "no", "litellm.InternalServerError: down")


def test_a_fallback_is_two_attempts(found: dict[str, list[dict[str, Any]]]) -> None:
    assert [(row["model"], row["level"]) for row in found["fallback"]] == [("gpt-4o", "error"), ("gpt-4o-mini", "info")]
    assert len({row["trace_id"] for row in found["fallback"]}) == 1


def test_each_attempt_of_the_router_is_a_row(found: dict[str, list[dict[str, Any]]]) -> None:
    assert [row["level"] for row in found["retries of the router"]] == ["error"] * 3


def test_the_twin_of_a_callback_is_dropped(found: dict[str, list[dict[str, Any]]]) -> None:
    assert found["twins"] == []


def test_an_answer_of_its_cache_is_not_billed(found: dict[str, list[dict[str, Any]]]) -> None:
    assert [row["billed"] for row in found["cache hit"]] == ["no"]
