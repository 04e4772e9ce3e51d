"""Absurd numbers of tokens: sums are exact or null with a warning, and no report ends in an error of Arrow."""

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main
from crashlens_frame.plot import PLOTS

ODD, HUGE = 2**53 + 1, 2**62
MOST = 2**63 - 1


def log_of(*tokens: int) -> bytes:
    """Write a trace in which the same is asked again and again, which two detectors find."""
    return b"".join(
        json.dumps(
            {
                "trace_id": "t",
                "model": "gpt-4",
                "prompt": "the same",
                "error": "overloaded",
                "timestamp": f"2026-01-01T00:00:{second:02d}Z",
                "latency_ms": 5,
                "usage": {"prompt_tokens": number, "completion_tokens": 1},
            }
        ).encode()
        + b"\n"
        for second, number in enumerate(tokens)
    )


def asked(*tokens: int) -> pd.DataFrame:
    return cf.read_logs(io.BytesIO(log_of(*tokens)))


SUMS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "by": lambda calls: cf.by(calls, "model")["input_tokens"][0],
    "by day": lambda calls: cf.by(calls, "model", freq="D")["input_tokens"][0],
    "traces": lambda calls: cf.traces(calls)["input_tokens"][0],
    "model": lambda calls: cf.summarize(calls).by_model["input_tokens"][0],
    "unpriced": lambda calls: cf.unpriced(calls.assign(cost=float("nan"), model="none"))["input_tokens"][0],
}


@pytest.mark.parametrize("tokens", [(ODD, 2), (ODD, ODD, 1), (HUGE, HUGE // 2), (HUGE, HUGE), (HUGE,) * 4, (MOST, 1)])
@pytest.mark.parametrize("door", SUMS)
def test_sums_are_exact_or_null_with_a_warning(door: str, tokens: tuple[int, ...]) -> None:
    calls = asked(*tokens)
    exact = sum(tokens)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = SUMS[door](calls)
    too_large = [str(each.message) for each in caught if each.category is cf.CrashlensFrameWarning]
    if exact <= MOST:
        assert found == exact
        assert not too_large
    else:
        assert found is pd.NA or pd.isna(found)
        assert too_large[0].startswith("sums of input_tokens past 2**63 - 1 are null")


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
@pytest.mark.parametrize("tokens", [(ODD,) * 6, (HUGE,) * 6, (MOST,) * 6])
def test_reports_hold_the_exact_total_at_every_door(tokens: tuple[int, ...], tmp_path: Path) -> None:
    calls, exact = asked(*tokens), sum(tokens)
    report, scanned = cf.summarize(calls), cf.scan(io.BytesIO(log_of(*tokens))).report
    for each in (report, scanned):
        assert each.input_tokens == exact
        assert each.total_tokens == exact + 6
        assert json.loads(each.to_json())["input_tokens"] == exact
        assert f"{exact:,}" in repr(each)
        assert f"{exact:,}" in each.to_markdown()
        assert f"{exact:,}" in each._repr_html_()
    (tmp_path / "log.jsonl").write_bytes(log_of(*tokens))
    for command in ("analyze", "scan"):
        for form in ("table", "json", "markdown"):
            done = CliRunner().invoke(main, [command, str(tmp_path / "log.jsonl"), "--format", form])
            assert done.exit_code == 0, done.output
    assert cf.Explorer(calls) is not None


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
@pytest.mark.parametrize(("number", "known"), [(ODD, True), (HUGE, False)])
def test_wasted_tokens_are_near_the_sum_or_null(number: int, known: bool) -> None:
    findings = cf.find_waste(asked(*[number] * 6))
    assert len(findings)
    tokens = findings["waste_tokens"]
    assert tokens.notna().all() == known
    assert not (tokens.dropna() < 0).any()


def test_no_warning_and_no_other_type_for_usual_numbers() -> None:
    calls = asked(10, 20, 30)
    totals = cf.by(calls, "model")
    assert totals["input_tokens"].tolist() == [60]
    assert str(totals["input_tokens"].dtype) == "Int64"


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
@pytest.mark.parametrize("number", [ODD, HUGE, MOST])
def test_what_no_call_has_is_drawn_and_scanned(number: int, tmp_path: Path) -> None:
    times = pd.date_range("2026-03-01", periods=4, freq="s", tz="UTC")
    counts = dict.fromkeys(("input_tokens", "output_tokens", "latency_ms", "retry_count"), number)
    frame = pd.DataFrame({"trace_id": list("aabb"), "model": "gpt-4o", "timestamp": times, "prompt": "Hi", **counts})
    calls = cf.add_cost(cf.as_calls(frame))
    for plot in PLOTS:
        plot.draw(calls, "a") if plot.name == "trace" else plot.draw(calls)
        plt.close("all")
    cf.to_jsonl(calls, tmp_path / "log.jsonl")
    report, findings = cf.scan(tmp_path / "log.jsonl")
    assert report.input_tokens == 4 * number
    assert len(findings) == len(cf.find_waste(calls))
    assert cf.traces(calls)["end"].isna().all()  # past the calendar
