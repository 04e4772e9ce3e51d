"""Reports of parts add up to the report of the whole."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.frame import as_calls, empty_frame
from crashlens_frame.report.merge import PartialReport, merge_reports, partial_report
from tests.support.calls import calls, logs
from tests.support.reports import assert_same_report


def tallied(part: pd.DataFrame) -> PartialReport:
    return partial_report(part, cf.find_waste(part))


def test_parts_add_up_to_the_whole_even_where_nothing_is_known() -> None:
    log = calls(
        {"trace_id": "t1", "s": 0, "model": "gpt-4", "latency_ms": 10, "cost": 0.5, "cost_source": "priced"},
        {"trace_id": "t2", "s": 9, "model": "gpt-4", "latency_ms": 30, "input_tokens": 7, "level": "error"},
        {"trace_id": "t3", "model": None, "latency_ms": 20, "input_tokens": 1},
        {"trace_id": "t4", "s": -5, "model": "local", "output_tokens": 3, "token_source": "counted"},
    )
    report = merge_reports(tallied(as_calls(part)) for _, part in log.groupby("trace_id"))
    assert_same_report(report, cf.summarize(log))
    assert report.mean_latency_ms == 20
    assert report.p95_latency_ms == 29
    assert report.by_model["model"].astype("str").fillna("-").tolist() == ["gpt-4", "local", "-"]


def test_parts_without_calls_do_not_matter() -> None:
    log = calls({"s": 0, "latency_ms": 10})
    nothing = tallied(empty_frame())
    assert_same_report(merge_reports([nothing, tallied(log), nothing]), cf.summarize(log))
    assert_same_report(merge_reports([nothing]), cf.summarize(empty_frame()))


def test_waste_that_nobody_knows_stays_unknown_beside_parts_without_waste() -> None:
    loop = calls(*({"trace_id": "t1", "s": second, "retry_count": second} for second in range(5)))
    other = calls({"trace_id": "t2", "s": 0, "cost": 0.5, "prompt": "word " * 50})
    report = merge_reports([tallied(loop), tallied(other)])
    assert_same_report(report, cf.summarize(as_calls(pd.concat([loop, other]))))
    assert report.waste["n_findings"].tolist() == [1, *[0] * 9]
    assert pd.isna(report.waste_cost)


def test_models_of_one_price_stand_in_the_order_of_their_names() -> None:
    names = [f"model {number:02d}" for number in range(60)]
    log = calls(*({"trace_id": name, "s": 0, "model": name, "cost": 1.0} for name in reversed(names)))
    report = merge_reports(tallied(as_calls(part)) for _, part in log.groupby("trace_id", sort=False))
    assert_same_report(report, cf.summarize(log))
    assert report.by_model["model"].tolist() == names


@given(log=logs(), data=st.data())
@settings(max_examples=25)
def test_the_report_of_the_parts_is_that_of_the_whole(log: pd.DataFrame, data: st.DataObject) -> None:
    latency = st.one_of(st.none(), st.integers(0, 5), st.integers(0, 10**9))
    drawn = data.draw(st.lists(latency, min_size=len(log), max_size=len(log)))
    log = as_calls(log.assign(latency_ms=pd.array(drawn, dtype="Int64")))
    parts = [as_calls(part.reset_index(drop=True)) for _, part in log.groupby("trace_id")]
    assert_same_report(merge_reports([tallied(part) for part in [empty_frame(), *parts]]), cf.summarize(log))
