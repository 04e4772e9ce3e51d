"""The command that logs calls as they happen: watch."""

import signal
import threading

import click

from ..live import OtlpServer, serve_otlp
from ..logbook import LogBook
from ..words import money, quantity
from . import options
from .output import print_note

# what each program has to be started with; https://code.claude.com/docs/en/monitoring-usage,
# https://developers.openai.com/codex/config-advanced, https://geminicli.com/docs/cli/telemetry
_PROGRAMS = """\
Claude Code:
  export CLAUDE_CODE_ENABLE_TELEMETRY=1 OTEL_LOGS_EXPORTER=otlp OTEL_METRICS_EXPORTER=none
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/json OTEL_EXPORTER_OTLP_ENDPOINT={url}{headers}
Codex, in ~/.codex/config.toml:
  [otel]
  exporter = {{ otlp-http = {{ endpoint = "{url}/v1/logs", protocol = "json"{codex_headers} }} }}
Gemini CLI:
  export GEMINI_TELEMETRY_ENABLED=true GEMINI_TELEMETRY_TARGET=local GEMINI_TELEMETRY_OTLP_PROTOCOL=http
  export GEMINI_TELEMETRY_OTLP_ENDPOINT={url}
any program with OpenTelemetry:
  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_ENDPOINT={url}{headers}"""


@click.command(epilog=options.example("crashlens-frame watch --output calls.jsonl"))
@click.option("--output", type=click.Path(), required=True, help="JSON Lines file that the calls are appended to.")
@click.option("--port", type=click.IntRange(0, 65535), default=4318, show_default=True, help="0 takes any free port.")
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Another address than that of this machine alone needs a token.",
)
@click.option(
    "--token", envvar="CRASHLENS_FRAME_TOKEN", help="What each sender has to show; better in CRASHLENS_FRAME_TOKEN."
)
@options.config
def watch(output: str, port: int, host: str, token: str | None, config: str | None) -> None:
    """Log the calls that coding agents and programs export with OpenTelemetry, until Ctrl+C."""
    done = threading.Event()
    with LogBook(output, prices=config) as book, serve_otlp(book, port=port, host=host, token=token) as server:
        before = {number: signal.signal(number, lambda *_: done.set()) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            print_note(f"listening on {server.url}, writing to {output}; Ctrl+C ends it\n")
            click.echo(_settings(server, token))
            done.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    n_calls = quantity(server.n_calls, "call")
    calls = book.df.tail(server.n_calls) if server.n_calls else book.df.head(0)
    print_note(f"logged {n_calls} to {output}, cost {money(calls['cost'].sum(min_count=1))}")


def _settings(server: OtlpServer, token: str | None) -> str:
    """Return what to start the programs with."""
    headers = "" if token is None else "\n  export OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer TOKEN'"
    codex = "" if token is None else ', headers = { Authorization = "Bearer TOKEN" }'
    return _PROGRAMS.format(url=server.url, headers=headers, codex_headers=codex)
