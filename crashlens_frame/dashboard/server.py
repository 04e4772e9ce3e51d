"""Voila, made strict: who may ask, what the page may load, and when the server ends.

``python -m crashlens_frame.dashboard.server NOTEBOOK`` runs it. Its standard input is a pipe from the program that
started it, which ends when that program ends, however it does.
"""

import os
import re
import secrets
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.web import HTTPError, RequestHandler
from traitlets import Unicode
from voila.app import Voila  # type: ignore[import-untyped]

_MOST_SECONDS = 10  # until the server has ended
# the page runs scripts that Voila writes into it and those of its widgets, which anywidget makes blobs of, and loads
# nothing that is not of this server
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws://{host}; worker-src 'self' blob:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
)
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
# icons that Voila would have the page load from another server; none is used
_ICONS = re.compile(r"<link[^>]*cdn\.jsdelivr\.net[^>]*>")
_COOKIE = "crashlens-frame-{port}"  # cookies are not kept apart by port


class StrictVoila(Voila):  # type: ignore[misc]  # Voila has no types
    """Voila that answers its own page only."""

    page_token = Unicode(config=True, help="The token of the page.")

    def init_handlers(self) -> list[Any]:
        """Return the handlers of Voila, each behind the guard, without those to log in."""
        pages = [each for each in super().init_handlers() if not str(each[0]).startswith(("/log", "/api/me"))]
        return [(each[0], _guarded(each[1], self), *each[2:]) for each in pages]


def _guarded(handler: type[RequestHandler], server: StrictVoila) -> type[RequestHandler]:
    """Return a handler that looks at host, origin and token before anything else."""
    host = f"{server.ip}:{server.port}"
    token, cookie = str(server.page_token), _COOKIE.format(port=server.port)

    class Guarded(handler):  # type: ignore[misc,valid-type]  # made of a handler that is given
        async def prepare(self) -> None:
            if self.request.host != host:
                raise HTTPError(403, "another host")
            origin = self.request.headers.get("Origin")
            if origin is not None and origin != f"http://{host}":
                raise HTTPError(403, "another origin")
            if self.request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
                raise HTTPError(403, "another site")
            given = self.get_query_argument("token", "")
            if given and secrets.compare_digest(given.encode(), token.encode()):
                self.set_cookie(cookie, token, httponly=True, samesite="Strict", path="/")
                self.redirect(urlsplit(self.request.uri).path or "/")  # so that the token is in no history
                return
            if not secrets.compare_digest((self.get_cookie(cookie) or "").encode(), token.encode()):
                raise HTTPError(403, "no token")
            done = super().prepare()
            if done is not None:
                await done

        def write(self, chunk: str | bytes | dict[str, Any]) -> None:
            super().write(_ICONS.sub("", chunk) if isinstance(chunk, str) else chunk)

        def set_default_headers(self) -> None:
            super().set_default_headers()
            for name, value in _HEADERS.items():
                self.set_header(name, value)
            self.set_header("Content-Security-Policy", _POLICY.format(host=host))

    Guarded.__name__ = handler.__name__
    return Guarded


def _end_with_parent(is_alone: threading.Event) -> None:
    """Wait until the program that started the server has ended, then end the server."""
    sys.stdin.buffer.read()
    is_alone.set()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_MOST_SECONDS)
    os._exit(1)  # the kernels see that and end too


def run_server() -> None:
    """Run the server until it is asked to end, or the program that started it ends."""
    is_alone = threading.Event()
    threading.Thread(target=_end_with_parent, args=(is_alone,), daemon=True).start()
    try:
        StrictVoila.launch_instance()
    finally:
        if is_alone.is_set():  # nobody else removes the folder with the calls
            shutil.rmtree(Path(sys.argv[1]).parent, ignore_errors=True)


if __name__ == "__main__":
    run_server()
