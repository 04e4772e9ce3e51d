"""Rollouts of Codex, one file per session, and what ``codex exec --json`` prints.

Counts are in one line, the model, the question, the answer and the calls of tools in lines before it. ``Rollout`` puts
a call together as one record of type "call", which the fields describe.
"""

from collections.abc import Iterator
from typing import Any

from ..errors import InvalidCallError
from ..jsonvalues import is_object, parse_json
from .answers import count_or_none, is_billed_search, made_id
from .table import Field, Format, Record, Sign
from .texts import error_text
from .usage import TOTAL
from .values import count_value, json_text_value, text_value, time_value

_BURST = 1_000_000  # microseconds; a fork writes the lines of its parent again with less time between them
_TOOLS = ("function_call", "custom_tool_call", "local_shell_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output", "local_shell_call_output")
_COUNTS = (
    "input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens",
    "total_tokens",
)  # fmt: skip


class Rollout:
    """Memory of one file: the session, the turn, and what was answered since the last counts.

    The last call stays open until the next one: older versions write its calls of tools after its counts.
    """

    def __init__(self) -> None:
        self._session: dict[str, Any] = {}
        self._first = ""  # what names the session of a file that lost its first line
        self._turn: dict[str, Any] = {}
        self._prompt: str | None = None
        self._texts: list[str] = []
        self._tools: dict[str, Record] = {}
        self._searches = 0
        self._total: Any = None
        self._counted: tuple[Record, int | None] = {}, None
        self._copied_until: int | None = None  # time of the last line that a fork copied
        self._last: tuple[int, dict[str, Any]] | None = None
        self._uncounted: int | None = 0  # line of the last answer; None where there are counts

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next line, and yield the call before the one that it completes."""
        self._first = self._first or made_id(record)
        kind, payload = record.get("type"), record.get("payload")
        if not is_object(payload):
            yield from self._printed(record, line)
        elif kind == "session_meta":
            self._begin(record, payload)
        elif kind == "turn_context":
            self._turn = {key: payload[key] for key in _TURN if isinstance(payload.get(key), str)}
        elif kind == "response_item":
            if self._uncounted is not None and payload.get("role") == "assistant":
                self._uncounted = line
            self._item(payload)
        elif kind == "event_msg":
            yield from self._event(record, payload, line)

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Yield the last call; or, of a rollout with answers and without counts, that it has none."""
        if self._uncounted:
            yield self._uncounted, {"type": "answers without counts"}
        if self._last is not None:
            yield self._last
        self._last = None

    def _begin(self, record: Record, meta: Record) -> None:
        """Begin a session; a fork repeats the beginning of its parent after its own."""
        if self._session:
            return
        git = meta.get("git")
        parent = _parent(meta)
        self._session = {
            "session": meta.get("id") or meta.get("session_id"),
            "parent": parent,
            "cwd": meta.get("cwd"),
            "branch": {"gitBranch": git["branch"]} if is_object(git) and git.get("branch") else None,
            "provider": meta.get("model_provider"),
            "agent": _agent(meta),
            **{key: meta[key] for key in ("originator", "cli_version") if meta.get(key) is not None},
        }
        if parent is not None:
            self._copied_until = _time(record)

    def _item(self, item: Record) -> None:
        kind, key = item.get("type"), str(item.get("call_id") or item.get("id"))
        if kind in _TOOLS:
            self._tools[key] = {"name": item.get("name") or kind, "arguments": _arguments(item)}
        elif kind == "web_search_call":
            self._searches += is_billed_search(item)
        elif kind in _OUTPUTS and key in self._tools:
            # no tool runs before its answer is complete, so the answer is the one that was counted last
            tool = self._tools.pop(key)
            if self._last is not None:
                call = self._last[1]
                call["tools"] = [*(call["tools"] or ()), tool]

    def _event(self, record: Record, event: Record, line: int) -> Iterator[tuple[int, Record]]:
        kind, message = event.get("type"), event.get("message")
        if kind == "user_message" and isinstance(message, str):
            self._answered()  # an answer that was broken off has no counts
            self._prompt = message
        elif kind == "agent_message" and isinstance(message, str):
            self._texts.append(message)
        elif kind == "token_count" and is_object(event.get("info")):
            yield from self._count(record, event, line)

    def _count(self, record: Record, event: Record, line: int) -> Iterator[tuple[int, Record]]:
        self._uncounted = None
        info = event["info"]
        before, total, usage = self._total, info.get("total_token_usage"), info.get("last_token_usage")
        if self._is_copy(record):
            self._total = total
            self._answered()
            return
        if self._is_repeated(record, info):
            return
        if is_object(total):
            self._total = total
        if not is_object(usage):
            usage = _difference(total, before)
        if not any(usage.get(key) for key in _COUNTS[:5]):
            return  # no call changed them: the context was made smaller
        session = self._session.get("session") or self._first
        number = total.get("total_tokens") if is_object(total) else None
        call = {
            **self._session,
            "session": session,
            **self._turn,
            "type": "call",
            # no total occurs twice in a session, and a copied file has the same ones
            "id": f"{session}/{number}" if session and number is not None else None,
            "timestamp": record.get("timestamp"),
            "usage": usage,
            **self._answered(),
            "info": {key: value for key, value in info.items() if key != "last_token_usage"},
            **{key: value for key, value in event.items() if key not in ("type", "info") and value is not None},
        }
        yield from self.finish()
        self._last = line, call

    def _is_copy(self, record: Record) -> bool:
        """Whether a fork copied the counts from its parent: in one burst at its beginning, or with their old times."""
        if self._copied_until is None:
            return False
        time = _time(record)
        if time is not None and time < self._copied_until + _BURST:
            self._copied_until = max(time, self._copied_until)
            return True
        self._copied_until = None
        return False

    def _is_repeated(self, record: Record, info: Record) -> bool:
        """Whether the line before had these counts: totals grow with each call, other counts may be equal by chance."""
        before, time_before = self._counted
        time = _time(record)
        self._counted = info, time
        if is_object(info.get("total_token_usage")):
            return bool(before.get("total_token_usage") == info["total_token_usage"])
        near = time is not None and time_before is not None and time - time_before < _BURST
        return near and bool(before.get("last_token_usage") == info.get("last_token_usage"))

    def _answered(self) -> dict[str, Any]:
        """Return the question, and what was answered since the last counts, which is then over."""
        answered = {
            "prompt": self._prompt,
            "text": "\n".join(self._texts) if self._texts else None,
            "tools": list(self._tools.values()) or None,
            "searches": self._searches or None,
        }
        self._texts, self._tools, self._searches = [], {}, 0
        return answered

    def _printed(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Read a line of ``codex exec --json``, which counts a turn."""
        kind, item = record.get("type"), record.get("item")
        if kind == "thread.started":
            self._session = {"session": record.get("thread_id")}
        elif kind == "item.completed" and is_object(item):
            if item.get("type") in ("agent_message", "assistant_message") and isinstance(item.get("text"), str):
                self._texts.append(item["text"])
            elif item.get("type") == "web_search":
                self._searches += 1
        elif kind in ("turn.completed", "turn.failed"):
            rest = {key: value for key, value in record.items() if key not in ("type", "error")}
            failure = record.get("error") if kind == "turn.failed" else None
            yield line, {**self._session, **self._answered(), **rest, "type": "call", "failure": failure}


_TURN = ("model", "cwd", "effort", "turn_id")


def _calls(record: Record) -> Iterator[Record]:
    """Yield the call that a rollout put together; a line alone is none."""
    payload = record.get("payload")
    if is_object(payload) and payload.get("type") == "token_count" and payload.get("info"):
        raise InvalidCallError("counts without the lines of the rollout before them, expected the whole file")
    if record.get("type") != "call":
        yield record
        return
    yield {**{key: value for key, value in record.items() if key != "type"}, "trace": record.get("session")}


def _difference(total: Any, before: Any) -> Record:
    """Return what a total grew by; a total that shrank began again."""
    if not is_object(total):
        return {}
    numbers = {key: count for key in _COUNTS if (count := count_or_none(total.get(key))) is not None}
    old = before if is_object(before) else {}
    grown = {key: count - (count_or_none(old.get(key)) or 0) for key, count in numbers.items()}
    return numbers if any(value < 0 for value in grown.values()) else grown


def _parent(meta: Record) -> Any:
    """Return the session that a session was forked from, or whose subagent it is; None for another session."""
    spawn = _spawn(meta)
    return meta.get("forked_from_id") or meta.get("parent_thread_id") or spawn.get("parent_thread_id")


def _spawn(meta: Record) -> Record:
    found: Any = meta.get("source")
    for key in ("subagent", "thread_spawn"):
        found = found.get(key) if is_object(found) else None
    return found if is_object(found) else {}


def _agent(meta: Record) -> Any:
    spawn = _spawn(meta)
    return meta.get("agent_nickname") or spawn.get("agent_nickname") or spawn.get("agent_role")


def _arguments(item: Record) -> Any:
    """Return the arguments of a call of a tool; JSON text of an object as that object."""
    value = next((item[key] for key in ("arguments", "input", "action") if item.get(key) is not None), None)
    if isinstance(value, str) and value[:1] == "{":
        try:
            return parse_json(value.encode("utf-8", "surrogatepass"))
        except ValueError:
            return value
    return value


def _time(record: Record) -> int | None:
    try:
        return time_value(record.get("timestamp"))
    except ValueError:
        return None


CODEX = Format(
    "codex",
    "rollouts of Codex from September 2025 on (~/.codex/sessions) and `codex exec --json`: protocol and exec_events of"
    " https://github.com/openai/codex; forks: https://github.com/ryoppippi/ccusage/tree/main/apps/codex",
    (
        Field("trace", "trace_id", text_value),
        Field("session", "session_id", text_value),
        Field("id", "event_id", text_value),
        Field("parent", "parent_id", text_value),
        Field("timestamp", "timestamp", time_value),
        Field("model", "model", text_value),
        Field("provider", "provider", text_value),
        Field("prompt", "prompt", text_value),
        Field("text", "response", text_value),
        Field("tools", "tool_calls", json_text_value),
        Field("searches", "web_searches", count_value),
        Field("failure", "error", error_text, kept=True),
        # input includes tokens read from a cache and written to one, output includes reasoning
        Field("usage.input_tokens", "input_tokens", count_value),
        Field("usage.cached_input_tokens", "cached_input_tokens", count_value),
        Field("usage.cache_write_input_tokens", "cache_write_tokens", count_value),
        Field("usage.output_tokens", "output_tokens", count_value),
        Field("usage.reasoning_output_tokens", "reasoning_tokens", count_value),
        Field("usage.total_tokens", TOTAL, count_value),
        Field("cwd", "route", text_value),
        Field("branch", "tags", json_text_value),
        Field("agent", "agent", text_value),
    ),
    signs=(
        Sign("payload", types=("session_meta", "turn_context", "event_msg", "response_item", "compacted")),
        Sign("thread_id", types=("thread.started",)),
    ),
    constants={"type": "generation", "source": "codex", "log_format": "codex"},
    records=_calls,
    is_call=lambda call: "trace" in call,
    session=Rollout,
)
