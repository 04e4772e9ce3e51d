"""Files of any kind <-> CALLS: JSON Lines, Parquet, datasets and CSV, read by blocks and written whole or appended."""

from . import datasets
from .csv import to_csv
from .datasets import Partition, bucket_numbers, partitions, trace_buckets, write_dataset
from .detect import detect_log_format as detect_format
from .excel import to_excel
from .journal import Journal, QueuedLines
from .jsonl import (
    LeftOutCounts,
    append_jsonl,
    place_and_reason,
    read_jsonl,
    read_log,
    read_rejects,
    read_repairs,
    to_jsonl,
    warn_left_out,
)
from .lines_content import LinesContent
from .parquet import read_batches, read_parquet, stored_bytes, to_parquet
from .price_tables import NEEDED_TO_FILL, SHIPPED, counted_table, price_book, priced_table
from .read_files import LogContent, iter_blocks
from .read_logs import read_csv, read_logs, read_priced
from .repeats import LINE, REPEAT_COLUMNS, event_ids, keep_once
from .streams import AnyPath, Source, list_files, open_atomic
from .write_lines import encode_lines
from .write_row import line_from_row

__all__ = [
    "LINE",
    "NEEDED_TO_FILL",
    "REPEAT_COLUMNS",
    "SHIPPED",
    "AnyPath",
    "Journal",
    "LeftOutCounts",
    "LinesContent",
    "LogContent",
    "Partition",
    "QueuedLines",
    "Source",
    "append_jsonl",
    "bucket_numbers",
    "counted_table",
    "datasets",
    "detect_format",
    "encode_lines",
    "event_ids",
    "iter_blocks",
    "keep_once",
    "line_from_row",
    "list_files",
    "open_atomic",
    "partitions",
    "place_and_reason",
    "price_book",
    "priced_table",
    "read_batches",
    "read_csv",
    "read_jsonl",
    "read_log",
    "read_logs",
    "read_parquet",
    "read_priced",
    "read_rejects",
    "read_repairs",
    "stored_bytes",
    "to_csv",
    "to_excel",
    "to_jsonl",
    "to_parquet",
    "trace_buckets",
    "warn_left_out",
    "write_dataset",
]
