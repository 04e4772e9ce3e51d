"""Files of any kind <-> CALLS: JSON Lines, Parquet, datasets and CSV, read by blocks and written whole or appended."""

from . import datasets
from .any_log import read_logs
from .csv import to_csv
from .datasets import bucket_of, partitions, trace_buckets, write_dataset
from .journal import Journal
from .jsonl import LeftOut, append_jsonl, read_jsonl, read_log, read_rejects, to_jsonl
from .parquet import parquet_file, read_batches, read_parquet, stored_bytes, to_parquet
from .read_files import last_told, read_blocks
from .streams import Path_, Source, replaced
from .write_lines import lines
from .write_row import line_from_row

__all__ = [
    "Journal",
    "LeftOut",
    "Path_",
    "Source",
    "append_jsonl",
    "bucket_of",
    "datasets",
    "last_told",
    "line_from_row",
    "lines",
    "parquet_file",
    "partitions",
    "read_batches",
    "read_blocks",
    "read_jsonl",
    "read_log",
    "read_logs",
    "read_parquet",
    "read_rejects",
    "replaced",
    "stored_bytes",
    "to_csv",
    "to_jsonl",
    "to_parquet",
    "trace_buckets",
    "write_dataset",
]
