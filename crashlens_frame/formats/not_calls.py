"""What a record is that is no call, in words for warnings."""

from functools import lru_cache

from ..jsonvalues import is_object, quoted
from .table import Record

_KINDS = ("run_type", "openinference.span.kind", "gen_ai.operation.name", "type", "object", "op_name", "name")


def kind_of_record(record: Record) -> str | None:
    """Return what a record is that is no call, by the first of its keys that shows it."""
    attributes = record.get("attributes")
    for source in (attributes, record) if is_object(attributes) else (record,):
        for key in _KINDS:
            value = source.get(key)
            if isinstance(value, str) and value:
                return _kind(key, value)
    return None


@lru_cache(maxsize=256)
def _kind(key: str, value: str) -> str:
    return f'"{key}": {quoted(value)}'
