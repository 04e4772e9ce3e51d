"""Bills: a sample of each kind of report, and the likely cause of each difference."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf

DAY, NEXT = 1780272000, 1780358400  # June 1 and 2, 2026
SONNET = "claude-sonnet-4-5"


def log(*rows: tuple[str, str, float | None]) -> pd.DataFrame:
    return cf.as_calls(pd.DataFrame(rows, columns=["timestamp", "model", "cost"]))


def openai(kind: str, **result: Any) -> dict[str, Any]:
    bucket = {"object": "bucket", "start_time": DAY, "end_time": NEXT}
    results = [{"object": f"organization.{kind}.result", "project_id": None, **result}]
    return {"object": "page", "data": [bucket | {"results": results}], "has_more": False, "next_page": None}


def anthropic(**result: Any) -> dict[str, Any]:
    bucket = {"starting_at": "2026-06-01T00:00:00Z", "ending_at": "2026-06-02T00:00:00Z", "results": [result]}
    return {"data": [bucket], "has_more": False, "next_page": None}


USED = {
    "uncached_input_tokens": 500, "cache_read_input_tokens": 8000, "output_tokens": 300, "service_tier": "standard",
    "cache_creation": {"ephemeral_5m_input_tokens": 2000, "ephemeral_1h_input_tokens": 0},
    "model": f"{SONNET}-20250929",
}  # fmt: skip
REPORTS = {
    "openai costs": (
        openai("costs", amount={"value": 1.5, "currency": "usd"}, line_item="gpt-4o-2024-08-06, input"), "gpt-4o", 1.5,
    ),
    "openai usage": (
        openai("usage.completions", input_tokens=1000, input_cached_tokens=640, output_tokens=500, batch=False,
               model="gpt-4o-2024-08-06", num_model_requests=1), "gpt-4o", 0.0067,
    ),
    "anthropic costs": (
        anthropic(amount="159.00", currency="USD", model=f"{SONNET}-20250929", cost_type="tokens"), SONNET, 1.59,
    ),
    "anthropic usage": (anthropic(**USED), SONNET, 0.0159),
    "litellm": (
        {"results": [{"date": "2026-06-01", "metrics": {"spend": 2.5, "prompt_tokens": 10},
                      "breakdown": {"models": {"gpt-4o": {"metrics": {"spend": 2.5}, "metadata": {}}}}}],
         "metadata": {"total_spend": 2.5}}, "gpt-4o", 2.5,
    ),
}  # fmt: skip
TABLES = {
    "openrouter": (
        "created_at,model_permaslug,cost_total,tokens_prompt\n2026-06-01 10:00:00.123,openai/gpt-4o,0.75,9\n", 0.75),
    "aws by resource": (
        "line_item_usage_start_date,line_item_product_code,line_item_usage_type,line_item_resource_id,"
        "line_item_unblended_cost\n"
        "2026-06-01T00:00:00Z,AmazonBedrock,USE1-Claude4.5Sonnet-input-tokens,"
        "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0,0.5\n"
        "2026-06-01T00:00:00Z,AmazonEC2,BoxUsage,i-1,9.0\n", 0.5),
    "any": ("day,model,cost\n2026-06-01,gpt-4o,0.5\n", 0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_of_json_is_read_as_a_value_and_as_a_file(name: str, tmp_path: Path) -> None:
    report, model, cost = REPORTS[name]
    (tmp_path / "report.json").write_text(json.dumps(report))
    for source in (report, tmp_path / "report.json"):
        found = cf.reconcile(log(("2026-06-01T10:00Z", model, cost)), source)
        assert found[["day", "model", "cause"]].to_numpy().tolist() == [[pd.Timestamp("2026-06-01"), model, "equal"]]
        assert found["billed"].item() == pytest.approx(cost)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read(name: str, tmp_path: Path) -> None:
    text, cost = TABLES[name]
    (tmp_path / "bill.csv").write_text(text)
    model = SONNET if name.startswith("aws") else "gpt-4o"
    found = cf.reconcile(log(("2026-06-01T10:00Z", model, cost)), tmp_path / "bill.csv")
    assert found[["billed", "difference"]].to_numpy().tolist() == [[cost, 0.0]]


def test_a_bill_without_models_is_compared_day_by_day() -> None:
    report = openai("costs", amount={"value": 3.0, "currency": "usd"}, line_item=None)
    found = cf.reconcile(log(("2026-06-01", "gpt-4o", 1.0), ("2026-06-01", "o3", 2.0)), report)
    assert found[["ours", "billed", "cause"]].to_numpy().tolist() == [[3.0, 3.0, "equal"]]


@pytest.mark.parametrize(
    ("ours", "billed", "cause"),
    [
        ([1.0, 1.0, 1.0], [1.004, 1.0, 1.0], ["equal"] * 3),
        ([1.0, None, 1.0], [1.0, 1.0, 1.0], ["equal", "calls of unknown cost", "equal"]),
        ([1.0, 1.0, 1.0], [0.8, 0.8, 0.8], ["another price"] * 3),
        ([1.0, 1.0, 1.0], [1.2, 0.8, 1.0], ["the day before or after"] * 2 + ["equal"]),
        ([1.0, 1.0, 1.0], [1.5, 1.0, 1.0], ["less in the log", "equal", "equal"]),
        ([1.5, 1.0, 1.0], [1.0, 1.0, 1.0], ["more in the log", "equal", "equal"]),
    ],
)
def test_the_likely_cause(ours: list[Any], billed: list[float], cause: list[str]) -> None:
    days = ["2026-06-01", "2026-06-02", "2026-06-03"]
    bill = pd.DataFrame({"day": days, "model": "gpt-4o", "cost": billed})
    found = cf.reconcile(log(*((day, "gpt-4o", cost) for day, cost in zip(days, ours, strict=True))), bill)
    assert [text.startswith(start) for text, start in zip(found["cause"], cause, strict=True)] == [True] * 3, found


def test_what_only_the_log_or_only_the_bill_has_is_a_row() -> None:
    bill = pd.DataFrame({"day": ["2026-06-01"], "model": ["o3"], "cost": [2.0]})
    found = cf.reconcile(log(("2026-06-01", "gpt-4o", 1.0)), bill)
    assert found[["model", "difference"]].to_numpy().tolist() == [["gpt-4o", -1.0], ["o3", 2.0]]
    assert [text[:12] for text in found["cause"]] == ["not on the b", "not in the l"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"data": []}, "the report: is no report of a known kind"),
        (openai("costs", amount={"value": 1, "currency": "eur"}), "a cost is in eur, expected USD"),
        (pd.DataFrame({"a": [1]}), "the frame: has no columns of day, model and cost, found a"),
    ],
)
def test_what_is_no_bill(source: Any, message: str) -> None:
    with pytest.raises(cf.LogFileError) as caught:
        cf.reconcile(log(("2026-06-01", "gpt-4o", 1.0)), source)
    assert message in str(caught.value)
