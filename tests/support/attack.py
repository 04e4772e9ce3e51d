"""Text that would do harm as markup, in a terminal, or in a spreadsheet; and a log with it in every column of text."""

import pandas as pd

from crashlens_frame.frame import as_calls
from crashlens_frame.schema import CALLS

ATTACKS = (
    "<img src=x onerror=\"document.title='XSS'\">",
    "<script>document.title='XSS'</script>",
    "</style><script>document.title='XSS'</script>",
    '"><svg onload="document.title=\'XSS\'">',
    "'-->&lt;b&gt;{{7*7}}$\\alpha$",
    "\x1b[31mred\x1b[0m\x07",
    "\u202egnirts\u2066",
    '=HYPERLINK("http://x")',
    "@SUM(1+1)",
    "[a](javascript:document.title='XSS')",
)
_CLOSED = {column.name for column in CALLS if column.categories is not None}
TEXTS = [column.name for column in CALLS if column.dtype in ("str", "category") and column.name not in _CLOSED]


def attacked() -> pd.DataFrame:
    """Give a retry loop for each attack, with the attack in every column of text."""
    start = pd.Timestamp("2026-03-02T09:00:00Z")
    rows = [
        {
            **dict.fromkeys(TEXTS, attack),
            "extra": None,
            "timestamp": start + pd.Timedelta(minutes=10 * number, seconds=5 * again),
            "input_tokens": 1000,
            "output_tokens": 100,
            "latency_ms": 900,
            "retry_count": again,
            "cost": 0.5 + number,
        }
        for number, attack in enumerate(ATTACKS)
        for again in range(5)
    ]
    return as_calls(pd.DataFrame(rows))
