"""CALLS -> CSV that a spreadsheet can open without running logged texts as formulas."""

import pandas as pd

from ..frame import as_calls
from ..schema import CALLS
from .streams import Target, open_atomic

# with which Excel, LibreOffice and Google Sheets may read a text as a formula (OWASP, "CSV Injection")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(calls: pd.DataFrame, target: Target) -> None:
    """Write calls as CSV for spreadsheets.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path or binary file object; "-" is the standard output. The new file replaces an old one when all of it is
        written. It is compressed if its name ends in ``.gz`` or ``.zst``.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is not a frame of calls.

    Notes
    -----
    A text that a spreadsheet may read as a formula (it begins with = + - @, a tab or a line break) gets an apostrophe
    in front, as OWASP advises against CSV injection. So the texts of a CSV file can differ from the calls; files of
    ``to_jsonl`` and ``to_parquet`` are read back unchanged.

    Examples
    --------
    >>> import io
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> _ = book.log(model="gpt-4o", prompt="=1+1", trace_id="t1", timestamp="2026-03-01")
    >>> file = io.BytesIO()
    >>> cf.to_csv(book.df, file)
    >>> file.getvalue().decode().splitlines()[1][:43]
    "t1,2026-03-01T00:00:00.000000Z,gpt-4o,'=1+1"
    """
    calls = as_calls(calls)
    texts = [column.name for column in CALLS if column.dtype in ("str", "category")]
    escaped = calls.assign(**{name: _escape_formulas(calls[name]) for name in texts})
    with open_atomic(target) as stream:
        escaped.to_csv(stream, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ", lineterminator="\r\n")


def _escape_formulas(values: pd.Series) -> pd.Series:
    texts = values.astype("str")
    return texts.mask(texts.str.startswith(_FORMULA_STARTS).fillna(False).astype(bool), "'" + texts)
