"""Logs of any kind -> CALLS and REJECTS, for the command line."""

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from ..frame import frame_from_table, table_from_frame
from ..schema import REJECTS, arrow_schema
from .jsonl import read_log
from .manifest import is_dataset
from .parquet import read_parquet
from .streams import list_files


def read_logs(logs: Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read JSONL files, Parquet files, datasets of ``write_dataset``, glob patterns, and "-", the standard input.

    Returns
    -------
    tuple of DataFrame
        CALLS, and REJECTS with the lines that cannot be read.
    """
    tables, rejects = [], [arrow_schema(REJECTS).empty_table()]
    for log in logs:
        whole = is_dataset(log)
        for path in [log] if whole else list_files(log):
            if whole or str(path).endswith(".parquet"):
                tables.append(table_from_frame(read_parquet(path)))
            else:
                table, log_rejects = read_log(path)
                tables.append(table)
                rejects.append(log_rejects)
    return frame_from_table(pa.concat_tables(tables)), frame_from_table(pa.concat_tables(rejects), REJECTS)
