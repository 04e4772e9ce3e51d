"""Many machines: the findings of the partitions are those of all calls in memory, whatever happens to a worker."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
from distributed import Client, LocalCluster

import crashlens_frame as cf
import crashlens_frame.dask
from crashlens_frame.frame import as_calls
from crashlens_frame.scale.scanner import stack_findings
from tests.support.reports import assert_same_findings, assert_same_report

LOG = cf.simulate_workload(500, seed=9, days=2).sample(frac=1, random_state=1).reset_index(drop=True)
LOG = as_calls(LOG.assign(timestamp=LOG["timestamp"].dt.floor("s")))  # so that only their order tells some calls apart


def _fallbacks_and_small_talk() -> pd.DataFrame:
    """Give what simulated traffic has not: second answers after a first one, and an expensive model for a greeting."""
    book = cf.LogBook()
    for number in range(8):
        book.simulate_overkill("gpt-4", "Hi", "Hello!", seed=number, start=f"2026-06-01T09:{number:02}:00Z")
        for second, model in enumerate(("gpt-3.5-turbo", "gpt-4")):
            book.log(
                model=model, prompt=f"Question {number}?", response="So.", trace_id=f"fallback-{number}",
                timestamp=f"2026-06-01T10:{number:02}:0{second}Z", latency_ms=100,
                fallback_reason="timeout" if second else None,
            )  # fmt: skip
    return book.df


LOG = as_calls(pd.concat([LOG, _fallbacks_and_small_talk()], ignore_index=True))
LOG = cf.add_cost(cf.add_tokens(LOG))  # as every door counts and prices it
METHODS = {
    "retry_loops": cf.find_retry_loops,
    "fallback_storms": cf.find_fallback_storms,
    "fallback_failures": cf.find_fallback_failures,
    "overkill_models": cf.find_overkill_models,
}


@pytest.fixture(autouse=True)
def _in_this_thread() -> Iterator[None]:
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stores")
    cf.write_dataset(LOG, folder / "by_trace", buckets=4)
    cf.write_dataset(LOG, folder / "by_day", by="day")
    return folder


def _stores(folder: Path) -> dict[str, dd.DataFrame]:
    return {
        "by_trace": cf.dask.read_dataset(folder / "by_trace"),
        "by_day": cf.dask.read_dataset(folder / "by_day"),
        "pandas": dd.from_pandas(LOG, npartitions=5, sort=False),
        "one": dd.from_pandas(LOG, npartitions=1),
    }


STORES = ("by_trace", "by_day", "pandas", "one")


def shuffles(ddf: dd.DataFrame) -> bool:
    return any("Shuffle" in type(each).__name__ for each in ddf.optimize(fuse=False).expr.walk())


@pytest.mark.parametrize(
    ("store", "method"), [*((store, "waste") for store in STORES), *(("by_day", method) for method in METHODS)]
)
def test_the_findings_are_those_in_memory(folder: Path, store: str, method: str) -> None:
    found = getattr(_stores(folder)[store].crashlens, method)()
    assert not found.known_divisions  # the rows are findings, and count anew in each partition
    assert found["detector"].cat.known
    assert not found["model"].cat.known
    expected = METHODS.get(method, cf.find_waste)(LOG)
    assert len(expected) > 1
    assert_same_findings(found.compute(), expected)
    dtypes = found.dtypes.where(found.dtypes != "category", expected.dtypes)
    pd.testing.assert_series_equal(dtypes, expected.dtypes)


def test_options_reach_the_detectors_and_wrong_ones_are_refused_at_once(folder: Path) -> None:
    ddf = _stores(folder)["by_day"]
    loops = ddf.crashlens.retry_loops(max_retries=5).compute()
    assert_same_findings(loops, cf.find_retry_loops(LOG, max_retries=5))
    prices = {"pricing": {"gpt-4": {"input_price_per_1m": 1, "output_price_per_1m": 2}}}
    waste = ddf.crashlens.waste(prices=prices, rules="crashlens").compute()
    assert_same_findings(stack_findings([waste]), cf.find_waste(LOG, prices=prices, rules="crashlens"))
    with pytest.raises(cf.InvalidOptionError, match=r"^max_retries is 0"):
        ddf.crashlens.retry_loops(max_retries=0)
    with pytest.raises(cf.MissingColumnsError, match="missing column: prompt"):
        ddf.drop(columns="prompt").crashlens.waste()
    with pytest.raises(cf.NotCallsError, match="missing model and trace_id"):
        assert ddf[["cost"]].crashlens


@pytest.mark.parametrize("store", STORES)
def test_flags_traces_and_costs_are_those_in_memory(folder: Path, store: str) -> None:
    ddf = _stores(folder)[store]
    keys = ["trace_id", "prompt", "response", "timestamp", "retry_count", "latency_ms"]
    flagged = ddf.crashlens.flag().compute().sort_values(keys)
    expected = cf.flag(LOG).sort_values(keys)
    names = ["trace_id", "finding", "finding_id", "waste_cost"]
    pd.testing.assert_frame_equal(flagged[names].reset_index(drop=True), expected[names].reset_index(drop=True))
    assert flagged.dtypes.astype("str").to_dict() == expected.dtypes.astype("str").to_dict()
    assert shuffles(ddf.crashlens.traces()) == (store in ("by_day", "pandas"))
    traces = ddf.crashlens.traces().compute().sort_values("trace_id", ignore_index=True)
    pd.testing.assert_frame_equal(traces, LOG.crashlens.traces().sort_values("trace_id", ignore_index=True))
    doubled = {"pricing": {"gpt-4": {"input_price_per_1m": 60, "output_price_per_1m": 120}}}
    costs = ddf.crashlens.add_tokens().crashlens.add_cost(doubled, reprice=True)
    assert costs.divisions == ddf.divisions
    assert costs["cost"].sum().compute() == pytest.approx(cf.add_cost(LOG, doubled, reprice=True)["cost"].sum())


@pytest.mark.parametrize("store", STORES)
def test_the_summary_is_that_in_memory(folder: Path, store: str) -> None:
    prices = {"pricing": {"gpt-4": {"input_price_per_1m": 1, "output_price_per_1m": 2}}}
    summary = _stores(folder)[store].crashlens.summary(prices=prices)
    assert_same_report(summary.compute(), cf.summarize(LOG, prices=prices))


def test_frames_with_columns_of_their_own_and_an_index_of_traces(folder: Path) -> None:
    calls = LOG.assign(mine=np.arange(len(LOG)), shelf=pd.Categorical(["a"] * len(LOG)))
    ddf = dd.from_pandas(calls, npartitions=3)
    flagged = ddf.crashlens.flag().compute().sort_values("mine")
    assert flagged["mine"].tolist() == list(range(len(LOG)))
    assert flagged.index.tolist() == list(range(len(LOG)))
    assert flagged["finding_id"].fillna("").tolist() == cf.flag(LOG)["finding_id"].fillna("").tolist()
    by_trace = dd.from_pandas(calls.set_index(calls["trace_id"].rename("trace_id")), npartitions=3)
    assert not shuffles(by_trace.crashlens.traces())
    assert_same_findings(by_trace.crashlens.waste().compute(), cf.find_waste(LOG))
    # what is known of the divisions outlives filters and new columns
    some = cf.dask.read_dataset(folder / "by_trace")
    some = some[some["cost"] > 0].assign(mine=1).repartition(npartitions=2)
    assert not shuffles(some.crashlens.traces())
    assert_same_findings(some.crashlens.waste().compute(), cf.find_waste(as_calls(LOG[LOG["cost"] > 0])))


def test_a_dataset_is_read_as_far_as_it_is_used(folder: Path) -> None:
    ddf = cf.dask.read_dataset(folder / "by_trace")
    assert ddf.divisions == (0, 1, 2, 3, 3)
    assert ddf.columns.tolist() == LOG.columns.tolist()
    assert cf.dask.read_dataset(folder / "by_day", columns=["cost"]).columns.tolist() == ["cost"]
    read = ddf.crashlens.waste(rules="crashlens").optimize(fuse=False).expr
    (source,) = [each for each in read.walk() if type(each).__name__.startswith("FromMap")]
    assert {"fallback_model", "extra"}.isdisjoint(source.columns)
    with pytest.raises(ValueError, match="columns holds 'costs'"):
        cf.dask.read_dataset(folder / "by_trace", columns=["costs"])
    with pytest.raises(FileNotFoundError):
        cf.dask.read_dataset(folder)


def _slow(calls: pd.DataFrame, mark: str) -> pd.DataFrame:
    """Hand calls on, slowly as long as nobody was killed, and tell who works on them."""
    marks = Path(mark)
    (marks / f"{os.getpid()}").touch()
    if not (marks / "killed").exists():
        time.sleep(0.2)
    return calls


@pytest.mark.parametrize("store", ["by_trace", "pandas"])
def test_a_worker_killed_in_the_middle_loses_nothing(cluster: Client, folder: Path, tmp_path: Path, store: str) -> None:
    ddf = _stores(folder)[store]
    slow = ddf.map_partitions(_slow, str(tmp_path), meta=ddf._meta, transform_divisions=False)
    found = cluster.compute(slow.crashlens.waste())
    while len(working := list(tmp_path.iterdir())) < 2:
        time.sleep(0.01)
    assert not found.done()
    os.kill(int(working[0].name), signal.SIGKILL)
    (tmp_path / "killed").touch()
    assert_same_findings(found.result(timeout=60), cf.find_waste(LOG))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 10}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        yield client


def test_without_dask_the_module_says_how_to_install_it() -> None:
    code = "import sys; sys.modules['dask'] = None; import crashlens_frame.dask"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.splitlines()[-1] == (
        'crashlens_frame.errors.MissingExtraError: dask is not installed; pip install "crashlens-frame[dask]"'
    )
