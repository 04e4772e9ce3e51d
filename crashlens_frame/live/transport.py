"""An HTTP client of httpx or httpx2 whose requests are watched: the same bytes, each attempt logged.

The client of the user is not changed. Its copy shares the connections, and has transports around those of the client.
"""

import re
import sys
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

import orjson

from ..errors import InvalidOptionError
from .attempt import HEADERS, PACKING, Attempt, Settings, endpoint_of, events_in
from .context import check_budgets

LIBRARIES = ("httpx", "httpx2")
_RETRY_COUNT = "x-stainless-retry-count"  # of the SDKs that Stainless makes
_END_OF_EVENT = re.compile(rb"(\r?\n\r?\n)")
_REPLACED = ("content-length", "accept-encoding")  # headers of a request whose body is changed


def watched_client(http: Any, settings: Settings) -> Any:
    """Return a copy of an HTTP client that logs its attempts.

    Parameters
    ----------
    http
        ``Client`` or ``AsyncClient`` of httpx or httpx2, or of a child class.
    settings
        What is logged, and where to.
    """
    library = library_of(http)
    assert library is not None
    kind: Any = type(http)
    copied: Any = object.__new__(_watched_class(kind))
    copied.__dict__.update(http.__dict__)
    wrap = _AsyncTransport if isinstance(http, library.AsyncClient) else _Transport
    copied._transport = wrap(http._transport, http, settings, library)
    copied._mounts = {
        pattern: inner and wrap(inner, http, settings, library) for pattern, inner in http._mounts.items()
    }
    return copied


def library_of(http: Any) -> ModuleType | None:
    """Return the library whose HTTP client an object is; None where it is none."""
    for name in LIBRARIES:
        library = sys.modules.get(name)
        if library is not None and isinstance(http, library.Client | library.AsyncClient):
            return library
    return None


@lru_cache
def _watched_class(kind: Any) -> Any:
    """Return a child class that checks budgets before it builds a request: no SDK retries what fails there."""
    if hasattr(kind, "is_watched"):
        raise InvalidOptionError("client is watched already, expected the one that was given to watch")
    # the SDKs close their own clients when they are deleted, which would close the connections of the user's client
    base = next(each for each in kind.__mro__ if not hasattr(each, "__del__"))

    def build_request(self: Any, *args: Any, **options: Any) -> Any:
        check_budgets()
        return base.build_request(self, *args, **options)

    return type(base.__name__, (base,), {"build_request": build_request, "is_watched": True})


class _Watched:
    """What transports for calls that wait and for calls that do not have in common."""

    def __init__(self, inner: Any, owner: Any, settings: Settings, library: ModuleType) -> None:
        self._inner = inner
        self._owner = owner  # lives as long as this: it would close its connections
        self._settings = settings
        self._library = library

    def _begin(self, request: Any) -> tuple[Any, Attempt | None, "_UsageFilter | None"]:
        """Return the request to send, the attempt that it is, and what hides from the user what he did not ask for."""
        found = endpoint_of(request.method, request.url.path)
        if found is None:
            return request, None, None
        try:
            body = request.content
        except RuntimeError:  # a body that is streamed
            return request, None, None
        if body[:1] != b"{":
            return request, None, None
        endpoint, model = found
        retry = request.headers.get(_RETRY_COUNT, "0")
        attempt = Attempt.begin(
            self._settings,
            self._library,
            endpoint,
            body,
            model=model,
            host=request.url.host,
            retry=int(retry) if retry.isdecimal() else 0,
        )
        if self._settings.ask_usage and request.url.path.endswith("/chat/completions"):
            return self._asking(request, attempt)
        return request, attempt, None

    def _asking(self, request: Any, attempt: Attempt) -> tuple[Any, Attempt, "_UsageFilter | None"]:
        """Return a request for a stream with a demand for its usage; the answer unpacked, so that it can be hidden."""
        try:
            asked = orjson.loads(attempt.request)
        except orjson.JSONDecodeError:
            return request, attempt, None
        options = asked.get("stream_options") or {}
        if not asked.get("stream") or options.get("include_usage"):
            return request, attempt, None
        headers = [(name, value) for name, value in request.headers.multi_items() if name.lower() not in _REPLACED]
        headers.append(("accept-encoding", "identity"))
        asking = self._library.Request(
            request.method,
            request.url,
            headers=headers,
            content=orjson.dumps({**asked, "stream_options": {**options, "include_usage": True}}),
            extensions=request.extensions,
        )
        return asking, attempt, _UsageFilter()

    def _teed(self, response: Any, attempt: Attempt, usage: "_UsageFilter | None", kind: type, base: type) -> Any:
        """Return the response with a stream that is listened to."""
        if response.is_closed:  # a transport without a network has the whole answer at once
            attempt.take()
            headers = _headers_of(response)
            headers.pop(PACKING, None)  # the content is unpacked
            attempt.answered(response.status_code, headers, response.content, None)
            return response
        response.stream = _stream_class(kind, base)(response, attempt, usage)
        return response


def _headers_of(response: Any) -> dict[bytes, str]:
    """Return the headers that an attempt reads; one look through all of them is faster than asking for each."""
    return {name: value.decode("latin-1") for key, value in response.headers.raw if (name := key.lower()) in HEADERS}


class _Transport(_Watched):
    """Transport around that of a client."""

    def handle_request(self, request: Any) -> Any:
        request, attempt, usage = self._begin(request)
        if attempt is None:
            return self._inner.handle_request(request)
        try:
            response = self._inner.handle_request(request)
        except BaseException as error:
            attempt.fail(error)
            raise
        return self._teed(response, attempt, usage, _Stream, self._library.SyncByteStream)

    def close(self) -> None:
        self._inner.close()

    def __enter__(self) -> "_Transport":
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)


class _AsyncTransport(_Watched):
    """Transport around that of a client for asyncio."""

    async def handle_async_request(self, request: Any) -> Any:
        request, attempt, usage = self._begin(request)
        if attempt is None:
            return await self._inner.handle_async_request(request)
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            attempt.fail(error)
            raise
        return self._teed(response, attempt, usage, _AsyncStream, self._library.AsyncByteStream)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> "_AsyncTransport":
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._inner.__aexit__(*error)


class _Listener:
    """The bytes of one answer: they go to the user, and when no more come the attempt is logged."""

    def __init__(self, response: Any, attempt: Attempt, usage: "_UsageFilter | None") -> None:
        self._inner = response.stream
        self._status, self._headers = response.status_code, _headers_of(response)
        self._attempt, self._usage = attempt, None if PACKING in self._headers else usage
        self._pieces: list[bytes] = []

    def _take(self, piece: bytes) -> bytes:
        self._attempt.take()
        self._pieces.append(piece)
        return piece if self._usage is None else self._usage.visible(piece)

    def _end(self, error: BaseException | None = None, *, left: bool = False) -> None:
        if not self._attempt.is_over:
            failed = error if isinstance(error, Exception) else None
            left = left or (error is not None and failed is None)  # what a program leaves is no error
            self._attempt.answered(self._status, self._headers, b"".join(self._pieces), failed, left=left)

    def __del__(self) -> None:
        self._end(left=True)


class _Stream(_Listener):
    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._inner:
                if seen := self._take(piece):
                    yield seen
            if self._usage is not None and (rest := self._usage.rest()):
                yield rest
        except BaseException as error:
            self._end(error)
            raise
        self._end()

    def close(self) -> None:
        try:
            self._inner.close()
        finally:
            self._end(left=True)


class _AsyncStream(_Listener):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._inner:
                if seen := self._take(piece):
                    yield seen
            if self._usage is not None and (rest := self._usage.rest()):
                yield rest
        except BaseException as error:
            self._end(error)
            raise
        self._end()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._end(left=True)


@lru_cache
def _stream_class(kind: type, base: type) -> type:
    """Return the class of a stream that the library of the client accepts."""
    return type(kind.__name__, (kind, base), {})


class _UsageFilter:
    """Leaves the piece with the usage, which the user did not ask for, out of a stream of events."""

    def __init__(self) -> None:
        self._begun = b""

    def visible(self, piece: bytes) -> bytes:
        """Return the whole events of what came so far that the user asked for."""
        *whole, self._begun = _END_OF_EVENT.split(self._begun + piece)
        events = zip(whole[::2], whole[1::2], strict=True)
        return b"".join(event + end for event, end in events if not _is_usage(event))

    def rest(self) -> bytes:
        """Return what is left at the end."""
        return b"" if _is_usage(self._begun) else self._begun


def _is_usage(event: bytes) -> bool:
    return any(piece.get("choices") == [] and piece.get("usage") is not None for piece in events_in(event))
