"""Files of JSON Lines -> CALLS and REJECTS, and the numbers of records that were left out."""

from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa

from .._core import parallel_map, progress_of_files
from ..errors import LogFileError
from ..schema import CALLS, arrow_schema
from .read_lines import REJECT_TYPE, BlockReader, LinesContent, Reject, make_reject
from .streams import MAX_LINE, LongLine, Source, line_blocks, list_files, open_source

# every call needs a trace, and its event_id is its trace where it has no other
_ALWAYS = frozenset({"trace_id", "event_id"})
# other columns whose fields the value of a column depends on
_DEPENDS_ON = {
    "latency_ms": {"timestamp"},
    "token_source": {"input_tokens", "output_tokens"},
    "cost": {"cost_source"},
    "cost_source": {"cost"},
    "level": {"error"},
}


class LogContent(NamedTuple):
    """CALLS and REJECTS of logs, the number of records that are not calls of a model, and that of repeated calls."""

    calls: pa.Table
    rejects: pa.Table
    not_calls: int
    duplicates: int


def read_files(
    source: Source,
    *,
    format: str | None,
    columns: list[str],
    duplicates: str,
    on_error: str,
    progress: bool | None,
) -> LogContent:
    """Read logs block by block; the parameters are those of ``read_jsonl``, with the names of all columns to read."""
    names = [*columns, *({"event_id"} - set(columns))] if duplicates == "last" else columns
    tables = [arrow_schema(CALLS).empty_table().select(names)]
    rejects: list[Reject] = []
    not_calls = 0
    for block in iter_blocks(source, format=format, columns=columns, on_error=on_error, progress=progress):
        tables.append(block.table.select(names))
        rejects += block.rejects
        not_calls += block.not_calls
    calls = pa.concat_tables(tables)
    del tables
    last = last_of_each_id(calls["event_id"]) if duplicates == "last" else None
    kept = calls if last is None else calls.filter(pa.array(last))
    reject_table = pa.Table.from_struct_array(pa.array(rejects, REJECT_TYPE))
    return LogContent(kept.select(columns), reject_table, not_calls, len(calls) - len(kept))


def iter_blocks(
    source: Source, *, format: str | None, columns: list[str], on_error: str, progress: bool | None
) -> Iterator[LinesContent]:
    """Yield the blocks of logs, a few megabytes each, in the order of their lines."""
    files = list_files(source)
    with progress_of_files(files, shown=progress) as wrap:
        for file in files:
            with open_source(file) as (name, stream):
                for block in _file_blocks(wrap(stream), name, format, _needed(columns)):
                    if block.rejects and on_error == "raise":
                        first = block.rejects[0]
                        raise LogFileError(f"{first['source']}:{first['line']}: {first['reason']}")
                    yield block


def last_of_each_id(ids: pa.ChunkedArray) -> np.ndarray | None:
    """Return for each id whether it is the last of its kind, null ids always are; None: all are."""
    if ids.null_count == len(ids):
        return None
    code = ids.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy(zero_copy_only=False)
    rows = np.arange(len(code))
    last = np.empty(code.max() + 1, dtype=np.int64)
    last[code[code >= 0]] = rows[code >= 0]  # for an index that is there twice, NumPy keeps the last value
    is_last: np.ndarray = (code < 0) | (last[code] == rows)
    return None if is_last.all() else is_last


def _needed(columns: list[str]) -> frozenset[str] | None:
    """Return the columns whose fields have to be read; None: all fields, as those without a column go to ``extra``."""
    if "extra" in columns:
        return None
    return _ALWAYS.union(columns, *(_DEPENDS_ON.get(name, ()) for name in columns))


def _file_blocks(
    stream: IO[Any], name: str, format: str | None, columns: frozenset[str] | None
) -> Iterator[LinesContent]:
    """Yield the blocks of a file in order."""
    reader = BlockReader(name, format=format, columns=columns)

    def read_block(block: bytes | LongLine) -> LinesContent:
        if isinstance(block, LongLine):
            reason = f"line is longer than {MAX_LINE / 1e6:g} MB ({block.length:,} bytes)"
            return _only_a_reject(make_reject(name, 1, reason, block.head))
        return reader.read(block)

    lines_before = 0
    try:
        for content in parallel_map(read_block, line_blocks(stream)):
            yield content._replace(
                rejects=[{**reject, "line": reject["line"] + lines_before} for reject in content.rejects]
            )
            lines_before += content.lines
    except LogFileError as error:
        yield _only_a_reject(make_reject(name, lines_before + 1, str(error), b""))


def _only_a_reject(reject: Reject) -> LinesContent:
    return LinesContent(arrow_schema(CALLS).empty_table(), np.array([], np.int64), [reject], lines=1)
