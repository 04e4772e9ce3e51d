import inspect

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.accessor import CrashlensAccessor
from crashlens_frame.plot import PLOTS

BOUND = {
    "summary": cf.summarize,
    "report": cf.write_report,
    "anomalies": cf.anomalies,
    "by": cf.by,
    "traces": cf.traces,
    "change": cf.change,
    "retry_loops": cf.find_retry_loops,
    "cut_answers": cf.find_cut_answers,
    "fallback_storms": cf.find_fallback_storms,
    "fallback_failures": cf.find_fallback_failures,
    "stuck_agents": cf.find_stuck_agents,
    "repeated_calls": cf.find_repeated_calls,
    "cache_misses": cf.find_cache_misses,
    "growing_context": cf.find_growing_context,
    "overkill_models": cf.find_overkill_models,
    "batchable_calls": cf.find_batchable_calls,
    "forecast": cf.forecast,
    "budgets": cf.budgets,
    "broken_rules": cf.broken_rules,
    "reconcile": cf.reconcile,
    "redact": cf.redact,
    "waste": cf.find_waste,
    "waste_by": cf.waste_by,
    "cache_report": cf.cache_report,
    "flag": cf.flag,
    "add_tokens": cf.add_tokens,
    "add_cost": cf.add_cost,
    "cost_parts": cf.cost_parts,
    "reprice": cf.reprice,
    "reprice_calls": cf.reprice_calls,
    "unpriced": cf.unpriced,
    "to_csv": cf.to_csv,
    "to_excel": cf.to_excel,
    "to_focus": cf.to_focus,
    "to_jsonl": cf.to_jsonl,
    "to_parquet": cf.to_parquet,
}


@pytest.fixture(scope="module")
def df() -> pd.DataFrame:
    book = cf.LogBook()
    book.simulate_workload(traces=300, seed=3, days=1)
    return book.df


@pytest.mark.parametrize("name", BOUND)
def test_each_method_has_the_text_and_the_arguments_of_its_function(df, name):
    method, function = getattr(df.crashlens, name), BOUND[name]
    assert method.__doc__ == function.__doc__
    arguments = list(inspect.signature(function).parameters)[1:]
    assert list(inspect.signature(method).parameters) == arguments


@pytest.mark.parametrize(
    "name", ["retry_loops", "fallback_storms", "fallback_failures", "overkill_models", "waste", "flag", "traces"]
)
def test_each_method_gives_what_its_function_gives(df, name):
    pd.testing.assert_frame_equal(getattr(df.crashlens, name)(), BOUND[name](df))


def test_thresholds_reach_the_function(df):
    strict = df.crashlens.retry_loops(max_retries=1, max_gap="30s")
    pd.testing.assert_frame_equal(strict, cf.find_retry_loops(df, max_retries=1, max_gap="30s"))


def test_nothing_else_is_public():
    assert {name for name in vars(CrashlensAccessor) if not name.startswith("_")} == {*BOUND, "plot"}


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_each_plot_has_the_text_and_the_arguments_of_its_function(df, plot):
    method, function = getattr(df.crashlens.plot, plot.name), getattr(cf, f"plot_{plot.name}")
    assert function is plot.draw
    assert method.__doc__ == function.__doc__
    parameters = list(inspect.signature(function).parameters.values())
    assert list(inspect.signature(method).parameters.values()) == parameters[1:]


def test_completion_offers_the_plots_and_nothing_else(df):
    offered = [name for name in dir(df.crashlens.plot) if not name.startswith("_")]
    assert offered == ["anomalies", "cache", "cost", "heatmap", "latency", "tokens", "trace", "waste"]


def test_findings_are_no_calls(df):
    with pytest.raises(cf.NotCallsError) as caught:
        _ = cf.find_waste(df).crashlens
    assert str(caught.value) == "the frame holds findings, not calls; cf.style_findings(findings) lays them out"
    assert len(cf.flag(df).crashlens.traces()) == 300


def test_a_frame_of_something_else_has_no_such_attribute():
    other = pd.DataFrame({"a": [1]})
    assert not hasattr(other, "crashlens")
    with pytest.raises(cf.NotCallsError) as caught:
        _ = other.crashlens
    assert str(caught.value) == (
        "the frame holds no calls: missing model and trace_id; df = cf.as_calls(df, columns={'its column of models':"
        " 'model'}) makes it calls"
    )


def test_export_by_accessor(df, tmp_path):
    df.crashlens.to_jsonl(tmp_path / "logs.jsonl")
    df.crashlens.to_parquet(tmp_path / "logs.parquet")
    pd.testing.assert_frame_equal(cf.read_jsonl(tmp_path / "logs.jsonl"), df)
    pd.testing.assert_frame_equal(cf.read_parquet(tmp_path / "logs.parquet"), df)
