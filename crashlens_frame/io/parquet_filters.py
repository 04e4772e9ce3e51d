"""Which rows of a Parquet file are read: conditions of a user -> an expression of pyarrow."""

from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InvalidOptionError

Filters: TypeAlias = Any  # conditions, lists of them, or an expression of pyarrow
_OPERATORS = ("=", "==", "!=", "<", ">", "<=", ">=", "in", "not in")


def filter_expression(filters: Filters, schema: pa.Schema) -> pc.Expression:
    """Check filters against the columns of a file, and turn their values into what the columns hold."""
    import pyarrow.parquet as pq

    if isinstance(filters, pc.Expression):
        try:
            schema.empty_table().filter(filters)
        except pa.ArrowException as error:
            raise InvalidOptionError(f"filters is {filters}, which does not fit the file: {error}") from None
        return filters
    if not filters:
        return pc.scalar(True)
    either = filters if isinstance(filters[0], list) else [filters]
    return pq.filters_to_expression([[_condition(one, schema) for one in every] for every in either])


def _condition(condition: Any, schema: pa.Schema) -> tuple[str, str, Any]:
    try:
        name, operator, value = condition
    except (TypeError, ValueError):
        raise InvalidOptionError(f"a filter is {condition!r}, expected (column, operator, value)") from None
    if name not in schema.names:
        raise InvalidOptionError(f"filters name {name!r}, expected one of {', '.join(schema.names)}")
    if operator not in _OPERATORS:
        raise InvalidOptionError(
            f"the filter on {name} has operator {operator!r}, expected one of {' '.join(_OPERATORS)}"
        )
    kind = schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    try:
        if operator in ("in", "not in"):
            return name, operator, [_scalar(one, kind) for one in value]
        return name, operator, _scalar(value, kind)
    except (TypeError, ValueError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidOptionError(f"the filter on {name} has {value!r}, expected {kind}: {error}") from None


def _scalar(value: Any, kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_timestamp(kind):
        moment = pd.Timestamp(value)
        value = moment.tz_localize("UTC") if moment.tzinfo is None else moment
    return pa.scalar(value, kind)
