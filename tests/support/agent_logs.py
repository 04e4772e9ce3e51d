"""Transcripts of coding agents as the agents write them, made of a small story, and the rows that are right for it.

A story is a list of answers. The writers spread each over lines as Claude Code and Codex do; ``expected_row`` says in
plain Python what a reader has to find.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Json = dict[str, Any]
START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """One call of a model: what was asked, what it answered, and what it counted."""

    number: int
    question: str | None = None  # None: it goes on after the results of tools
    texts: tuple[str, ...] = ("Done.",)
    tools: tuple[str, ...] = ()
    fresh: int = 3  # input that is neither read from a cache nor written to one
    cached: int = 0
    written: int = 0
    written_1h: int = 0
    output: int = 10
    reasoning: int = 0
    model: str = "claude-sonnet-4-5-20250929"
    refused: bool = False  # the provider was overloaded

    @property
    def id(self) -> str:
        return f"msg_{self.number:04}"

    @property
    def seconds(self) -> int:
        return 10 * self.number

    @property
    def input(self) -> int:
        return self.fresh + self.cached + self.written


def write_lines(path: Path, lines: list[Json]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def moment(seconds: float, milliseconds: int = 0) -> str:
    time = START + timedelta(seconds=seconds, milliseconds=milliseconds)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def questions(story: list[Answer]) -> Iterator[str | None]:
    """Yield what each answer of a story belongs to: the last question before it."""
    last = None
    for answer in story:
        last = answer.question or last
        yield last


def tool_calls(answer: Answer) -> str | None:
    calls = [{"arguments": {"command": command}, "name": "Bash"} for command in answer.tools]
    return json.dumps(calls, separators=(",", ":")) if calls else None


# -- Claude Code ------------------------------------------------------------------------------------------------------


def claude_lines(
    story: list[Answer], session: str = "s-1", *, agent: str | None = None, copy: str = "", request: str = "req"
) -> list[Json]:
    """Return the lines of a session; ``copy`` makes other uuids, as a resumed session has them."""
    lines: list[Json] = []

    def add(line: Json, seconds: float, milliseconds: int = 0) -> None:
        parent = lines[-1]["uuid"] if lines else None
        lines.append(
            {
                "parentUuid": parent,
                "isSidechain": agent is not None,
                "userType": "external",
                "cwd": "/repo",
                "sessionId": session,
                "version": "2.1.200",
                "gitBranch": "main",
                **({"agentId": agent} if agent else {}),
                **line,
                "uuid": f"{session}-{agent}-{copy}-{len(lines)}",
                "timestamp": moment(seconds, milliseconds),
            }
        )

    for answer in story:
        if answer.question is not None:
            message = {"role": "user", "content": answer.question}
            add({"type": "user", "message": message}, answer.seconds - 1)
        if answer.refused:
            add(_api_error(answer), answer.seconds)
            continue
        blocks = [{"type": "text", "text": text} for text in answer.texts]
        blocks += [
            {"type": "tool_use", "id": f"tu_{answer.number}_{place}", "name": "Bash", "input": {"command": command}}
            for place, command in enumerate(answer.tools)
        ]
        for place, block in enumerate(blocks):
            last = place == len(blocks) - 1
            line = {"type": "assistant", "requestId": f"{request}_{answer.number}"}
            add({**line, "message": _message(answer, block, last=last)}, answer.seconds, 100 * place)
            if block["type"] == "tool_use":
                result = {"type": "tool_result", "tool_use_id": block["id"], "content": "a.py"}
                add(
                    {"type": "user", "message": {"role": "user", "content": [result]}}, answer.seconds, 100 * place + 50
                )
    return lines


def _message(answer: Answer, block: Json, *, last: bool) -> Json:
    return {
        "id": answer.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [block],
        "stop_reason": ("tool_use" if answer.tools else "end_turn") if last else None,
        "usage": {
            "input_tokens": answer.fresh,
            "cache_read_input_tokens": answer.cached,
            "cache_creation_input_tokens": answer.written,
            "cache_creation": {
                "ephemeral_5m_input_tokens": answer.written - answer.written_1h,
                "ephemeral_1h_input_tokens": answer.written_1h,
            },
            "output_tokens": answer.output if last else min(1, answer.output),  # it grows
            "output_tokens_details": {"thinking_tokens": answer.reasoning if last else 0},
            "service_tier": "standard",
        },
    }


def _api_error(answer: Answer) -> Json:
    return {
        "type": "assistant",
        "requestId": f"req_{answer.number}",
        "isApiErrorMessage": True,
        "apiErrorStatus": 529,
        "error": "server_error",
        "message": {
            "id": answer.id,
            "model": "<synthetic>",
            "role": "assistant",
            "type": "message",
            "content": [{"type": "text", "text": "API Error: 529 Overloaded"}],
            "usage": {"input_tokens": 0, "output_tokens": 0},
        },
    }


def claude_row(answer: Answer, question: str | None, trace: str = "s-1") -> Json:
    """Return the columns that are right for an answer of Claude Code."""
    row: Json = {"event_id": answer.id, "trace_id": trace, "prompt": question}
    row["timestamp"] = START + timedelta(seconds=answer.seconds)
    if answer.refused:
        nulls = dict.fromkeys(("response", "tool_calls", "model", "finish_reason", *COUNTS))
        return row | nulls | {"level": "error", "error": "API Error: 529 Overloaded", "billed": "no"}
    return row | {
        "response": "\n".join(answer.texts) or None,
        "tool_calls": tool_calls(answer),
        "model": answer.model,
        "finish_reason": "tool_calls" if answer.tools else "stop",
        "input_tokens": answer.input,
        "cached_input_tokens": answer.cached,
        "cache_write_tokens": answer.written,
        "cache_write_1h_tokens": answer.written_1h,
        "output_tokens": answer.output,
        "reasoning_tokens": answer.reasoning,
        "level": "info",
        "error": None,
        "billed": None,
    }


COUNTS = (
    "input_tokens", "cached_input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens",
    "reasoning_tokens",
)  # fmt: skip


# -- Codex ------------------------------------------------------------------------------------------------------------


def codex_lines(
    story: list[Answer],
    session: str = "c-1",
    *,
    tools_after_counts: bool = False,
    last_usage: bool = True,
    twice: bool = False,
    before: Json | None = None,
    **meta: Any,
) -> list[Json]:
    """Return the lines of a rollout; ``before`` is the total that it begins with."""
    git = {"branch": "main", "commit_hash": "abc"}
    begin = {
        "id": session,
        "cwd": "/repo",
        "originator": "codex_cli_rs",
        "git": git,
        "model_provider": "openai",
        **meta,
    }
    lines = [_codex("session_meta", begin, 0)]
    total = dict(before or {})
    model = None
    for answer in story:
        at = answer.seconds
        if answer.model != model:
            model = answer.model
            lines.append(_codex("turn_context", {"cwd": "/repo", "model": model, "effort": "high"}, at - 2))
        if answer.question is not None:
            lines.append(_event({"type": "user_message", "message": answer.question, "kind": "plain"}, at - 1))
        lines += [_event({"type": "agent_message", "message": text}, at) for text in answer.texts]
        calls, results = _codex_tools(answer)
        usage = codex_usage(answer)
        total = {key: total.get(key, 0) + value for key, value in usage.items()}
        info = {"total_token_usage": total, "model_context_window": 272000}
        info |= {"last_token_usage": usage} if last_usage else {}
        counts = [_event({"type": "token_count", "info": info, "rate_limits": None}, at, 500)]
        if twice:
            counts.append(_event({"type": "token_count", "info": info, "rate_limits": {"used": 1}}, at, 513))
        lines += counts + calls + results if tools_after_counts else calls + counts + results
        lines.append(_event({"type": "token_count", "info": None, "rate_limits": {"used": 1}}, at, 600))
    return lines


def codex_usage(answer: Answer) -> Json:
    return {
        "input_tokens": answer.input,
        "cached_input_tokens": answer.cached,
        "output_tokens": answer.output,
        "reasoning_output_tokens": answer.reasoning,
        "total_tokens": answer.input + answer.output,
    }


def _codex(kind: str, payload: Json, seconds: float, milliseconds: int = 0) -> Json:
    return {"timestamp": moment(seconds, milliseconds), "type": kind, "payload": payload}


def _event(payload: Json, seconds: float, milliseconds: int = 0) -> Json:
    return _codex("event_msg", payload, seconds, milliseconds)


def _codex_tools(answer: Answer) -> tuple[list[Json], list[Json]]:
    calls, results = [], []
    for place, command in enumerate(answer.tools):
        key = f"call_{answer.number}_{place}"
        arguments = json.dumps({"command": command})
        call = {"type": "function_call", "name": "Bash", "arguments": arguments, "call_id": key}
        result = {"type": "function_call_output", "call_id": key, "output": "a.py"}
        calls.append(_codex("response_item", call, answer.seconds, 550))
        results.append(_codex("response_item", result, answer.seconds, 560))
    return calls, results


def codex_row(answer: Answer, question: str | None, trace: str = "c-1") -> Json:
    """Return the columns that are right for an answer of Codex."""
    return {
        "trace_id": trace,
        "prompt": question,
        "timestamp": START + timedelta(seconds=answer.seconds, milliseconds=500),
        "response": "\n".join(answer.texts) or None,
        "tool_calls": tool_calls(answer),
        "model": answer.model,
        "input_tokens": answer.input,
        "cached_input_tokens": answer.cached,
        "output_tokens": answer.output,
        "reasoning_tokens": answer.reasoning,
        "level": "info",
        "error": None,
    }
