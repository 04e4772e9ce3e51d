"""LiteLLM's own proxy with mock answers: watched clients and the logger within the proxy hear of the same attempts."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import anthropic
import httpx2
import openai
import pytest

import crashlens_frame as cf
from tests.conftest import ROOT

KEY = "sk-the-proxy-asks-for-a-long-key"
QUESTION: Any = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "Paris is the capital of France."
CONFIG = f"""
general_settings: {{master_key: {KEY}}}
model_list:
- model_name: gpt-4o-mini
  litellm_params: {{model: openai/gpt-4o-mini, api_key: none, mock_response: {ANSWER}}}
- model_name: claude-haiku-4-5
  litellm_params: {{model: anthropic/claude-haiku-4-5, api_key: none, mock_response: {ANSWER}}}
- model_name: gpt-4o
  litellm_params: {{model: openai/gpt-4o, api_key: none, mock_response: litellm.RateLimitError}}
litellm_settings: {{callbacks: [proxy_log.logger]}}
router_settings: {{num_retries: 0}}
"""
LOGGER = """
import crashlens_frame as cf
logger = cf.live.LiteLLMLogger(cf.LogBook("proxy.jsonl"))
"""


class Proxy(NamedTuple):
    """A proxy that runs, and the log that it writes itself."""

    url: str
    log: Path


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    program = Path(os.environ.get("LITELLM_VENV", ROOT / ".litellm-venv")) / "bin" / "litellm"
    if not program.exists():
        pytest.skip(f"LiteLLM's proxy is not installed in {program.parents[1]}; .ci/setup does that")
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "proxy.yaml").write_text(CONFIG)
    (folder / "proxy_log.py").write_text(LOGGER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONPATH": f"{folder}:{ROOT}"}
    with (folder / "output").open("w") as output:
        process = subprocess.Popen(
            [program, "--config", "proxy.yaml", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder, env=environment, stdout=output, stderr=output,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while not _answers(url):
            assert process.poll() is None, (folder / "output").read_text()
            assert time.monotonic() < deadline, (folder / "output").read_text()
            time.sleep(0.5)
        yield Proxy(url, folder / "proxy.jsonl")
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    with suppress(httpx2.TransportError):
        return httpx2.get(f"{url}/health/liveliness").is_success
    return False


def logged(proxy: Proxy, before: int, expected: int) -> Any:
    """Return the calls that the proxy has logged since, which it does after it has answered."""
    deadline = time.monotonic() + 20
    while True:
        calls = cf.read_logs(proxy.log).iloc[before:] if proxy.log.exists() else cf.LogBook().df
        if len(calls) >= expected or time.monotonic() > deadline:
            assert len(calls) == expected
            return calls.reset_index(drop=True)
        time.sleep(0.1)


def ask_openai(url: str, book: cf.LogBook, *, model: str = "gpt-4o-mini", stream: bool = False) -> str:
    with openai.OpenAI(api_key=KEY, base_url=f"{url}/v1", max_retries=2) as plain:
        client = cf.live.watch(plain, book, ask_usage=True)
        answer = client.chat.completions.create(model=model, messages=QUESTION, stream=stream)
        if not stream:
            return str(answer.choices[0].message.content)
        return "".join(piece.choices[0].delta.content or "" for piece in answer if piece.choices)


def ask_anthropic(url: str, book: cf.LogBook) -> str:
    with anthropic.Anthropic(api_key=KEY, base_url=url, max_retries=0) as plain:
        client = cf.live.watch(plain, book)
        return str(client.messages.create(model="claude-haiku-4-5", max_tokens=99, messages=QUESTION).content[0].text)


def lines(proxy: Proxy) -> int:
    return len(proxy.log.read_bytes().splitlines()) if proxy.log.exists() else 0


SAME = ("prompt", "response", "input_tokens", "output_tokens", "level", "finish_reason", "event_id")


@pytest.mark.parametrize(
    "ask",
    [ask_openai, lambda url, book: ask_openai(url, book, stream=True), ask_anthropic],
    ids=["plain", "stream", "messages"],
)
def test_a_call_has_the_same_row_outside_and_inside(proxy: Proxy, ask: Any) -> None:
    book, before = cf.LogBook(), lines(proxy)
    assert ask(proxy.url, book) == ANSWER
    inside, outside = logged(proxy, before, 1), book.df
    assert len(outside) == 1
    assert outside["response"].tolist() == [ANSWER]
    for name in SAME:
        assert outside[name].tolist() == inside[name].tolist(), name
    assert outside["cost"].to_numpy() == pytest.approx(inside["cost"].to_numpy(), rel=1e-9)
    assert outside["latency_ms"].ge(0).all()


def test_each_attempt_that_the_proxy_refuses_is_a_row_outside_and_inside(proxy: Proxy) -> None:
    book, before = cf.LogBook(), lines(proxy)
    with pytest.raises(openai.RateLimitError):
        ask_openai(proxy.url, book, model="gpt-4o")
    inside, outside = logged(proxy, before, 3), book.df
    assert outside["retry_count"].tolist() == [0, 1, 2]
    assert outside["trace_id"].nunique() == 1
    for calls in (outside, inside):
        assert calls["level"].tolist() == ["error"] * 3
        assert calls["billed"].tolist() == ["no"] * 3
        assert calls["cost"].tolist() == [0.0] * 3
        assert calls["error"].str.startswith("litellm.RateLimitError").all()
