"""Reports and findings of other engines, held against those of all calls in memory."""

from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf


def assert_same_report(report: cf.Report, expected: cf.Report) -> None:
    """Compare all fields; sums of US dollars and means to twelve digits, as their order of addition differs."""
    for name, value in vars(expected).items():
        found: Any = getattr(report, name)
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(found, value, rtol=1e-12, atol=0)
        else:
            assert found == (pytest.approx(value, rel=1e-12, nan_ok=True) if isinstance(value, float) else value), name


def assert_same_findings(findings: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(findings, expected, check_exact=True)
