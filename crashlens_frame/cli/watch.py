"""The command watch: an endpoint that coding agents and instrumented programs export their calls to."""

import signal
import threading
from urllib.parse import quote

import click

from ..live import serve_otlp
from ..logbook import LogBook
from ..words import quantity
from . import options
from .output import print_note


@click.command()
@click.option("--output", default="logs.jsonl", show_default=True, help="File that the calls are appended to.")
@click.option("--port", type=click.IntRange(0, 65_535), default=4318, show_default=True, help="0: any free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Any but that of this machine needs --token.")
@click.option("--token", envvar="CRASHLENS_FRAME_TOKEN", help="What senders have to show; CRASHLENS_FRAME_TOKEN.")
@options.config
def watch(output: str, port: int, host: str, token: str | None, config: str | None) -> None:
    """Log the calls that Claude Code, Codex, Gemini CLI and other programs export, until Ctrl-C or SIGTERM.

    An endpoint of OTLP over HTTP, for logs and traces.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with LogBook(output, prices=config) as book:
        before = len(book)
        with serve_otlp(book, port=port, host=host, token=token) as endpoint:
            print_note(f"logging to {output} what is exported to {endpoint.url}; Ctrl-C ends this\n")
            print_note(_settings(endpoint.url, token))
            stop.wait()
        print_note(f"logged {quantity(len(book) - before, 'call')} to {output}")


def _settings(url: str, token: str | None) -> str:
    """Return what to set so that programs export to the endpoint."""
    bearer = "" if token is None else f"\n  export OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20{quote(token)}"
    headers = "" if token is None else f', headers = {{ Authorization = "Bearer {token}" }}'
    return f"""Claude Code:
  export CLAUDE_CODE_ENABLE_TELEMETRY=1
  export OTEL_LOGS_EXPORTER=otlp
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/json
  export OTEL_EXPORTER_OTLP_ENDPOINT={url}{bearer}

Gemini CLI:
  export GEMINI_TELEMETRY_ENABLED=true
  export GEMINI_TELEMETRY_TARGET=local
  export GEMINI_TELEMETRY_OTLP_PROTOCOL=http
  export GEMINI_TELEMETRY_OTLP_ENDPOINT={url}{bearer}

Codex, in ~/.codex/config.toml:
  [otel]
  exporter = {{ otlp-http = {{ endpoint = "{url}/v1/logs", protocol = "json"{headers} }} }}

Programs with the SDK of OpenTelemetry:
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  export OTEL_EXPORTER_OTLP_ENDPOINT={url}{bearer}
"""
