"""What one line of a log becomes, compared with rows in plain Python."""

import json
from pathlib import Path
from typing import Any

from crashlens_frame.formats import detect_format, rows_from_line

CASES = Path(__file__).parent.parent / "cases" / "files"


def rows_of(record: Any, format: str) -> list[dict[str, Any]]:
    """Return the rows of a record that shows its format, without what has no column."""
    assert detect_format(record).format == format
    found = rows_from_line(record)
    assert found.errors == []
    assert rows_from_line(record, format).rows == found.rows
    return [{name: value for name, value in row.items() if name != "extra"} for row in found.rows]


def extra_of(record: Any, place: int = 0) -> dict[str, Any]:
    """Return what has no column in the row at a place."""
    rest: dict[str, Any] = json.loads(rows_from_line(record).rows[place].get("extra", "{}"))
    return rest


def case(name: str) -> list[Any]:
    """Return the records of a file of tests/cases/files: lines of JSON, or one document."""
    text = (CASES / name).read_text()
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines()]
