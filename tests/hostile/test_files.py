"""Each door for files with hostile contents and names: what it raises is a child of the one base."""

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import click.testing
import pytest

import crashlens_frame as cf
from crashlens_frame.cli import main

from .frames import usual

READERS = {
    "read_logs": cf.read_logs,
    "read_jsonl": cf.read_jsonl,
    "read_csv": cf.read_csv,
    "read_parquet": cf.read_parquet,
    "read_rejects": cf.read_rejects,
    "read_repairs": cf.read_repairs,
    "scan": lambda path: cf.scan(path, progress=False),
    "partitions": cf.partitions,
    "detect_format": cf.detect_format,
    "LogBook": cf.LogBook,
    "PriceBook": cf.PriceBook.load,
    "from_litellm": cf.PriceBook.from_litellm,
    "Budgets": cf.Budgets.load,
    "reconcile": lambda path: cf.reconcile(cf.as_calls(usual()), path),
}


def hostile_files():
    stream = io.BytesIO()
    cf.to_parquet(cf.as_calls(usual()), stream)
    whole = stream.getvalue()
    line = json.dumps({"trace_id": "t", "model": "m", "cost": 1}).encode()
    yield "logs.jsonl", b"\xff\xfe\x00\x80" * 50
    yield "logs.jsonl", b'{"trace_id": "\xed\xa0\x80", "model": "m"}\n' + line
    yield "logs.csv", b"trace_id,model\n\xff\xfe,gpt\x00\n"
    yield "logs.csv", b'"unclosed,model\n' * 3
    yield "logs.json", b"[" * 5000
    yield "logs.parquet", b"PAR1" + b"\x00" * 40 + b"PAR1"
    yield "logs.parquet", whole[:-20]
    yield "logs.parquet", whole[:-8] + b"\xff\xff\xff\x7fPAR1"
    yield "logs.parquet", whole[:-300] + b"\x15" * 292 + whole[-8:]
    yield "logs.parquet", b""
    yield "logs.jsonl.gz", b"\x1f\x8b\x08\x00" + b"\xff" * 30
    yield "logs.jsonl.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 30
    yield "logs.zip", b"PK\x03\x04" + b"\xff" * 60
    yield "prices.yaml", b"\xff\xfe\x80: [1, 2"
    yield "prices.yaml", b"a: &a [*a]\nb: !!python/object:os.system x\n"
    yield "invoice.csv", b"date,cost\n0000-00-00,1e999\n\xff,\x00\n"
    yield "folder", None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reader", READERS)
def test_no_reader_raises_an_error_of_another_base(reader, tmp_path):
    faults = []
    files = list(hostile_files())[:: 5 if reader == "scan" else 1]  # a scan starts processes
    for number, (name, content) in enumerate(files):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        path.mkdir() if content is None else path.write_bytes(content)
        for target in (path, path.with_name("missing")):
            try:
                READERS[reader](target)
            except cf.CrashlensFrameError:
                pass
            except Exception as error:
                faults.append(f"{target.name[:20]!r} {(content or b'')[:12]!r}: {error!r}")
    assert faults == []


# -- hostile names ------------------------------

CALLS = usual()
WRITERS: dict[str, Callable[[str], object]] = {
    "to_jsonl": lambda path: cf.to_jsonl(CALLS, path),
    "to_csv": lambda path: cf.to_csv(CALLS, path),
    "to_parquet": lambda path: cf.to_parquet(CALLS, path),
    "to_excel": lambda path: cf.to_excel(CALLS, path),
    "to_focus": lambda path: cf.to_focus(CALLS, path),
    "write_dataset": lambda path: cf.write_dataset(CALLS, path),
    "write_report": lambda path: cf.write_report(CALLS, path),
    "dump": lambda path: cf.PriceBook.default().dump(path),
    "LogBook.log": lambda path: cf.LogBook(path).log(model="gpt-4", prompt="p"),
}
LONG = "n" * 300
SLOW = ("scan", "write_report")
NAMES = (
    LONG,
    "d/" * 3000,
    "null\0byte",
    "~\0",
    "half\ud800",
    "circle",
    "circle/x",
    "file/x",
    "folder/file/x/y",
    "",
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("door", [*(name for name in READERS if name != "LogBook"), *WRITERS])
def test_names_that_no_file_can_have_raise_an_error_of_the_base(door: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("circle").symlink_to("circle")
    Path("folder").mkdir()
    for path in (Path("file"), Path("folder/file")):
        path.write_text("")
    faults = []
    for name in NAMES[: 4 if door in SLOW else None]:
        try:
            (READERS | WRITERS)[door](name)
        except cf.CrashlensFrameError as error:
            if not str(error).isprintable():
                faults.append(f"{name[:20]!r}: {str(error)!r}")
        except Exception as error:
            faults.append(f"{name[:20]!r}: {error!r}")
        else:
            faults.append(f"{name[:20]!r} was taken")
    assert faults == []
    assert {path.name for path in tmp_path.rglob("*")} == {"circle", "folder", "file"}


@pytest.mark.parametrize("command", ["analyze", "scan", "report", "compare", "convert", "redact", "focus", "log"])
def test_commands_name_a_file_whose_name_is_too_long(command: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"log": ["--model", "gpt-4", "--prompt", "p", "--output", LONG], "compare": [LONG, LONG]}
    given |= {each: [LONG, "out.csv"] for each in ("convert", "redact", "focus")}
    result = click.testing.CliRunner().invoke(main, [command, *given.get(command, [LONG])])
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert result.output.splitlines()[-1] == f"Error: {LONG[:200]}...: File name too long"


def test_the_error_of_the_system_keeps_its_number(tmp_path: Path) -> None:
    with pytest.raises(cf.FileAccessError) as caught:
        cf.read_logs(tmp_path / ("n" * 300))
    assert caught.value.errno == errno.ENAMETOOLONG
    with pytest.raises(cf.MissingFileError, match=r"missing/logs.jsonl: No such file or directory") as missing:
        cf.to_jsonl(CALLS, tmp_path / "missing" / "logs.jsonl")
    assert missing.value.errno == errno.ENOENT


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/urandom"])
@pytest.mark.parametrize("reader", [cf.read_logs, cf.read_jsonl, cf.read_csv, cf.scan, cf.detect_format])
def test_a_device_without_an_end_is_refused_and_a_pipe_is_read(device: str, reader, tmp_path: Path) -> None:
    with pytest.raises(cf.LogFileError, match=f"^{device} is a device, expected a file or a pipe$"):
        reader(device)
    assert len(cf.read_logs(os.devnull)) == 0
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as stream:
        stream.write(b'{"trace_id": "t", "model": "m", "cost": 1}\n')
    assert len(cf.read_logs(f"/dev/fd/{reading}")) == 1
    os.close(reading)
