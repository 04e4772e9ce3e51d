"""Make the transcripts in data/agents: a month of two coding agents in three projects.

``python data/make_transcripts.py [folder]`` writes the same bytes each time. The shapes of the lines are those that
Claude Code 2.1 and Codex 0.100 write; what is said and counted in them is made up.
"""

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

OPUS, SONNET, HAIKU = "claude-opus-4-5-20251101", "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"
GPT = "gpt-5.2-codex"
COMMANDS = ("git status", "rg -n TODO src", "pytest -q", "npm test", "sed -n 1,80p src/cart.py", "git diff --stat")


@dataclass(frozen=True)
class Project:
    """How one project is worked on."""

    folder: str
    branches: tuple[str, ...]
    model: str
    sessions: int
    pause: float  # share of answers before which somebody is away for longer than the cache lives
    questions: tuple[str, ...]


PROJECTS = (
    Project(
        "/home/ann/shop", ("main", "checkout-v2"), OPUS, 9, 0.05, ("Why is the tax rounded twice?", "Add coupons.")
    ),
    Project("/home/ann/mobile", ("offline-mode",), SONNET, 8, 0.40, ("Make the cart work offline.", "Fix the build.")),
    Project("/home/bo/etl", ("main", "partitions"), GPT, 7, 0.10, ("Load the orders by day.", "Why is this slow?")),
)


def turns(project: Project, draw: random.Random) -> Iterator[tuple[float, int, int, int]]:
    """Yield for each answer the seconds since the last, and its tokens: read from the cache, new, generated."""
    context = 14_000 + draw.randrange(9_000)  # system prompt, tools and the rules of the project
    cached = 0
    for _ in range(draw.randrange(7, 14)):
        away = cached > 0 and draw.random() < project.pause
        seconds = draw.uniform(400, 2_400) if away else draw.uniform(8, 90)
        output = draw.randrange(150, 1_800)
        yield seconds, 0 if away else cached, context if away else context - cached, output
        cached = context
        context += output + draw.randrange(800, 9_000)


def begins(project: Project, draw: random.Random) -> Iterator[tuple[str, str, datetime]]:
    """Yield an id, a branch and a begin for each session, on working days of March 2026."""
    days = [day for day in range(2, 32) if datetime(2026, 3, day, tzinfo=UTC).weekday() < 5]
    for day in sorted(draw.sample(days, project.sessions)):
        begin = datetime(2026, 3, day, draw.randrange(8, 17), draw.randrange(60), tzinfo=UTC)
        yield str(UUID(int=draw.getrandbits(128), version=4)), draw.choice(project.branches), begin


def claude_session(project: Project, session: str, branch: str, at: datetime, draw: random.Random) -> list[Any]:
    """Return the lines of a session of Claude Code."""
    lines: list[dict[str, Any]] = []

    def add(kind: str, message: dict[str, Any], **more: Any) -> None:
        lines.append(
            {
                "parentUuid": lines[-1]["uuid"] if lines else None,
                "isSidechain": False,
                "userType": "external",
                "cwd": project.folder,
                "sessionId": session,
                "version": "2.1.31",
                "gitBranch": branch,
                "type": kind,
                "message": message,
                **more,
                "uuid": str(UUID(int=draw.getrandbits(128), version=4)),
                "timestamp": stamp(at),
            }
        )

    for place, (seconds, cached, fresh, output) in enumerate(turns(project, draw)):
        at += timedelta(seconds=seconds)
        if place % 5 == 0:
            add("user", {"role": "user", "content": draw.choice(project.questions)})
        usage = {
            "input_tokens": 4,
            "cache_read_input_tokens": cached,
            "cache_creation_input_tokens": fresh,
            "cache_creation": {"ephemeral_5m_input_tokens": fresh, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output,
            "service_tier": "standard",
        }
        tool = {"type": "tool_use", "id": f"toolu_{draw.getrandbits(64):016x}", "name": "Bash"}
        blocks = [{"type": "text", "text": "Let me look."}, tool | {"input": {"command": draw.choice(COMMANDS)}}]
        key, request = f"msg_{draw.getrandbits(80):020x}", f"req_{draw.getrandbits(80):020x}"
        model = HAIKU if place % 6 == 5 else project.model
        for number, block in enumerate(blocks):  # each block has a line, with the counts so far
            counts = usage | ({"output_tokens": 2} if number == 0 else {})
            message = {"id": key, "type": "message", "role": "assistant", "model": model, "content": [block]}
            reason = "tool_use" if number else None
            add("assistant", message | {"stop_reason": reason, "usage": counts}, requestId=request)
        result = {"type": "tool_result", "tool_use_id": tool["id"], "content": "ok"}
        add("user", {"role": "user", "content": [result]})
    return lines


def codex_session(project: Project, session: str, branch: str, at: datetime, draw: random.Random) -> list[Any]:
    """Return the lines of a session of Codex."""
    lines: list[dict[str, Any]] = []

    def add(kind: str, payload: dict[str, Any]) -> None:
        lines.append({"timestamp": stamp(at), "type": kind, "payload": payload})

    git = {"branch": branch, "commit_hash": f"{draw.getrandbits(160):040x}"}
    meta = {"id": session, "cwd": project.folder, "originator": "codex_cli_rs", "cli_version": "0.100.0", "git": git}
    add("session_meta", meta | {"model_provider": "openai"})
    add("turn_context", {"cwd": project.folder, "model": project.model, "effort": "medium"})
    total: dict[str, int] = {}
    for place, (seconds, cached, fresh, output) in enumerate(turns(project, draw)):
        at += timedelta(seconds=seconds)
        if place % 5 == 0:
            add("event_msg", {"type": "user_message", "message": draw.choice(project.questions), "kind": "plain"})
        call = {"type": "function_call", "name": "shell", "call_id": f"call_{draw.getrandbits(64):016x}"}
        add("response_item", call | {"arguments": json.dumps({"command": ["bash", "-lc", draw.choice(COMMANDS)]})})
        usage = {
            "input_tokens": cached + fresh,
            "cached_input_tokens": cached,
            "output_tokens": output,
            "reasoning_output_tokens": output // 3,
            "total_tokens": cached + fresh + output,
        }
        total = {key: total.get(key, 0) + count for key, count in usage.items()}
        info = {"total_token_usage": total, "last_token_usage": usage, "model_context_window": 272_000}
        add("event_msg", {"type": "token_count", "info": info, "rate_limits": None})
        add("response_item", {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"})
        add("event_msg", {"type": "agent_message", "message": "Done."})
    return lines


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Write the sessions where the agents would have written them."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "agents")
    draw = random.Random(2026)
    for project in PROJECTS:
        for session, branch, at in begins(project, draw):
            if project.model == GPT:
                path = root / f"codex/sessions/{at:%Y/%m/%d}/rollout-{at:%Y-%m-%dT%H-%M-%S}-{session}.jsonl"
                lines = codex_session(project, session, branch, at, draw)
            else:
                path = root / f"claude/projects/{project.folder.replace('/', '-')}/{session}.jsonl"
                lines = claude_session(project, session, branch, at, draw)
            path.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
