"""What a record is, in words, that is no call of a model, although vendors write it into files beside calls."""

from collections.abc import Iterable
from typing import Any

# the reason is reported once per file, not once per line
USAGE_REPORT = "a usage report: it holds totals by day, no calls"
BATCH_INPUT = "a batch input file: it holds requests, not answers"
NOT_LOGS = frozenset({USAGE_REPORT, BATCH_INPUT})

# a record with none of these keys may be a call
KEYS_OF_NO_LOGS = frozenset({"data", "start_time", "starting_at", "custom_id"})
# columns of the tables that dashboards of vendors and clouds export: OpenAI, Anthropic, Amazon
_OF_REPORTS = {"num_model_requests", "usage_date_utc", "line_item_usage_type"}


def is_report(columns: Iterable[object]) -> bool:
    """Whether a table with such columns holds totals of usage or of costs.

    Examples
    --------
    >>> from crashlens_frame.io.not_logs import is_report
    >>> is_report(["start_time", "num_model_requests", "model", "input_tokens"])
    True
    """
    return not _OF_REPORTS.isdisjoint(columns)


def not_a_log(record: Any) -> str | None:
    """Return in words what a file with such a record is, if it is a known kind of file without calls.

    Examples
    --------
    >>> from crashlens_frame.io.not_logs import not_a_log
    >>> not_a_log({"custom_id": "r1", "method": "POST", "url": "/v1/responses", "body": {"model": "gpt-4o"}})
    'a batch input file: it holds requests, not answers'
    """
    if isinstance(record, list):
        return not_a_log(record[0]) if record else None
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("data"), list) and "model" not in record:
        return not_a_log(record["data"])
    if _is_bucket(record):
        return USAGE_REPORT
    is_request = "custom_id" in record and not {"response", "result", "error"}.intersection(record)
    return BATCH_INPUT if is_request and {"body", "params"}.intersection(record) else None


def _is_bucket(record: dict[str, Any]) -> bool:
    """Whether a record has the totals of a day, as the reports of OpenAI and Anthropic have them."""
    begins = {"start_time", "starting_at"}.intersection(record)
    return bool(begins) and {"end_time", "ending_at"}.intersection(record) != set() and "results" in record
