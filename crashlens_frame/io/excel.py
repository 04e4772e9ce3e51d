"""CALLS -> a spreadsheet of Excel."""

import pandas as pd

from ..errors import MissingExtraError
from ..frame import as_calls
from ..schema import CALLS
from .csv import escaped_texts
from .streams import AnyPath, open_atomic

_LONGEST = 32_767  # characters of a cell
_NO_TEXT = r"[\x00-\x08\x0b\x0c\x0e-\x1f]"  # no XML can hold them


def to_excel(calls: pd.DataFrame, target: AnyPath) -> None:
    """Write calls as a spreadsheet of Excel (.xlsx).

    Times are in UTC without a zone, since Excel knows none. Texts are cut at 32,767 characters, which is the most that
    a cell holds, and those that may be read as a formula get an apostrophe in front, as in ``to_csv``.

    Parameters
    ----------
    calls
        Frame of calls.
    target
        Path of the file.

    Raises
    ------
    MissingExtraError
        openpyxl is not installed.
    MissingColumnsError, InvalidCallError
        The frame is not a frame of calls.
    FileNotFoundError, FileAccessError
        There is no such folder, or the file cannot be written.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> cf.to_excel(cf.simulate_workload(10, seed=1), "calls.xlsx")  # doctest: +SKIP
    """
    calls = as_calls(calls)
    texts = [column.name for column in CALLS if column.dtype in ("str", "category")]
    # first what no cell can hold: behind it a formula may begin
    plain = {name: calls[name].astype("str").str.replace(_NO_TEXT, "", regex=True) for name in texts}
    escaped = escaped_texts(calls.assign(**plain))
    cells = escaped.assign(
        timestamp=calls["timestamp"].dt.tz_localize(None),
        **{name: escaped[name].str.slice(stop=_LONGEST) for name in texts},
    )
    try:
        with open_atomic(target) as stream:
            cells.to_excel(stream, index=False, engine="openpyxl")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "writing a spreadsheet needs openpyxl, which is not installed: pip install 'crashlens-frame[excel]'"
        ) from error
