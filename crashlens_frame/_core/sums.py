"""Sums of whole numbers, which are exact or null: 64 bits hold no number past 2**63 - 1."""

import warnings
from typing import Any

import pandas as pd

from ..errors import CrashlensFrameWarning

_MOST = 2**63 - 1
_ABOUT_MOST = 9.2e18  # what is computed as a float is this much uncertain


def exact_sum(numbers: pd.Series) -> int:
    """Return the sum of whole numbers; nulls count as 0.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame._core import exact_sum
    >>> exact_sum(pd.Series([2**62, 2**62, None], dtype="Int64"))
    9223372036854775808
    """
    return sum(numbers.dropna().tolist()) if _may_overflow(numbers) else int(numbers.sum())


def exact_sums(groups: Any) -> pd.DataFrame:
    """Sum up each column of groups of rows, a ``DataFrameGroupBy``; null where no value of a group is known.

    Warns
    -----
    CrashlensFrameWarning
        A sum of whole numbers is past 2**63 - 1, and null.

    Examples
    --------
    >>> import pandas as pd
    >>> from crashlens_frame._core import exact_sums
    >>> frame = pd.DataFrame({"model": ["a", "b", "b"], "input_tokens": pd.array([1, 2, None], "Int64")})
    >>> exact_sums(frame.groupby("model"))["input_tokens"].tolist()
    [1, 2]
    """
    sums = groups.sum(min_count=1)
    for name in sums:
        if not pd.api.types.is_integer_dtype(sums[name].dtype) or not _may_overflow(groups.obj[name]):
            continue
        too_large = groups[name].mean() * groups[name].count() >= _ABOUT_MOST
        if too_large.any():
            sums[name] = sums[name].astype("Int64").mask(too_large.fillna(False))
            warnings.warn(
                f"sums of {name} past 2**63 - 1 are null; a log with such counts was not written by a provider",
                CrashlensFrameWarning,
                stacklevel=4,
            )
    return sums


def _may_overflow(numbers: pd.Series) -> bool:
    largest = numbers.max()
    return bool(pd.notna(largest)) and int(largest) > _MOST // max(len(numbers), 1)
