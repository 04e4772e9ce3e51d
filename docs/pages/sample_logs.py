"""The logs that guides read: four weeks of simulated calls, and two things that happen in the last of them."""

from pathlib import Path

import numpy as np
import pandas as pd

import crashlens_frame as cf

_LAST_WEEK = pd.Timestamp("2026-03-16", tz="UTC")
_BUDGETS = """\
budgets:
  - {name: everything, match: {}, per: month, limit_usd: 4000, warn_at: 0.8}
  - {name: each team, match: {}, each: team, per: month, limit_usd: 2500}
rules:
  - {name: no large model for search, match: {team: search, model: "gpt-4.1"}, action: fail}
"""


def write_logs(folder: Path) -> None:
    """Write logs, budgets and an invoice into the folder of the guides."""
    calls = make_calls()
    is_last = calls["timestamp"] >= _LAST_WEEK
    is_before = ~is_last & (calls["timestamp"] >= _LAST_WEEK - pd.Timedelta(days=7))
    for name, part in {"calls": calls, "last_week": calls[is_last], "week_before": calls[is_before]}.items():
        cf.to_jsonl(part.reset_index(drop=True), folder / f"{name}.jsonl")
    (folder / "budgets.yaml").write_text(_BUDGETS, encoding="utf-8")
    last = calls[is_last]
    day = last["timestamp"].dt.strftime("%Y-%m-%d").rename("day")
    invoice = last.groupby([day, last["model"].astype("str")])["cost"].sum().reset_index()
    invoice.loc[len(invoice)] = ["2026-03-20", "o3", 420.0]  # a day of a model that the log does not have
    invoice.to_csv(folder / "invoice.csv", index=False)


def make_calls() -> pd.DataFrame:
    """Return the calls: on the last Monday the search team moves to a larger model, on Wednesday an agent is stuck."""
    usual = cf.simulate_workload(24_000, seed=10, days=28, start="2026-02-23", document_tokens=80_000)
    customer = np.random.default_rng(10).choice(["acme", "globex", "initech"], len(usual), p=[0.5, 0.3, 0.2])
    calls = usual.assign(tags=[f'{{"customer":"{name}"}}' for name in customer])
    moved = calls["team"].eq("search") & calls["timestamp"].ge(_LAST_WEEK + pd.Timedelta(hours=8))
    calls["model"] = calls["model"].astype("str").mask(moved, "gpt-4.1")
    calls["cost"] = calls["cost"].mask(moved)
    asked = calls[calls["model"].eq("gpt-4o")].nlargest(1, "input_tokens")
    night = asked.loc[asked.index.repeat(900)].assign(
        timestamp=pd.date_range("2026-03-18T01:00Z", periods=900, freq="12s"),
        trace_id=[f"night-{number}" for number in range(900)],
        tags='{"customer":"globex"}', route="/v1/agent", team="engineering", session_id="night", cost=None,
    )  # fmt: skip
    whole = pd.concat([calls, night], ignore_index=True).sort_values("timestamp", ignore_index=True)
    return cf.add_cost(cf.as_calls(whole))
