"""The three tables of the package, column by column. Data, no logic.

CALLS has one row per call, FINDINGS one per finding, REJECTS one per line that could not be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type in Arrow and in pandas, and what it means.

    ``categories`` are the only values that a column of labels allows, in their order; without it the categories are the
    values that occur, sorted.
    """

    name: str
    arrow: pa.DataType
    dtype: str
    meaning: str
    categories: Sequence[str] | None = None


Schema = tuple[Column, ...]

TEXT = pa.string()
LABEL = pa.dictionary(pa.int32(), pa.string())
COUNT = pa.int64()
NUMBER = pa.float64()
TIME = pa.timestamp("us", "UTC")
FLAG = pa.bool_()

TOKEN_SOURCES = ("reported", "counted", "estimated")
COST_SOURCES = ("reported", "priced", "unknown")
SEVERITIES = ("low", "medium", "high")
# filled in by the roster of detectors, in its order, which is the precedence
DETECTORS: list[str] = []

CALLS: Schema = (
    Column("trace_id", TEXT, "str", "groups the calls of one request; required"),
    Column("timestamp", TIME, "datetime64[us, UTC]", "start of the call"),
    Column("model", LABEL, "category", "name of the model, as logged"),
    Column("prompt", TEXT, "str", "text sent to the model"),
    Column("response", TEXT, "str", "text that came back; null if the call failed"),
    Column("input_tokens", COUNT, "Int64", "tokens sent, cached and cache-written ones included"),
    Column("output_tokens", COUNT, "Int64", "tokens generated, reasoning included"),
    Column("cost", NUMBER, "float64", "US dollars; NaN where unknown"),
    Column("latency_ms", COUNT, "Int64", "end minus start, in milliseconds"),
    Column("retry_count", COUNT, "Int64", "0 for a first attempt, 1 for its first retry"),
    Column("fallback_model", LABEL, "category", "model that the client falls back to after this call"),
    Column("cached_input_tokens", COUNT, "Int64", "part of input_tokens read from a cache"),
    Column("cache_write_tokens", COUNT, "Int64", "part of input_tokens written to a cache"),
    Column("reasoning_tokens", COUNT, "Int64", "part of output_tokens spent on reasoning"),
    Column("service_tier", LABEL, "category", "batch, flex, priority, ..."),
    Column("type", LABEL, "category", "kind of event, such as generation"),
    Column("level", LABEL, "category", '"error" marks a failed call'),
    Column("name", LABEL, "category", "name the application gave the call"),
    Column("route", LABEL, "category", "endpoint of the application that made the call"),
    Column("team", LABEL, "category", "who pays"),
    Column("source", LABEL, "category", "application or library that logged the call"),
    Column("fallback_attempted", FLAG, "boolean", "whether a fallback followed or led to the call"),
    Column("fallback_reason", TEXT, "str", "why the fallback was made"),
    Column("error", TEXT, "str", "text of the error of a failed call"),
    Column("event_id", TEXT, "str", "provider's id of the response"),
    Column("token_source", LABEL, "category", "where the token counts come from", TOKEN_SOURCES),
    Column("cost_source", LABEL, "category", "where the cost comes from", COST_SOURCES),
    Column("extra", TEXT, "str", "JSON object of every field that has no column"),
)

# the first eleven columns; a flat JSONL line holds exactly their names
LOG_SCHEMA: tuple[str, ...] = tuple(column.name for column in CALLS[:11])

FINDINGS: Schema = (
    Column("finding_id", TEXT, "str", "detector, trace and position of the first call in the trace"),
    Column("detector", LABEL, "category", "detector that made the finding", DETECTORS),
    Column("trace_id", TEXT, "str", "trace of its calls"),
    Column("severity", LABEL, "category", "low, medium or high", SEVERITIES),
    Column("model", LABEL, "category", "model of the first call"),
    Column("models", TEXT, "str", 'distinct models in order of use, as "a -> b"'),
    Column("n_calls", COUNT, "Int64", "number of calls"),
    Column("start", TIME, "datetime64[us, UTC]", "start of the first call"),
    Column("end", TIME, "datetime64[us, UTC]", "start of the last call"),
    Column("span_s", NUMBER, "float64", "end minus start, in seconds"),
    Column("cost", NUMBER, "float64", "US dollars that its calls cost, as far as known; NaN where no cost is known"),
    Column("waste_cost", NUMBER, "float64", "US dollars wasted: what a well-behaved client would not have spent"),
    Column("waste_tokens", COUNT, "Int64", "tokens of its wasted calls, input and output"),
    Column("score", COUNT, "Int64", "how wasteful a retry loop is, 15 to 100; null for the other detectors"),
    Column("suggested_model", LABEL, "category", "cheaper model that would have done"),
    Column("description", TEXT, "str", "one sentence for people"),
    Column(
        "suppressed_by", LABEL, "category", "detector that owns the trace instead; null: the finding counts", DETECTORS
    ),
)

REJECTS: Schema = (
    Column("source", TEXT, "str", "file that holds the line"),
    Column("line", COUNT, "Int64", "number of the line, from 1"),
    Column("reason", TEXT, "str", "what was found and what was expected"),
    Column("text", TEXT, "str", "the line, cut at 200 characters"),
)


def arrow_schema(columns: Schema) -> pa.Schema:
    """Return the Arrow schema of a table of the package.

    Examples
    --------
    >>> from crashlens_frame.schema import REJECTS, arrow_schema
    >>> arrow_schema(REJECTS).names
    ['source', 'line', 'reason', 'text']
    """
    return pa.schema([pa.field(column.name, column.arrow) for column in columns])
