"""Counts that no call has: sums of them are exact or null, and no report ends because of them."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import crashlens_frame as cf


@pytest.mark.parametrize("tokens", [2**53 + 1, 2**62, 2**63 - 1])
@pytest.mark.filterwarnings("ignore:sums of .* are null:crashlens_frame.errors.CrashlensFrameWarning")
def test_counts_that_no_call_has_end_no_report(tokens: int, tmp_path: Path) -> None:
    day = pd.date_range("2026-03-01", periods=4, freq="s", tz="UTC")
    counts = dict.fromkeys(("input_tokens", "output_tokens", "latency_ms", "retry_count"), tokens)
    calls = cf.add_cost(
        cf.as_calls(
            pd.DataFrame({"trace_id": list("aabb"), "model": "gpt-4o", "timestamp": day, "prompt": "Hi", **counts})
        )
    )
    report = cf.summarize(calls)
    assert (report.input_tokens, report.total_tokens) == (4 * tokens, 8 * tokens)
    assert f"{4 * tokens:,}" in report.to_text()
    assert json.loads(report.to_json())["input_tokens"] == 4 * tokens
    exact = 4 * tokens if 4 * tokens < 2**63 else pd.NA
    assert cf.by(calls, "model")["input_tokens"].tolist() == [exact]
    assert cf.unpriced(calls.assign(cost=np.nan))["input_tokens"].tolist() == [exact]
    assert cf.traces(calls)["input_tokens"].tolist() == [2 * tokens if 2 * tokens < 2**63 else pd.NA] * 2
    log = tmp_path / "log.jsonl"
    cf.to_jsonl(calls, log)
    scanned, findings = cf.scan(log)
    assert scanned.input_tokens == report.input_tokens
    assert len(findings) == len(cf.find_waste(calls))
    for plot in (cf.plot_cost, cf.plot_waste, cf.plot_cache, cf.plot_tokens, cf.plot_latency):
        plot(calls)
    cf.plot_trace(calls, "a")
    plt.close("all")
    cf.Explorer(calls)
