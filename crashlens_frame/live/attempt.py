"""One attempt: what was sent, what came back, and the row that follows. It is logged exactly once."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ..errors import CrashlensFrameError, InvalidCallError
from ..formats import Row, convert_row, put_together
from ..jsonvalues import canonical_json
from ..logbook import rows_from_response
from ..pricing import fill_cost
from ..tokens import fill_tokens
from .context import Budget, budgets_now, columns_now, new_trace_id, spend
from .hooks import warn_unsaved

if TYPE_CHECKING:
    from ..logbook import LogBook


class Endpoint(NamedTuple):
    """A path that calls of models are sent to, and the format of the answers."""

    path: re.Pattern[str]
    format: str


ENDPOINTS = tuple(
    Endpoint(re.compile(path), name)
    for path, name in (
        (
            r"(/deployments/(?P<model>[^/]+))?/(chat/completions|completions|fim/completions|responses|embeddings)$",
            "openai",
        ),
        (r"/v1/messages$", "anthropic"),
        (r"/publishers/anthropic/models/(?P<model>[^/]+):(rawPredict|streamRawPredict)$", "anthropic"),
        (r"/(?P<model>[^/]+):(generateContent|streamGenerateContent)$", "gemini"),
        (r"/v2/chat$", "cohere"),
        (r"/api/(chat|generate)$", "ollama"),
    )
)
_PROVIDERS = (
    ("openai", re.compile(r"(^|\.)api\.openai\.com$")),
    ("anthropic", re.compile(r"(^|\.)api\.anthropic\.com$")),
    ("azure", re.compile(r"\.(openai\.azure\.com|cognitiveservices\.azure\.com|services\.ai\.azure\.com)$")),
    ("vertex_ai", re.compile(r"(^|[.-])aiplatform\.googleapis\.com$")),
    ("openrouter", re.compile(r"(^|\.)openrouter\.ai$")),
    ("groq", re.compile(r"(^|\.)api\.groq\.com$")),
    ("mistral", re.compile(r"(^|\.)api\.mistral\.ai$")),
)
# what the errors of HTTP clients show: nothing was sent, or it was sent and nobody knows
_NOT_SENT = {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"}
_TIMED_OUT = {"ReadTimeout", "WriteTimeout"}
_PREFIX = ("system", "instructions", "systemInstruction", "system_instruction", "tools", "functions")
_OF_SYSTEM = ("system", "developer")
_CONTENT = ("prompt", "response", "tool_calls")  # columns with texts of users
_PART = 4096  # bytes that are unpacked together: of a packed answer that is torn, what is before the torn part is read
_STEPS = re.compile(rb'"iterations":\s*\[')  # an answer of Anthropic that may be calls of several models
_DONE = b"[DONE]"  # what OpenAI, and all who answer in its form, end a stream with

# headers of an answer that attempts read
PACKING, _KIND, _REQUEST_IDS = b"content-encoding", b"content-type", (b"x-request-id", b"request-id")
HEADERS = frozenset((PACKING, _KIND, *_REQUEST_IDS))

# the last attempt of this thread or task: the hash of its body, and its trace
_last: ContextVar[tuple[int, str] | None] = ContextVar("last", default=None)


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``watch`` was asked for."""

    book: "LogBook"
    columns: Mapping[str, Any]
    capture_content: bool
    redact: Callable[[str], str] | None
    ask_usage: bool


@lru_cache(maxsize=256)
def endpoint_of(method: str, path: str) -> tuple[Endpoint, str | None] | None:
    """Return the endpoint of a request, and the model that its path names; None where it calls no model."""
    if method == "POST":
        for endpoint in ENDPOINTS:
            if found := endpoint.path.search(path):
                return endpoint, found.groupdict().get("model")
    return None


@lru_cache(maxsize=256)
def _provider_of(host: str) -> str | None:
    return next((name for name, pattern in _PROVIDERS if pattern.search(host)), None)


def pieces_in(body: bytes, kind: str) -> list[Mapping[str, Any]] | None:
    """Return the pieces of a streamed answer, by its content type; None where the answer came whole."""
    if "text/event-stream" in kind:
        return list(events_in(body))
    # Ollama sends a line for each piece, Gemini without events a list of them
    is_cut = "ndjson" in kind or body.lstrip()[:1] == b"["
    return list(_objects_in(body.decode(errors="replace"))) if is_cut else None


def _objects_in(text: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of lines or of a list; the last may be torn."""
    place = 0
    while found := _BEGIN.match(text, place):
        try:
            value, place = _DECODER.raw_decode(text, found.end())
        except json.JSONDecodeError:
            return
        yield value


_BEGIN, _DECODER = re.compile(r"[\s\[,]*(?=\{)"), json.JSONDecoder()


def events_in(body: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of server-sent events; the last may be torn."""
    for event in re.split(rb"\r?\n\r?\n", body):
        data = b"\n".join(line[5:].strip() for line in event.splitlines() if line.startswith(b"data:"))
        if data and (found := _object(data)):
            yield found


# what came back: status, headers, the body as it came, the error that ended it, whether the program left it; a plain
# tuple, which the garbage collector need not visit again
_Heard = tuple[int, Mapping[bytes, str], bytes, BaseException | None, bool]


@dataclass(slots=True, eq=False)
class Attempt:
    """One request on its way, from the moment at which it is sent."""

    settings: Settings
    library: ModuleType  # httpx or httpx2
    endpoint: Endpoint
    request: bytes  # as it was sent: many answers wait in a book, and bytes cost the garbage collector nothing
    model: str | None  # that the path names
    columns: Mapping[str, Any]
    budgets: tuple[Budget, ...]
    started: int  # microseconds since 1970
    clock: float  # seconds
    first_byte: float | None = None
    latency_ms: int | None = None  # once it is over
    answer: _Heard | None = None
    failure: BaseException | None = None  # in place of an answer
    others: Sequence[Row] = ()  # calls of other models that had a part in the answer

    @classmethod
    def begin(
        cls,
        settings: Settings,
        library: ModuleType,
        endpoint: Endpoint,
        body: bytes,
        *,
        model: str | None,
        host: str,
        retry: int,
    ) -> "Attempt":
        """Begin an attempt, with the trace and the columns of the thread or task."""
        columns = {"provider": _provider_of(host), **settings.columns, **columns_now(), "retry_count": retry}
        if "trace_id" not in columns:
            before = _last.get() if retry else None
            is_again = before is not None and before[0] == hash(body)
            columns["trace_id"] = before[1] if before is not None and is_again else new_trace_id()
        _last.set((hash(body), columns["trace_id"]))
        started, clock = time.time_ns() // 1000, time.perf_counter()
        return cls(settings, library, endpoint, body, model, columns, budgets_now(), started, clock)

    def take(self) -> None:
        """Note when the first bytes of the answer come."""
        if self.first_byte is None:
            self.first_byte = time.perf_counter()

    @property
    def is_over(self) -> bool:
        """Whether it is logged."""
        return self.latency_ms is not None

    def fail(self, error: BaseException) -> None:
        """Log an attempt that got no answer."""
        if not self.is_over:
            self.failure = error
            self._end()

    def answered(
        self, status: int, headers: Mapping[bytes, str], body: bytes, error: BaseException | None, *, left: bool = False
    ) -> None:
        """Log an attempt that got an answer, or what came of it before an error or before the program left it."""
        if not self.is_over:
            self.answer = (status, headers, body, error, left)
            self._end()

    def _end(self) -> None:
        """Log the row; whatever fails here does not fail the call of the user."""
        self.latency_ms = round((time.perf_counter() - self.clock) * 1000)
        book = self.settings.book
        try:
            # texts that are not kept may wait for a file, which takes moments, but not for somebody who reads a book
            is_kept = self.settings.capture_content or book.path is not None
            may_wait = is_kept and self.settings.redact is None and not self.budgets
            if may_wait and not self._may_be_several():
                book.log_later(self)
                return
            for row in (self(), *self.others):  # texts may not be kept, a budget has to know the cost
                if self.budgets:
                    priced = dict(row)
                    fill_tokens(priced)
                    fill_cost(priced, book.prices)
                    spend(self.budgets, str(row["trace_id"]), priced["cost"] or 0.0)
                book.log_row(row)
        except Exception as error:
            warn_unsaved(f"a call is not logged, or only in memory: {error}")

    def _may_be_several(self) -> bool:
        """Whether the answer may be the calls of several models, as one with an advisor is."""
        if self.answer is None or self.endpoint.format != "anthropic":
            return False
        _, headers, body, *_ = self.answer
        return _STEPS.search(self._unpacked(body, headers.get(PACKING))) is not None

    def __call__(self) -> Row:
        """Return the row of an attempt; of what cannot be read, the row has no texts."""
        try:
            row = self._covered(self._without_answer() if self.answer is None else self._with_answer(*self.answer))
            self.others = [self._covered(other) for other in self.others]
        except Exception as error:
            warn_unsaved(f"a call is logged without what was sent and answered: {error}")
            row = self._bare({"level": "error", "error": f"it cannot be read: {type(error).__name__}"})
            self.others = ()
        return {**row, "latency_ms": self.latency_ms}

    def _bare(self, columns: Mapping[str, Any]) -> Row:
        """Return a row without anything that was sent or answered."""
        given = {name: value for name, value in {**self.columns, **columns}.items() if value is not None}
        return {**convert_row(given, needs_model=False), "timestamp": self.started}

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _row(self, answer: Mapping[str, Any], kept: Mapping[str, Any], **columns: Any) -> Row:
        given, live = {**self.columns, **columns}, {"live": kept} if kept else {}
        asked = orjson.loads(self.request)
        if self.model is not None:
            asked.setdefault("model", self.model)
        try:
            row, *others = rows_from_response(
                answer, asked, format=self.endpoint.format, columns=given, kept=live, needs_model=False
            )
            self.others = [{"billed": "yes", **other, "timestamp": self.started} for other in others]
        except InvalidCallError:
            if answer:
                raise
            # the request names no model and no prompt: it was sent all the same
            row = self._bare(columns)
            row["extra"] = canonical_json({"request": asked, **live})
        row["timestamp"] = self.started
        if "prefix_hash" not in row and (prefix := _prefix(asked)) is not None:
            row["prefix_hash"] = prefix
        return row

    def _without_answer(self) -> Row:
        error = self.failure
        kinds = {kind.__name__ for kind in type(error).__mro__}
        failed = f"{type(error).__name__}: {error}".removesuffix(": ")
        if not isinstance(error, Exception):  # the program stopped waiting
            return self._estimated(self._row({}, {}, finish_reason="aborted", billed="estimated", error=failed))
        billed = "no" if kinds & _NOT_SENT else "estimated" if kinds & _TIMED_OUT else "unknown"
        return self._row({}, {}, finish_reason="error", level="error", billed=billed, error=failed)

    def _with_answer(
        self, status: int, headers: Mapping[bytes, str], body: bytes, error: BaseException | None, left: bool
    ) -> Row:
        body = self._unpacked(body, headers.get(PACKING))
        kept: dict[str, Any] = {"http_status": status}
        for request_id in filter(None, map(headers.get, _REQUEST_IDS)):
            kept.setdefault("request_id", request_id)
        if self.first_byte is not None:
            kept["first_byte_ms"] = round((self.first_byte - self.clock) * 1000)
        if status >= 400:
            return self._refused(status, body, kept)
        failed = None if error is None else f"{type(error).__name__}: {error}".removesuffix(": ")
        pieces = pieces_in(body, headers.get(_KIND, ""))
        answer, is_complete = (_object(body), not left) if pieces is None else put_together(pieces)
        left = left and _DONE not in body[-32:]  # SDKs leave a stream at its end
        outcome: dict[str, Any] = {"level": None if failed is None else "error", "error": failed}
        try:
            if pieces is not None and not answer and not left and failed is None:
                # a stream of another kind, which was read to its end
                return self._row({}, kept, billed="unknown")
            if not is_complete and not (pieces is None and answer):
                row = self._row(answer, kept, **outcome, finish_reason="aborted")
                return self._estimated({"billed": "estimated", **row})
            if answer:
                return {"billed": "yes", **self._row(answer, kept, **outcome)}
            failed = failed or f"the answer is no JSON object: {body[:80].decode(errors='replace')!r}"
        except CrashlensFrameError as unreadable:
            failed = str(unreadable)
        columns = {"level": "error", "error": failed, "finish_reason": "error", "billed": "estimated"}
        return self._row({}, kept, **columns)

    def _unpacked(self, body: bytes, packing: str | None) -> bytes:
        """Return what came, unpacked as far as it goes."""
        if not packing:
            return body
        parts = (body[place : place + _PART] for place in range(0, len(body), _PART))
        packed = self.library.Response(200, headers={PACKING: packing.encode("latin-1")}, content=parts)
        whole = b""
        with suppress(self.library.DecodingError):  # it was cut
            for part in packed.iter_bytes():
                whole += part
        return whole

    def _refused(self, status: int, body: bytes, kept: Mapping[str, Any]) -> Row:
        found = _object(body).get("error")
        error = {"error": found} if isinstance(found, Mapping | str) and found else {}
        text = None if error else f"HTTP {status}: {body[:200].decode(errors='replace')}".removesuffix(": ")
        return self._row(error, kept, level="error", billed="no", finish_reason="error", error=text)

    def _estimated(self, row: Row) -> Row:
        """Return a row whose output is what arrived: the vendor did not come to say how much it is."""
        row.pop("output_tokens", None)
        row.pop("reasoning_tokens", None)
        fill_tokens(row)
        row.setdefault("output_tokens", 0)
        row["token_source"] = "estimated"
        return row

    def _covered(self, row: Row) -> Row:
        """Return a row without the texts that the user keeps out of the log; hashes and counts stay."""
        if self.settings.capture_content and self.settings.redact is None:
            return row
        fill_tokens(row)
        if row.get("prompt") is not None:
            row.setdefault("prompt_hash", hashlib.sha256(row["prompt"].encode("utf-8", "replace")).hexdigest()[:32])
        if not self.settings.capture_content:
            kept = orjson.loads(row.pop("extra", "{}")).get("live", {})
            status = kept.get("http_status")
            if row.get("error") is not None and status is not None:
                row["error"] = f"HTTP {status}"
            row = {name: value for name, value in row.items() if name not in _CONTENT}
            return {**row, "extra": canonical_json({"live": kept})} if kept else row
        redact = self.settings.redact
        assert redact is not None
        covered = {name: redact(row[name]) for name in (*_CONTENT, "error") if row.get(name) is not None}
        if row.get("extra") is not None:
            covered["extra"] = canonical_json(_redacted(orjson.loads(row["extra"]), redact))
        return row | covered


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(inner, redact) for key, inner in value.items()}
    return [_redacted(inner, redact) for inner in value] if isinstance(value, list) else value


def _prefix(asked: Mapping[str, Any]) -> str | None:
    """Return the hash of the system prompt and the tools; None without any."""
    prefix: list[Any] = [asked[key] for key in _PREFIX if asked.get(key)]
    messages = asked.get("messages")
    if isinstance(messages, list):
        prefix += [each for each in messages if isinstance(each, Mapping) and each.get("role") in _OF_SYSTEM]
    return hashlib.sha256(canonical_json(prefix).encode("utf-8", "replace")).hexdigest()[:32] if prefix else None


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, Mapping) else {}
