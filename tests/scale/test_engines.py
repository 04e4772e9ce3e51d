"""One rule, whatever runs it: in memory, a part at a time, and on Dask, on generated calls."""

from pathlib import Path
from tempfile import TemporaryDirectory

import dask.dataframe as dd
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
import crashlens_frame.dask
from crashlens_frame.frame import as_calls
from crashlens_frame.scale.scanner import stack_findings
from tests.support.calls import logs
from tests.support.reports import assert_same_findings, assert_same_report


@st.composite
def many_traces(draw: st.DrawFn) -> pd.DataFrame:
    """Draw a log of several traces, their calls mixed, many of them at one time."""
    parts = draw(st.lists(logs().filter(len), min_size=1, max_size=3))
    log = pd.concat(
        [part.assign(trace_id=part["trace_id"] + f"/{n}") for n, part in enumerate(parts)], ignore_index=True
    )
    latency = draw(st.lists(st.none() | st.integers(0, 9), min_size=len(log), max_size=len(log)))
    return as_calls(log.assign(latency_ms=pd.array(latency, "Int64")).iloc[draw(st.permutations(range(len(log))))])


@pytest.mark.long
@pytest.mark.usefixtures("any_memory")
@given(
    log=many_traces(),
    rules=st.sampled_from(("default", "crashlens")),
    source=st.sampled_from(("log.parquet", "log.jsonl", "store")),
    memory=st.sampled_from(("50kB", "2GB")),
    partitions=st.integers(1, 4),
)
@settings(max_examples=20)
def test_every_engine_finds_the_same(log: pd.DataFrame, rules: str, source: str, memory: str, partitions: int) -> None:
    findings, report = cf.find_waste(log, rules=rules), cf.summarize(log)
    with TemporaryDirectory() as name:
        folder = Path(name)
        cf.to_parquet(log, folder / "log.parquet")
        cf.to_jsonl(log, folder / "log.jsonl", format="flat")
        cf.write_dataset(log, folder / "store", buckets=partitions)
        scanned = cf.scan(folder / source, memory=memory, rules=rules, prices=None)
        assert_same_findings(scanned.findings, findings)
        assert_same_report(scanned.report, cf.summarize(log, findings))
        ddf = (
            cf.dask.read_dataset(folder / "store", prices=None)
            if source == "store"
            else dd.from_pandas(log, npartitions=partitions)
        )
        found = ddf.crashlens.waste(rules=rules).compute(scheduler="synchronous")
        assert_same_findings(stack_findings([found]), findings)
        assert_same_report(ddf.crashlens.summary().compute(scheduler="synchronous"), report)
