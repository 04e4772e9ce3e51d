"""CALLS -> CSV that a spreadsheet can open without running what was logged."""

import pandas as pd

from ..frame import as_calls
from ..schema import CALLS
from .streams import Target, open_atomic

# what Excel, LibreOffice and Google Sheets may take for the beginning of a formula (OWASP, "CSV Injection")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def to_csv(calls: pd.DataFrame, target: Target) -> None:
    """Write calls as CSV, for people with a spreadsheet.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path or binary file object; "-" is the standard output. A path holds the new file only once all of it is
        written, packed if its name ends in ``.gz`` or ``.zst``.

    Raises
    ------
    MissingColumnsError, InvalidCallError
        The frame is no frame of calls.

    Notes
    -----
    A text that begins with what a spreadsheet may take for a formula (= + - @, a tab or a line break) has an apostrophe
    before it, as OWASP advises against CSV injection. So a CSV file does not read back as it was: for that there are
    ``to_jsonl`` and ``to_parquet``.

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
    harmless = calls.assign(**{name: _harmless(calls[name]) for name in texts})
    with open_atomic(target) as stream:
        harmless.to_csv(stream, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ", lineterminator="\r\n")


def _harmless(values: pd.Series) -> pd.Series:
    texts = values.astype("str")
    return texts.mask(texts.str.startswith(_FORMULA).fillna(False).astype(bool), "'" + texts)
