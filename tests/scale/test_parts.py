"""Waste that goes across traces: a scan in several parts and Dask find what is found with all calls in memory."""

from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import crashlens_frame as cf
import crashlens_frame.dask
from crashlens_frame.frame import as_calls
from crashlens_frame.scale import scanner
from tests.scale.differences import differences, logs_of
from tests.support.reports import assert_same_findings, assert_same_report

pytestmark = pytest.mark.usefixtures("any_memory")


def _log(seed: int, name: str) -> pd.DataFrame:
    ((_, log),) = logs_of(seed, (name,))
    return log


def _n_parts(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the numbers of calls of the parts that a scan reads."""
    sizes: list[int] = []
    look = scanner.partial_report
    monkeypatch.setattr(scanner, "partial_report", lambda calls: (sizes.append(len(calls)), look(calls))[1])
    return sizes


@pytest.mark.parametrize(
    ("seed", "name", "memory"),
    [(101, "saas", "30MB"), (102, "agents", "30MB"), (103, "pipelines", "20MB"), (104, "workload", "3MB")],
)
def test_a_scan_in_parts_finds_what_goes_across_traces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, name: str, memory: str
) -> None:
    log = _log(seed, name)
    cf.to_parquet(log, tmp_path / "log.parquet")
    expected = cf.find_waste(log)
    sizes = _n_parts(monkeypatch)
    report, found = cf.scan(tmp_path / "log.parquet", memory=memory)
    assert np.count_nonzero(sizes) >= 4
    assert found.equals(expected), differences(found, expected)
    assert_same_findings(found, expected)
    assert_same_report(report, cf.summarize(log, expected))


def test_dask_finds_and_flags_what_goes_across_traces() -> None:
    log = _log(105, "pipelines")
    ddf = dd.from_pandas(log, npartitions=4)
    with dask.config.set(scheduler="synchronous"):
        findings, flagged = dask.compute(ddf.crashlens.waste(), ddf.crashlens.flag())
        report = ddf.crashlens.summary().compute()
    expected, flags = cf.find_waste(log), cf.flag(log)
    assert findings.equals(expected), differences(findings, expected)
    assert_same_report(report, cf.summarize(log, expected))
    names = ["finding", "finding_id", "waste_cost"]
    pd.testing.assert_frame_equal(flagged.sort_index()[names], flags[names])


ARTICLE = "Les marées du hâvre, relevées à côté du débarcadère, en mètres. " * 9  # cut within a letter, by bytes


def _calls_at_one_time() -> pd.DataFrame:
    """Give calls of many traces in the same few seconds, whose order is that of the log alone."""
    random = np.random.default_rng(3)
    size = 400
    numbers = random.integers(0, 40, size)
    log = pd.DataFrame(
        {
            "trace_id": [f"t{number}" for number in random.integers(0, 150, size)],
            "timestamp": pd.Timestamp("2026-11-02", tz="UTC")
            + pd.to_timedelta(np.sort(random.integers(0, 90, size)), "s"),
            "model": random.choice(["gpt-4o", "claude-sonnet-4-5"], size),
            "prompt": [f"{ARTICLE}\n{number} {ARTICLE}" for number in numbers],
            "response": [f"{ARTICLE} {number % 7}" for number in numbers],
            "input_tokens": 4_000 + 100 * (numbers % 3),
            "output_tokens": 300,
            "cache_write_tokens": np.where(random.random(size) < 0.5, 3_000, 0),
            "cached_input_tokens": 0,
            "session_id": np.where(
                random.random(size) < 0.5, [f"s{number}" for number in random.integers(0, 30, size)], None
            ),
            "route": random.choice(["/tides", "/ships"], size),
            "temperature": random.choice([0.0, 1.0], size),
            "finish_reason": random.choice(["stop", "length"], size),
        }
    )
    return cf.add_cost(as_calls(log))


def test_calls_of_equal_times_keep_the_order_of_the_log(tmp_path: Path) -> None:
    log = _calls_at_one_time()
    expected = cf.find_waste(log)
    assert expected["detector"].nunique() >= 4
    cf.to_parquet(log, tmp_path / "log.parquet")
    assert_same_findings(cf.scan(tmp_path / "log.parquet", memory="1MB").findings, expected)
    found = dd.from_pandas(log, npartitions=5, sort=False).crashlens.waste().compute(scheduler="synchronous")
    assert_same_findings(found, expected)


def test_a_panel_and_a_job_that_starts_again_show_in_the_whole_log_only(tmp_path: Path) -> None:
    book = cf.LogBook()
    for trace in range(6):  # the same three models are asked in each trace: compared on purpose
        for second, model in enumerate(("gpt-4o", "claude-sonnet-4-5", "gemini-2.5-pro")):
            book.log(
                model=model, prompt=f"Which is the best answer to question {trace}?", response="So.",
                trace_id=f"p{trace}", timestamp=f"2026-11-02T10:{trace:02}:0{second}Z",
                latency_ms=100, input_tokens=9, output_tokens=9,
            )  # fmt: skip
    for run in (2, 8):  # a job that starts again after six hours
        for item in range(12):
            book.log(
                model="gpt-4o", prompt=f"Sum up the page number {item} of the tables.", response="So.", route="/job",
                trace_id=f"j{run}/{item}", timestamp=f"2026-11-03T0{run}:00:{item:02}Z", input_tokens=900,
                output_tokens=9, temperature=1.0,
            )  # fmt: skip
    log = cf.add_cost(book.df)
    expected = cf.find_waste(log)
    assert expected["detector"].tolist() == ["repeated_calls"] * 12
    cf.to_parquet(log, tmp_path / "log.parquet")
    assert_same_findings(cf.scan(tmp_path / "log.parquet", memory="100kB").findings, expected)
    few = log[log["trace_id"].isin(["p0", "p1"]) | log["trace_id"].str.startswith("j2")].reset_index(drop=True)
    storms = cf.find_waste(few)
    assert storms["detector"].tolist() == ["fallback_storms"] * 2
    cf.to_parquet(few, tmp_path / "few.parquet")
    assert_same_findings(cf.scan(tmp_path / "few.parquet", memory="100kB").findings, storms)
