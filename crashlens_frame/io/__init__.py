"""Files of any kind <-> CALLS: JSON Lines, Parquet, datasets and CSV, read by blocks and written whole or appended."""

from . import datasets
from .any_log import read_logs
from .csv import to_csv
from .datasets import Partition, bucket_numbers, partitions, trace_buckets, write_dataset
from .journal import Journal
from .jsonl import LeftOutCounts, append_jsonl, read_jsonl, read_log, read_rejects, to_jsonl
from .parquet import read_batches, read_parquet, stored_bytes, to_parquet
from .read_files import iter_blocks, last_of_each_id
from .streams import AnyPath, Source, open_atomic
from .write_lines import encode_lines
from .write_row import line_from_row

__all__ = [
    "AnyPath",
    "Journal",
    "LeftOutCounts",
    "Partition",
    "Source",
    "append_jsonl",
    "bucket_numbers",
    "datasets",
    "encode_lines",
    "iter_blocks",
    "last_of_each_id",
    "line_from_row",
    "open_atomic",
    "partitions",
    "read_batches",
    "read_jsonl",
    "read_log",
    "read_logs",
    "read_parquet",
    "read_rejects",
    "stored_bytes",
    "to_csv",
    "to_jsonl",
    "to_parquet",
    "trace_buckets",
    "write_dataset",
]
