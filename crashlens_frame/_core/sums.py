"""Sums of whole numbers by group, which are exact or null: 64 bits overflow in silence."""

import warnings
from typing import Any

import pandas as pd

from ..errors import TooLargeWarning

_MOST = 2**63 - 1


def exact_sums(groups: Any, names: list[str]) -> pd.DataFrame:
    """Return the sums of columns of a grouped frame; null where no value is known, or the sum exceeds 64 bits.

    Warns
    -----
    TooLargeWarning
        A sum is null, because it exceeds 64 bits.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame._core import exact_sums
    >>> frame = pd.DataFrame({"key": ["a", "b"], "n": pd.array([1, None], "Int64")})
    >>> exact_sums(frame.groupby("key"), ["n"])["n"].tolist()
    [1, <NA>]
    """
    sums: pd.DataFrame = groups[names].sum(min_count=1)
    for name in names:
        values = groups.obj[name]
        largest = values.max() if pd.api.types.is_integer_dtype(values.dtype) else pd.NA
        if pd.isna(largest) or int(largest) * len(values) <= _MOST:
            continue
        totals = groups[name].agg(exact_sum)
        too_large = totals > _MOST
        known = totals.mask(too_large | sums[name].isna(), None)
        sums[name] = pd.array([None if pd.isna(total) else int(total) for total in known], "Int64")
        if too_large.any():
            warnings.warn(
                f"{int(too_large.sum())} of {len(totals)} sums of {name} exceed 2**63 - 1 and are null; no call has"
                f" {int(largest)}, look for it in the log",
                TooLargeWarning,
                stacklevel=6,
            )
    return sums


def exact_sum(values: pd.Series) -> int:
    """Return the sum of the known whole numbers, of any size.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame._core import exact_sum
    >>> exact_sum(pd.Series([2**62, 2**62, None], dtype="Int64"))
    9223372036854775808
    """
    largest = values.max()
    if pd.isna(largest) or int(largest) * len(values) <= _MOST:
        return int(values.sum())
    return sum(map(int, values.dropna()))
