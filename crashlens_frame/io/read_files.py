"""Files of JSON Lines -> what they hold: CALLS and REJECTS, and how many records were passed over."""

from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa

from .._core import parallel_map, progress_of_files
from ..errors import LogFileError
from ..schema import CALLS, arrow_schema
from .read_lines import REJECT, BlockReader, Read, Reject, make_reject
from .streams import MAX_LINE, LongLine, Source, line_blocks, list_files, open_source

# what the value of a column is made of, beside its own fields: a call needs a trace, and may be its own
_ALWAYS = frozenset({"trace_id", "event_id"})
_MADE_OF = {
    "latency_ms": {"timestamp"},
    "token_source": {"input_tokens", "output_tokens"},
    "cost": {"cost_source"},
    "cost_source": {"cost"},
    "level": {"error"},
}


class Log(NamedTuple):
    """What was read: CALLS, REJECTS, number of records that are calls of no model, and of calls told again later."""

    calls: pa.Table
    rejects: pa.Table
    passed: int
    duplicates: int


def read_files(
    source: Source,
    *,
    format: str | None,
    columns: list[str],
    duplicates: str,
    on_error: str,
    progress: bool | None,
) -> Log:
    """Read logs block by block; the parameters are those of ``read_jsonl``, the columns are named one by one."""
    read_too = [*columns, *({"event_id"} - set(columns))] if duplicates == "last" else columns
    tables = [arrow_schema(CALLS).empty_table().select(read_too)]
    rejects: list[Reject] = []
    passed = 0
    for read in iter_blocks(source, format=format, columns=columns, on_error=on_error, progress=progress):
        tables.append(read.table.select(read_too))
        rejects += read.rejects
        passed += read.passed
    calls = pa.concat_tables(tables)
    del tables
    last = last_of_each_id(calls["event_id"]) if duplicates == "last" else None
    kept = calls if last is None else calls.filter(pa.array(last))
    bad = pa.Table.from_struct_array(pa.array(rejects, REJECT))
    return Log(kept.select(columns), bad, passed, len(calls) - len(kept))


def iter_blocks(
    source: Source, *, format: str | None, columns: list[str], on_error: str, progress: bool | None
) -> Iterator[Read]:
    """Read logs a few megabytes at a time, in the order of their lines."""
    files = list_files(source)
    with progress_of_files(files, shown=progress) as wrap:
        for file in files:
            with open_source(file) as (name, stream):
                for read in _blocks_read(wrap(stream), name, format, _needed(columns)):
                    if read.rejects and on_error == "raise":
                        first = read.rejects[0]
                        raise LogFileError(f"{first['source']}:{first['line']}: {first['reason']}")
                    yield read


def last_of_each_id(ids: pa.ChunkedArray) -> np.ndarray | None:
    """Tell which of the calls with these ids are not told again further down; None: all."""
    if ids.null_count == len(ids):
        return None
    code = ids.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    rows = np.arange(len(code))
    last = np.empty(code.max() + 1, dtype=np.int64)
    last[code[code >= 0]] = rows[code >= 0]  # of an index that stands there twice, NumPy keeps the last value
    kept: np.ndarray = (code < 0) | (last[code] == rows)
    return None if kept.all() else kept


def _needed(columns: list[str]) -> frozenset[str] | None:
    """Give the columns whose fields have to be read; None: every field, as what has no column goes to ``extra``."""
    if "extra" in columns:
        return None
    return _ALWAYS.union(columns, *(_MADE_OF.get(name, ()) for name in columns))


def _blocks_read(stream: IO[Any], name: str, format: str | None, columns: frozenset[str] | None) -> Iterator[Read]:
    """Read the blocks of a file in order."""
    reader = BlockReader(name, format=format, columns=columns)

    def read_block(block: bytes | LongLine) -> Read:
        if isinstance(block, LongLine):
            reason = f"line is longer than {MAX_LINE / 1e6:g} MB ({block.length:,} bytes)"
            return _only_a_reject(make_reject(name, 1, reason, block.head))
        return reader.read(block)

    before = 0  # lines of the file
    try:
        for read in parallel_map(read_block, line_blocks(stream)):
            yield read._replace(rejects=[{**one, "line": one["line"] + before} for one in read.rejects])
            before += read.lines
    except LogFileError as failure:
        yield _only_a_reject(make_reject(name, before + 1, str(failure), b""))


def _only_a_reject(reject: Reject) -> Read:
    return Read(arrow_schema(CALLS).empty_table(), np.array([], np.int64), [reject], lines=1)
