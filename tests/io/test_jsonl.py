import errno
import gzip
import io
import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crashlens_frame.errors import (
    InvalidCallError,
    InvalidOptionError,
    LogFileError,
    PassedOverWarning,
    RejectedLinesWarning,
    UnknownFormatError,
    UnpricedWarning,
)
from crashlens_frame.formats import FORMATS
from crashlens_frame.frame import as_calls, empty_frame
from crashlens_frame.io.file_kind import kind_of
from crashlens_frame.io.journal import append_bytes
from crashlens_frame.io.jsonl import append_jsonl, read_jsonl, read_log, read_rejects, to_jsonl
from crashlens_frame.io.streams import line_blocks
from crashlens_frame.io.write_lines import BATCH
from crashlens_frame.schema import CALLS, REJECTS

A, B = b'{"trace_id":"a","model":"m"}', b'{"traceId":"b","input":{"model":"n"}}'
BOTH = as_calls(pd.DataFrame({"trace_id": ["a", "b"], "model": ["m", "n"], "cost_source": "unknown"}))
HEADS = ["source", "line", "reason", "text"]


def read(log: bytes, **options: Any) -> pd.DataFrame:
    return read_jsonl(io.BytesIO(log), **options)


def same(calls: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(calls, expected, check_exact=True)


# -- what is read ------------------------------


@pytest.mark.parametrize(
    "log",
    {
        "lines": A + b"\n" + B + b"\n",
        "no last line end": A + b"\n" + B,
        "CRLF": A + b"\r\n" + B + b"\r\n",
        "BOM": b"\xef\xbb\xbf" + A + b"\n" + B,
        "blank lines": b"\n\n" + A + b"\n  \t\r\n\r\n" + B + b"\n\n",
        "blanks around": b"  " + A + b" \n\t" + B,
        "NUL bytes that a crash left before a line": b"\0" * 9 + A + b"\n" + B,
        "gzip": gzip.compress(A + b"\n" + B),
        "gzip, in two members": gzip.compress(A + b"\n") + gzip.compress(B),
        "gzip of a BOM": gzip.compress(b"\xef\xbb\xbf" + A + b"\n" + B),
        "Zstandard": zstandard.compress(A + b"\n" + B),
        "Zstandard, in two frames": zstandard.compress(A + b"\n") + zstandard.compress(B),
        "a key that stands twice": b'{"trace_id":"x","model":"y","trace_id":"a","model":"m"}\n' + B,
        "another order of keys": b'{"model":"m","trace_id":"a"}\n' + B,
        "NaN": A[:-1] + b',"cost":NaN}\n' + B,
        "escapes": b'{"trace_id":"\\u0061","model":"\\u006d"}\n' + B,
    }.items(),
    ids=lambda item: item[0],
)
def test_both_calls_are_read_from(log: tuple[str, bytes]) -> None:
    same(read(log[1]), BOTH)


@pytest.mark.parametrize("log", [b"", b"\n", b" \r\n\n", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_a_log_without_lines_is_the_empty_typed_frame(log: bytes) -> None:
    same(read(log), empty_frame())
    same(read_rejects(io.BytesIO(log)), empty_frame(REJECTS))


@pytest.mark.parametrize(
    ("line", "extra"),
    [
        (b'{"trace_id":"a","model":"m","x":NaN,"y":[Infinity,-Infinity,1]}', '{"x":null,"y":[null,null,1]}'),
        (b'{"trace_id":"a","model":"m","id":123456789012345678901234}', '{"id":123456789012345678901234}'),
        (b'{"trace_id":"a","model":"m","x":"\\ud800"}', '{"x":"\ufffd"}'),
        (b'{"trace_id":"a","model":"m","x":1,"x":2}', '{"x":2}'),
        (b'{"trace_id":"a","model":"m","z":{"b":1,"a":"\xc3\xa9"},"y":null}', '{"y":null,"z":{"a":"é","b":1}}'),
    ],
)
def test_an_unknown_field_with_any_value_is_kept(line: bytes, extra: str) -> None:
    assert read(line)["extra"].tolist() == [extra]


def test_unknown_fields_may_change_their_type_from_line_to_line() -> None:
    log = b"\n".join(
        b'{"trace_id":"a","model":"m","x":%s}' % value for value in (b"1", b'"1"', b"[1]", b'{"y":1}', b"null", b"true")
    )
    assert read(log)["extra"].tolist() == [
        '{"x":1}',
        '{"x":"1"}',
        '{"x":[1]}',
        '{"x":{"y":1}}',
        '{"x":null}',
        '{"x":true}',
    ]


def test_the_last_call_with_an_event_id_is_kept_across_files(tmp_path: Path) -> None:
    log = b"".join(b'{"trace_id":"a","event_id":%s,"cost":%d}\n' % (b'"%s"' % e if e else b"null", n)
                   for n, e in enumerate([b"x", b"y", None, b"x", None, b"z"]))  # fmt: skip
    path = tmp_path / "more.jsonl"
    path.write_bytes(b'{"trace_id":"b","event_id":"y","cost":9}\n')
    with pytest.warns(PassedOverWarning, match=r"^left out 2 calls repeated later in the log \(same event_id\)$"):
        calls = read_jsonl([io.BytesIO(log), path])
    assert calls["cost"].tolist() == [2, 3, 4, 5, 9]
    assert read(log, duplicates="all")["cost"].tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.warns(PassedOverWarning):
        assert read_jsonl(io.BytesIO(log), columns=["cost"])["cost"].tolist() == [1, 2, 3, 4, 5]
    with pytest.raises(InvalidOptionError, match=r"^duplicates is 'first', expected 'last' or 'all'$"):
        read(log, duplicates="first")


# -- some columns ------------------------------


@pytest.mark.parametrize("columns", [["cost"], ["trace_id", "latency_ms", "cost_source"], ["token_source", "model"],
                                     ["prompt", "extra"], ["event_id"]])  # fmt: skip
@pytest.mark.parametrize(
    "odd", [b"", b'{"trace_id":"c","cost":0,"startTime":"2026-01-01T00:00Z","endTime":"2026-01-01T00:01Z"}']
)
def test_the_columns_asked_for_are_those_of_the_whole(columns: list[str], odd: bytes) -> None:
    log = (A + b"\n" + B + b"\n") * 3 + odd
    pd.testing.assert_frame_equal(read(log, columns=columns), read(log)[columns])


def test_a_line_is_not_refused_for_a_column_that_nobody_asked_for() -> None:
    log = A + b'\n{"trace_id":"x","input_tokens":"12a","cost":2}\n{"prompt":"no trace"}'
    with pytest.warns(RejectedLinesWarning, match="1 line of 1 file .* the trace id is missing"):
        assert len(read(log, columns=["trace_id", "cost"], duplicates="all")) == 2
    with pytest.warns(RejectedLinesWarning, match="2 lines"):
        assert len(read(log)) == 1


def test_a_column_that_there_is_not_is_refused_with_the_one_that_may_be_meant() -> None:
    with pytest.raises(InvalidOptionError, match=r"^columns holds 'promt', .* did you mean prompt\?$"):
        read(A, columns=["promt"])


# -- how far it has come ------------------------------


def test_a_bar_shows_how_far_reading_has_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(A + b"\n" + B)
    size = path.stat().st_size
    same(read_jsonl([path, path], duplicates="all", progress=True), read_jsonl([path, path], duplicates="all"))
    assert f"{2 * size}/{2 * size}" in capsys.readouterr().err.replace(".00", "")
    read_jsonl([path, io.BytesIO(A)], duplicates="all", progress=True)  # how much there is is not known
    assert "%" not in capsys.readouterr().err
    for quiet in (None, False):
        read_jsonl(path, progress=quiet)
        assert capsys.readouterr().err == ""


def test_in_a_terminal_a_bar_shows_itself_once_reading_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(A)
    monkeypatch.setattr("crashlens_frame._core.progress._is_interactive", lambda: True)
    read_jsonl(path)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("crashlens_frame._core.progress._DELAY", 0)
    read_jsonl(path)
    assert "read:" in capsys.readouterr().err


def test_mixed_forms_of_time_on_neighbouring_lines_are_one_column() -> None:
    forms = (
        '"2026-01-01T00:00:00"',
        '"2026-01-01T05:30:00+05:30"',
        "1767225600",
        "1767225600000",
        '"2026-01-01"',
        "null",
    )
    calls = read("\n".join(f'{{"trace_id":"a","model":"m","timestamp":{form}}}' for form in forms).encode())
    expected = pd.Series(
        [pd.Timestamp("2026-01-01T00:00Z")] * 5 + [pd.NaT], name="timestamp", dtype="datetime64[us, UTC]"
    )
    pd.testing.assert_series_equal(calls["timestamp"], expected)


# -- where it is read from ------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with two logs of one line each, ``1.jsonl`` and ``2.jsonl.gz``, and a bad log."""
    (tmp_path / "1.jsonl").write_bytes(A)
    (tmp_path / "2.jsonl.gz").write_bytes(gzip.compress(B))
    (tmp_path / "3.bad").write_bytes(b"\n" + A + b"\nx\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_paths_globs_lists_and_file_objects_are_read_in_order(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    same(read_jsonl("*.jsonl*"), BOTH)
    same(read_jsonl(["1.jsonl", folder / "2.jsonl.gz"]), BOTH)
    same(read_jsonl(iter([io.BytesIO(A), "2.*"])), BOTH)
    same(read_jsonl(io.StringIO("\ufeff" + (A + b"\n" + B).decode())), BOTH)
    with Path("1.jsonl").open("rb") as stream:
        same(read_jsonl([stream, "2.jsonl.gz"]), BOTH)
        assert not stream.closed
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(A + b"\n" + B)))
    same(read_jsonl("-"), BOTH)


def test_a_file_whose_name_looks_like_a_glob_is_read_as_itself(folder: Path) -> None:
    Path("[1].jsonl").write_bytes(A + b"\n" + B)
    same(read_jsonl("[1].jsonl"), BOTH)


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^no file is named or matches 4\.jsonl$"):
        read_jsonl("4.jsonl")
    with pytest.raises(FileNotFoundError, match=r"^no file is named or matches 4\*$"):
        read_rejects("4*")


@pytest.mark.parametrize("size", [1, 2, 3, 7, len(A), len(A) + 1, 1000])
@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstandard.compress])
def test_lines_stay_whole_however_a_stream_is_cut(size: int, packed: Any) -> None:
    log = b"\xef\xbb\xbf" + A + b"\r\n\n" + B
    given_back = list(line_blocks(io.BytesIO(packed(log)), size=size))
    assert b"".join(given_back) == log.removeprefix(b"\xef\xbb\xbf")
    assert [block[-1:] for block in given_back[:-1]] == [b"\n"] * (len(given_back) - 1)


# -- what cannot be read ------------------------------

BAD = {
    b'{"trace_id":"u","mod': "not JSON, unterminated string starting at character 17",
    b'{"trace_id":"u"}}': "not JSON, extra data at character 17",
    b"x" * 300: "not JSON, expecting value at character 1",
    b"[1]": "1, expected a JSON object",
    b"null": "null, expected a JSON object",
    b'{"route":"m"}': "the trace id is missing, expected traceId or trace_id as non-empty text",
    b'{"trace_id":"u","input_tokens":"12a"}': 'input_tokens is "12a", expected a whole number',
    b'{"trace_id":"u","cost":Infinity}': "cost is Infinity, expected a finite number from 0 on",
    b'{"trace_id":"u","retry_count":99999999999999999999}': (
        "retry_count is 99999999999999999999, expected a whole number from 0 to 2**63 - 1"
    ),
    b'{"trace_id":"u","model":"\xff"}': "byte 0xff at byte 26 is not UTF-8",
    b"\0\0\0\0": "4 NUL bytes, expected a JSON object; a crash may leave them",
    b'{"trace_id":"u","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}": "nested too deep",
}


@pytest.mark.parametrize(("bad", "reason"), BAD.items(), ids=[reason[:40] for reason in BAD.values()])
def test_a_bad_line_costs_only_itself(tmp_path: Path, bad: bytes, reason: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(A + b"\r\n\r\n" + bad + b"\r\n" + B)
    rejects = pd.DataFrame([[str(path), 3, reason, bad.decode("utf-8", "replace")[:200]]], columns=HEADS)
    same(read_rejects(path), rejects.astype({"line": "Int64"}))
    with pytest.warns(RejectedLinesWarning) as warned:
        same(read_jsonl(path), BOTH)
    assert [str(warning.message) for warning in warned] == [
        f"left out 1 line of 1 file that could not be read, the first {path}:3: {reason}; cf.read_rejects lists them"
    ]
    assert warned[0].filename == __file__
    with pytest.raises(LogFileError) as refusal:
        read_jsonl(path, on_error="raise")
    assert str(refusal.value) == f"{path}:3: {reason}"


def test_bad_lines_of_several_files_are_counted_once(folder: Path) -> None:
    with pytest.warns(RejectedLinesWarning) as warned:
        read_log(["3.bad", "1.jsonl", io.BytesIO(b"7\n" + B + b"\n{}")])
    assert [str(warning.message) for warning in warned] == [
        "left out 3 lines of 2 files that could not be read, the first 3.bad:3: not JSON, expecting value at"
        " character 1; cf.read_rejects lists them"
    ]


def test_of_a_torn_packed_file_all_is_read_that_can_be() -> None:
    torn = gzip.compress(A + b"\n" + B + b"\n")[:-4]
    reason = "the compressed stream is torn here: it ends before its end mark"
    rejects = pd.DataFrame([["<stream>", 3, reason, ""]], columns=HEADS).astype({"line": "Int64"})
    same(read_rejects(io.BytesIO(torn)), rejects)
    with pytest.warns(RejectedLinesWarning):
        same(read(torn), BOTH)
    # Zstandard gives a block whole or not at all
    rejects = read_rejects(io.BytesIO(zstandard.compress(A + b"\n" + B)[:-4]))
    same(rejects, pd.DataFrame([["<stream>", 1, reason, ""]], columns=HEADS).astype({"line": "Int64"}))
    with pytest.raises(LogFileError, match=r"^<stream>:3: the compressed stream is torn here: "):
        read(torn, on_error="raise")


def test_an_option_that_is_unknown_is_refused_before_anything_is_read() -> None:
    with pytest.raises(InvalidOptionError, match=r"^on_error is 'skip', expected 'reject' or 'raise'$"):
        read_jsonl("not there", on_error="skip")
    for reader in (read_jsonl, read_rejects):
        with pytest.raises(UnknownFormatError) as refusal:
            reader("not there", format="xml")
        assert str(refusal.value) == f"format is 'xml', expected one of {', '.join(FORMATS)}, or None to detect it"


GOOD = st.integers(0, 99).map(lambda number: b'{"trace_id":"a","model":"m","retry_count":%d}' % number)
# records of an array are rejected one by one
NOISE = st.sampled_from([*(bad for bad in list(BAD)[:-1] if not bad.startswith(b"[")), b"", b"  "]) | st.binary(
    max_size=12
).map(lambda b: b.replace(b"\n", b"#") + b"!")


@given(st.lists(st.tuples(GOOD, st.just(True)) | st.tuples(NOISE, st.just(False)), max_size=12), st.booleans())
def test_every_good_line_is_read_and_every_bad_one_rejected_at_its_place(
    lines: list[tuple[bytes, bool]], ended: bool
) -> None:
    log = b"\n".join(line for line, _ in lines) + (b"\n" if ended else b"")
    # bytes that begin like a packed file or a byte order mark are no line, and a file of another kind is one reject
    assume(not log.startswith((b"\x1f\x8b", b"\x28\xb5", b"\xef\xbb\xbf")) and kind_of(log) == "lines")
    rejects = read_rejects(io.BytesIO(log))
    expected = [(n, line) for n, (line, good) in enumerate(lines, 1) if not good and line.strip()]
    texts = [(n, line.decode("utf-8", "replace").rstrip("\r")[:200]) for n, line in expected]
    assert list(zip(rejects["line"], rejects["text"], strict=True)) == texts
    table, _ = read_all(log)
    assert table["retry_count"].to_pylist() == [json.loads(line)["retry_count"] for line, good in lines if good]


def read_all(log: bytes) -> Any:
    """Read a log without the warning about its bad lines."""
    with pytest.warns(RejectedLinesWarning):
        return read_log([io.BytesIO(log), io.BytesIO(b"a line that is always bad")])


# -- what is written ------------------------------

CALL = {
    "trace_id": "t1", "timestamp": "2026-06-01T11:00:00.25+02:00", "model": "gpt-4", "prompt": 'a\u2028"\\\n\x01é😀',
    "response": "b", "input_tokens": 3, "output_tokens": 2, "cost": 0.00015, "latency_ms": 1500, "retry_count": 1,
    "fallback_model": "gpt-4o", "reasoning_tokens": 1, "level": "info", "route": "/x", "fallback_attempted": True,
    "token_source": "reported", "cost_source": "priced", "extra": '{"level":{"of":1},"mood":"ok","usage":{"audio":3}}',
}  # fmt: skip
BARE = {"trace_id": "t1", "model": None, "cost_source": "unknown"}
LOG_SCHEMA_OF_CALL = (
    r'{"trace_id":"t1","timestamp":"2026-06-01T09:00:00.250000Z","model":"gpt-4",'
    r'"prompt":"a\u2028\"\\\n\u0001é😀","response":"b","input_tokens":3,"output_tokens":2,"cost":0.00015,'
    r'"latency_ms":1500,"retry_count":1,"fallback_model":"gpt-4o",'
)
LINES = {
    "crashlens": [
        LOG_SCHEMA_OF_CALL + r'"traceId":"t1","startTime":"2026-06-01T09:00:00.250000Z",'
        r'"endTime":"2026-06-01T09:00:01.750000Z","input":{"model":"gpt-4","prompt":"a\u2028\"\\\n\u0001é😀"},'
        r'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"reasoning_tokens":1,"audio":3},'
        r'"metadata":{"fallback_attempted":true,"route":"/x"},"output":"b","cost_usd":0.00015,"tokens":5,"endpoint":"/x",'
        r'"fallback_triggered":true,"level":"info","token_source":"reported","cost_source":"priced",'
        r'"extra":{"level":{"of":1}},"mood":"ok"}',
        r'{"trace_id":"t1","timestamp":null,"model":"unknown","prompt":null,"response":null,"input_tokens":null,'
        r'"output_tokens":null,"cost":0,"latency_ms":null,"retry_count":0,"fallback_model":null,"traceId":"t1",'
        r'"startTime":"2026-06-01T09:00:00.250000Z","input":{"model":"unknown","prompt":""},'
        r'"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0},"metadata":{},"cost_usd":0,"tokens":0,'
        r'"cost_source":"unknown",'
        r'"filled":["timestamp","model","prompt","input_tokens","output_tokens","cost","retry_count"]}',
    ],
    "flat": [
        LOG_SCHEMA_OF_CALL + r'"reasoning_tokens":1,"level":"info","fallback_attempted":true,"route":"/x",'
        r'"token_source":"reported","cost_source":"priced","usage":{"audio":3},"extra":{"level":{"of":1}},"mood":"ok"}',
        r'{"trace_id":"t1","timestamp":null,"model":null,"prompt":null,"response":null,"input_tokens":null,'
        r'"output_tokens":null,"cost":null,"latency_ms":null,"retry_count":null,"fallback_model":null,'
        r'"cost_source":"unknown"}',
    ],
}


def written(calls: pd.DataFrame, **options: Any) -> bytes:
    target = io.BytesIO()
    to_jsonl(calls, target, **options)
    return target.getvalue()


def two() -> pd.DataFrame:
    return as_calls(pd.DataFrame([CALL, BARE]).astype({"input_tokens": "Int64", "fallback_attempted": "boolean"}))


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnpricedWarning")
@pytest.mark.parametrize("format", LINES)
def test_the_lines_are_exactly_these_and_read_back_equal(format: str) -> None:
    calls = two()
    before = calls.copy(deep=True)
    log = written(calls, format=format)
    assert log.decode() == "".join(line + "\n" for line in LINES[format])
    same(read(log), calls)
    same(read(log, format=format), calls)
    same(calls, before)


def test_a_warning_names_the_models_whose_unknown_cost_is_written_as_0() -> None:
    rows = [("gpt-4", 0.5), ("mine", None), ("mine", None), ("yours", None), (None, None)]
    calls = pd.DataFrame(rows, columns=["model", "cost"]).assign(trace_id="t")
    with pytest.warns(UnpricedWarning) as warned:
        log = written(calls)
    assert [str(warning.message) for warning in warned] == [
        '4 calls without a known cost written with cost 0 and cost_source "unknown": mine (2), yours (1),'
        " no model (1); price them with cf.add_cost, or silence this with"
        ' warnings.simplefilter("ignore", cf.UnpricedWarning)'
    ]
    assert warned[0].filename == __file__
    assert [json.loads(line)["cost"] for line in log.splitlines()] == [0.5, 0, 0, 0, 0]
    assert read(log)["cost"].isna().tolist() == [False, True, True, True, True]
    written(calls, format="flat")  # writes null, which needs no warning


@pytest.mark.parametrize("format", LINES)
def test_a_frame_without_calls_is_an_empty_file(tmp_path: Path, format: str) -> None:
    path = tmp_path / "log.jsonl"
    to_jsonl(empty_frame(), path, format=format)
    assert path.read_bytes() == b""
    same(read_jsonl(path), empty_frame())


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\r", "\n"])
@pytest.mark.parametrize("format", LINES)
def test_no_reader_of_text_sees_a_line_end_within_a_line(end: str, format: str) -> None:
    extra = json.dumps({"x": end, end: {"y": end}}, ensure_ascii=False)
    row = {"trace_id": end, "model": end, "prompt": end, "cost": 0.0, "cost_source": "reported", "extra": extra}
    log = written(pd.DataFrame([row]), format=format)
    assert len(log.decode().splitlines()) == 1
    back = read(log)
    assert back[["trace_id", "model", "prompt"]].to_numpy().tolist() == [[end, end, end]]
    assert json.loads(back["extra"].item()) == json.loads(extra)


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.gz", "log.jsonl.zst"])
def test_a_file_is_compressed_by_its_suffix_and_replaced_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("{}")
    path.chmod(0o640)
    to_jsonl(BOTH, path, format="flat")
    unpack: dict[str, Any] = {
        ".gz": gzip.decompress,
        ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }
    assert unpack.get(path.suffix, bytes)(path.read_bytes()) == written(BOTH, format="flat")
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    same(read_jsonl(path), BOTH)


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"trace_id": ""}, InvalidCallError, "trace_id is '' in row 1, expected non-empty text in every row"),
    (
        {"trace_id": "t", "input_tokens": -1},
        InvalidCallError,
        "input_tokens is -1.0 in row 1, expected a whole number from 0 to 2**63 - 1",
    ),
    (
        {"trace_id": "t", "cost": float("inf")},
        InvalidCallError,
        "cost is inf in row 1, expected a finite number from 0 on",
    ),
    ({"trace_id": "t", "extra": "[1]"}, InvalidCallError, 'extra is "[1]", expected a JSON object'),
    ({"trace_id": "t", "extra": "{"}, InvalidCallError, 'extra is "{", expected a JSON object'),
]


@pytest.mark.parametrize(("row", "error", "text"), REFUSED, ids=[text for *_, text in REFUSED])
@pytest.mark.parametrize("format", LINES)
def test_what_no_reader_would_take_back_is_not_written_and_the_file_stays(
    tmp_path: Path, row: dict[str, Any], error: type[Exception], text: str, format: str
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(A)
    calls = pd.DataFrame(
        [{**row, "model": "m"} if "trace_id" not in row else {"trace_id": "t", "model": "m"}, {"model": "m", **row}]
    )
    with pytest.raises(error) as refusal:
        to_jsonl(calls, path, format=format)
    assert str(refusal.value) == text
    assert path.read_bytes() == A
    assert [file.name for file in tmp_path.iterdir()] == ["log.jsonl"]


BAD_FORMATS: list[tuple[dict[str, str], type[Exception], str]] = [
    ({"format": "nested"}, UnknownFormatError, "format is 'nested', expected 'crashlens' or 'flat'"),
    ({"schema": "nested"}, UnknownFormatError, "schema is 'nested', expected 'crashlens' or 'flat'"),
    (
        {"format": "flat", "schema": "flat"},
        InvalidOptionError,
        "format and schema are both given, expected one of them: schema is an alias of format",
    ),
]


@pytest.mark.parametrize(("options", "error", "text"), BAD_FORMATS, ids=[text for *_, text in BAD_FORMATS])
@pytest.mark.parametrize("write", [to_jsonl, append_jsonl])
def test_a_format_that_cannot_be_written_is_refused_before_the_file_is_touched(
    tmp_path: Path, write: Any, options: dict[str, str], error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as refusal:
        write(BOTH, tmp_path / "log.jsonl", **options)
    assert str(refusal.value) == text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnpricedWarning")
@pytest.mark.parametrize("format", LINES)
def test_schema_is_another_name_of_format(tmp_path: Path, format: str) -> None:
    assert written(BOTH, schema=format) == written(BOTH, format=format)
    append_jsonl(BOTH, tmp_path / "log.jsonl", schema=format)
    assert (tmp_path / "log.jsonl").read_bytes() == written(BOTH, format=format)


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnpricedWarning")
def test_the_default_format_is_that_of_crashlens(tmp_path: Path) -> None:
    assert written(BOTH) == written(BOTH, format="crashlens")
    append_jsonl(BOTH, tmp_path / "log.jsonl")
    assert (tmp_path / "log.jsonl").read_bytes() == written(BOTH)


# what the lines hold, computed again call by call in plain Python

TEXTS = st.none() | st.text(max_size=8)
COUNTS = st.none() | st.integers(0, 2**63 - 1)
CALLS_DRAWN = st.lists(
    st.fixed_dictionaries(
        {
            "trace_id": st.sampled_from(["t1", "t2"]),
            "model": TEXTS,
            "prompt": TEXTS,
            "response": TEXTS,
            "timestamp": st.none() | st.datetimes(pd.Timestamp(2020, 1, 1), pd.Timestamp(2030, 1, 1)),
            "input_tokens": COUNTS,
            "output_tokens": COUNTS,
            "cost": st.none() | st.floats(0, 1e300),
            "latency_ms": st.none() | st.integers(0, 10**9),
            "retry_count": COUNTS,
            "fallback_attempted": st.none() | st.booleans(),
            "route": TEXTS,
        }
    ),
    min_size=1,
    max_size=4,
)


def envelope(call: dict[str, Any], calls: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields of a call that ``crashlens scan`` reads."""
    starts = [c["timestamp"] for c in calls if c["trace_id"] == call["trace_id"] and c["timestamp"] is not None]
    start = call["timestamp"] or min(starts, default=pd.Timestamp(1970, 1, 1))
    line = {
        "traceId": call["trace_id"],
        "startTime": start.isoformat(timespec="microseconds") + "Z",
        "input": {
            "model": "unknown" if call["model"] is None else call["model"],
            "prompt": "" if call["prompt"] is None else call["prompt"],
        },
        "usage": {
            "prompt_tokens": call["input_tokens"] or 0,
            "completion_tokens": call["output_tokens"] or 0,
            "total_tokens": (call["input_tokens"] or 0) + (call["output_tokens"] or 0),
        },
        "cost": 0 if call["cost"] is None else call["cost"],
        "retry_count": call["retry_count"] or 0,
    }
    metadata = {name: call[name] for name in ("fallback_attempted", "route") if call[name] is not None}
    if call["timestamp"] is not None and call["latency_ms"] is not None:
        end = call["timestamp"] + pd.Timedelta(milliseconds=call["latency_ms"])
        line["endTime"] = end.isoformat(timespec="microseconds") + "Z"
    return line | {"metadata": metadata}


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnpricedWarning")
@settings(max_examples=50)
@given(CALLS_DRAWN)
def test_lines_have_all_that_crashlens_reads_and_no_null_that_it_fails_at(calls: list[dict[str, Any]]) -> None:
    nullable = {"input_tokens": "Int64", "output_tokens": "Int64", "retry_count": "Int64", "latency_ms": "Int64"}
    frame = pd.DataFrame(
        {name: pd.Series([c[name] for c in calls], dtype=nullable.get(name, "object")) for name in calls[0]}
    )
    frame["timestamp"] = pd.to_datetime(frame["timestamp"]).dt.as_unit("us")
    frame["cost"] = frame["cost"].astype("float64")
    lines = [json.loads(line) for line in written(frame).splitlines()]
    expected = [envelope(call, calls) for call in calls]
    assert [
        {name: line[name] for name in line.keys() & wanted.keys()} for line, wanted in zip(lines, expected, strict=True)
    ] == expected
    assert ["endTime" in line for line in lines] == ["endTime" in wanted for wanted in expected]


# -- durable append ------------------------------


def test_calls_are_appended_at_the_end_and_a_torn_line_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_jsonl(BOTH, path, format="flat")
    with path.open("ab") as stream:
        stream.write(b'{"trace_id":"torn')
    append_jsonl(BOTH, path, format="flat")
    lines = written(BOTH, format="flat")
    assert path.read_bytes() == lines + b'{"trace_id":"torn\n' + lines
    assert read_rejects(path)[["line", "text"]].to_numpy().tolist() == [[3, '{"trace_id":"torn']]


def _append_many(path: str, writer: int) -> None:
    for number in range(40):
        append_bytes(path, b'{"trace_id":"%d-%d","prompt":"%s"}\n' % (writer, number, b"x" * 5000))


def test_programs_that_append_to_one_file_lose_no_line(tmp_path: Path) -> None:
    path = str(tmp_path / "log.jsonl")
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    found = read_jsonl(path, on_error="raise")["trace_id"].tolist()
    assert sorted(found) == sorted(f"{writer}-{number}" for writer in range(3) for number in range(40))
    # each writer's lines stand in the order in which it wrote them
    for writer in range(3):
        assert [name for name in found if name.startswith(f"{writer}-")] == [f"{writer}-{n}" for n in range(40)]


def test_an_append_that_does_not_fit_on_the_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.jsonl"
    append_jsonl(BOTH, path, format="flat")
    before = path.read_bytes()
    write, room = os.write, [10]

    def full(handle: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written, room[0] = write(handle, bytes(data)[: room[0]]), 0
        return written

    monkeypatch.setattr("crashlens_frame.io.journal.os.write", full)
    with pytest.raises(OSError, match="No space left on device"):
        append_jsonl(BOTH, path, format="flat")
    monkeypatch.undo()
    assert path.read_bytes() == before


def test_every_column_has_its_dtype_for_any_log() -> None:
    for log in (b"", A, A + b"\n" + B):
        assert read(log).dtypes.astype("str").to_dict() == {column.name: column.dtype for column in CALLS}


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.UnpricedWarning")
def test_lines_are_written_in_the_order_of_the_rows_however_many_threads_write_them() -> None:
    rows = 3 * BATCH + 1
    prompts = [f"say {n}" if n % 5000 else f'say "{n}"\n\u2028é' for n in range(rows)]
    ids = [f"t{n}" for n in range(rows)]
    calls = as_calls(pd.DataFrame({"trace_id": ids, "model": "m", "prompt": prompts, "cost_source": "unknown"}))
    for line_format in ("crashlens", "flat"):
        same(read(written(calls, format=line_format)), calls)
