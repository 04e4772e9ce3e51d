"""The Explorer shows what its fields ask for, with the results of the functions of the package."""

import re
from datetime import date

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.words import money
from tests.support.attack import ATTACKS, TEXTS, attacked
from tests.support.calls import calls

LOG = cf.simulate_workload(300, seed=1, days=3)


def cards(explorer) -> dict[str, str]:
    return dict(re.findall(r"<span>([^<]+)</span><b>([^<]+)</b>", explorer.cards.value))


def words(widget) -> str:
    return re.sub(r"<[^>]+>", " ", widget.value).strip()


def lines(explorer) -> list[list[str]]:
    """Return the visible findings, cell by cell."""
    visible = [line for line in explorer.findings.children[1:-1] if line.layout.display != "none"]
    return [[line.children[0].description, *re.findall(r">([^<]*)</span>", line.children[1].value)] for line in visible]


def label(explorer) -> str:
    """Return the label of the visible plot."""
    return re.search(r'aria-label="([^"]*)"', explorer.plots.children[explorer.plots.selected_index].value).group(1)


@pytest.fixture
def explorer() -> cf.Explorer:
    made = cf.Explorer(LOG)
    assert made.status.value == ""
    return made


def test_a_book_is_shown_as_its_frame_is():
    book = cf.LogBook()
    book.simulate_retries("gpt-4", "Complex query", "Detailed response", retries=4, seed=1)

    assert cards(cf.Explorer(book)) == cards(cf.Explorer(book.df))
    assert cards(cf.Explorer(book))["Calls"] == "5"


def test_what_is_neither_a_frame_nor_a_book_is_refused():
    with pytest.raises(cf.InvalidOptionError) as error:
        cf.Explorer("logs.jsonl")
    assert str(error.value) == (
        "calls is a str, expected a DataFrame of calls or a LogBook; cf.read_jsonl reads a file"
    )


def test_the_tabs_are_those_of_the_roster(explorer):
    assert explorer.plots.titles == ("Cost", "Unusual", "Waste", "Latency", "Tokens", "Cache", "Week")


def test_the_cards_show_the_figures_of_the_log(explorer):
    report = cf.summarize(LOG)

    assert cards(explorer) == {
        "Spend": money(report.cost),
        "Waste": money(report.waste_cost),
        "Could save": money(report.could_save),
        "Calls": str(report.events),
        "p95 latency": f"{report.p95_latency_ms / 1000:.3g} s",
        "Unpriced": "0.0 %",
    }


def test_a_filter_changes_cards_plot_and_findings(explorer):
    explorer.filters.labels["team"].value = ("legal",)

    legal = cf.flag(LOG).query("team == 'legal'")
    assert cards(explorer)["Calls"] == str(len(legal))
    assert cards(explorer)["Waste"] == money(legal["waste_cost"].sum())
    assert label(explorer).startswith(f"{money(legal['cost'].sum())} in {len(legal)} calls")
    traces = set(legal["trace_id"])
    assert all(any(trace.startswith(line[0].rstrip("…")) for trace in traces) for line in lines(explorer))

    explorer.filters.reset.click()
    assert cards(explorer)["Calls"] == str(len(LOG))
    assert explorer.filters.labels["team"].value == ()


def test_every_filter_is_read(explorer):
    first, trace = LOG["timestamp"].min().date(), LOG["trace_id"].iloc[0]
    for part, value, left in (
        (explorer.filters.since, date(2100, 1, 1), 0),
        (explorer.filters.until, first, int((LOG["timestamp"].dt.date == first).sum())),
        (explorer.filters.trace, f" {trace} ", int((LOG["trace_id"] == trace).sum())),
        (explorer.filters.only_wasted, True, int(cf.flag(LOG)["waste_cost"].ne(0).sum())),
    ):
        part.value = value
        assert cards(explorer)["Calls"] == str(left)
        explorer.filters.clear()


def test_each_tab_is_drawn_when_it_is_opened(explorer):
    assert [bool(tab.value) for tab in explorer.plots.children] == [True] + [False] * 6
    labels = []
    for place in range(7):
        explorer.plots.selected_index = place
        labels.append(label(explorer))

    parts = ("by model", "Nothing unusual", "wasted", "p95", "tokens in", "read from a cache", "most of it")
    assert [part in text for part, text in zip(parts, labels, strict=True)] == [True] * 7
    explorer.plots.selected_index = 0
    explorer.by.value = "team"
    assert label(explorer).endswith("by team")


def test_the_findings_are_shown_in_pages_the_most_wasteful_first(explorer):
    found = cf.find_waste(LOG)
    found = found[found["suppressed_by"].isna()].sort_values("counted_cost", ascending=False, kind="stable")
    panel = explorer.findings

    assert [line[5] for line in lines(explorer)] == found["counted_cost"].head(8).map(money).tolist()
    assert (panel.before.disabled, panel.after.disabled) == (True, False)
    for _ in range(len(found) // 8):
        panel.after.click()
    assert words(panel.place).endswith(f"to {len(found)} of {len(found)} findings")
    assert (panel.before.disabled, panel.after.disabled) == (False, True)
    panel.before.click()
    assert len(lines(explorer)) == 8


def test_the_patterns_stand_before_the_findings_and_follow_the_filters():
    explorer = cf.Explorer(cf.simulate_incidents(100, seed=2))
    children = list(explorer.children)
    assert children.index(explorer.patterns) < children.index(explorer.findings)
    headings = re.findall(r"<h3>([^<]*)</h3>", explorer.patterns.value)
    assert headings == ["What wastes money", "What could save more"]
    first = re.findall(r"<td[^>]*>([^<]*)</td>", explorer.patterns.value)[:6]
    assert first[1].strip() == "likely"
    assert first[2:] == ["cache misses, broken prefix: once, 347 calls", "/v1/contracts", "claude-sonnet-4-5", "legal"]

    explorer.filters.labels["team"].value = ("support",)
    assert "/v1/contracts" not in explorer.patterns.value
    assert "/v1/tickets" in explorer.patterns.value
    explorer.filters.trace.value = "no such trace"
    assert explorer.patterns.value == ""


def test_a_click_on_a_finding_shows_its_trace(explorer):
    line = explorer.findings.children[2]
    line.children[0].click()

    trace = cf.Explorer(LOG).view.findings["trace_id"].iloc[1]
    own = LOG[LOG["trace_id"] == trace]
    assert f": {len(own)} calls" in explorer.trace.timeline.value
    assert explorer.trace.calls.value.count("<tr>") == len(own) + 1
    assert "cl-chosen" in line._dom_classes
    explorer.filters.only_wasted.value = True
    assert explorer.trace.timeline.value == ""


def test_what_if_compares_costs_and_explains_what_it_cannot(explorer):
    panel = explorer.what_if
    panel.model.value = "gpt-4-turbo"
    panel.to_model.value = "gpt-4o-mini"

    (row,) = cf.reprice(LOG[LOG["model"] == "gpt-4-turbo"], {"gpt-4-turbo": "gpt-4o-mini"}).to_dict("records")
    assert money(row["cost_before"]) in words(panel.result)
    assert money(row["cost_after"]) in words(panel.result)
    panel.to_model.value = "no-such-model"
    assert "no price is known" in words(panel.status)
    assert panel.result.value == ""
    panel.to_model.value = ""
    assert words(panel.status).startswith("The same tokens")


def test_other_thresholds_find_other_waste_and_a_wrong_one_is_an_error(explorer):
    panel = explorer.thresholds
    # a field for each threshold with a default
    assert panel.thresholds == {
        "retry_loops": {"min_calls": 2, "max_wait": "60s"},
        "cut_answers": {"max_wait": "2min"},
        "fallback_storms": {"min_calls": 3, "min_models": 2, "window": "3min"},
        "fallback_failures": {"window": "5min"},
        "stuck_agents": {"window": 8, "allowed": 2},
        "repeated_calls": {"ttl": "1h"},
        "growing_context": {"min_calls": 5},
        "overkill_models": {"max_answer_tokens": 8, "max_prompt_chars": 60},
        "batchable_calls": {"min_calls": 40},
    }
    panel.fields["retry_loops", "min_calls"].value = 7
    panel.apply.click()

    waste = cf.find_waste(LOG, thresholds={"retry_loops": {"min_calls": 7}})
    assert cards(explorer)["Waste"] == money(waste.loc[waste["certainty"] != "candidate", "counted_cost"].sum())
    panel.fields["retry_loops", "max_wait"].value = "soon"
    panel.apply.click()
    assert "max_wait is 'soon'" in panel.status.value.replace("&#x27;", "'")


@pytest.mark.parametrize("name", ["view.jsonl", "view.csv"])
def test_the_view_is_exported_and_no_file_overwritten(explorer, name, tmp_path):
    explorer.filters.labels["team"].value = ("legal",)
    panel = explorer.export
    panel.path.value = str(tmp_path / name)
    panel.write.click()

    legal = LOG[LOG["team"] == "legal"]
    assert words(panel.status) == f"wrote {len(legal)} calls to {tmp_path / name}"
    if name.endswith("jsonl"):
        assert cf.read_jsonl(tmp_path / name, duplicates="all").equals(cf.as_calls(legal.reset_index(drop=True)))
    else:
        assert pd.read_csv(tmp_path / name)["trace_id"].tolist() == legal["trace_id"].tolist()
    panel.write.click()
    assert "exists; choose another name" in words(panel.status)


def test_a_log_without_calls_and_one_without_prices_are_shown():
    empty = cf.Explorer(LOG.head(0))
    assert empty.status.value == ""
    assert words(empty.findings.place) == "No waste found."
    assert label(empty) == "No calls to draw"

    unpriced = cf.Explorer(calls({"s": 0, "model": "local"}))
    assert cards(unpriced)["Spend"] == "unknown"
    assert cards(unpriced)["Unpriced"] == "100.0 %"


def test_an_error_after_a_click_is_shown(explorer, caplog):
    explorer._study = None
    explorer.filters.reset.click()

    assert 'role="alert"' in explorer.status.value
    assert not caplog.records


def test_logged_text_is_text_everywhere():
    explorer = cf.Explorer(attacked())
    seen = []
    for place in range(8):
        explorer.findings.choose(place)
        seen += [explorer.trace.timeline.value, explorer.trace.calls.value]
    for place in range(7):
        for by in ("model", "team", "route"):
            explorer.by.value, explorer.plots.selected_index = by, place
            seen.append(explorer.plots.children[place].value)
    explorer.what_if.to_model.value = ATTACKS[0]
    seen += [explorer.cards.value, explorer.status.value, explorer.what_if.status.value, explorer.findings.place.value]
    seen += [line.children[1].value for line in explorer.findings.children[1:-1]]

    assert {"trace_id", "model", "prompt", "response", "team", "error"} <= set(TEXTS)
    for html in seen:
        assert not re.search(r"<(img|script|iframe)\b|<svg (?!role=\"img\")", html)
        assert html.count("</style>") == html.count("<style")
        assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069]", html)


def test_only_what_is_visible_is_sent_to_the_browser():
    log = cf.simulate_workload(20_000, seed=2, days=30)
    explorer = cf.Explorer(log)
    explorer.findings.choose(0)
    sent, waiting = 0, [explorer]
    while waiting:
        widget = waiting.pop()
        waiting += getattr(widget, "children", ())
        sent += len(str(widget.get_state()))

    assert len(log) > 30_000
    assert sent < 400_000


# -- a bill that is watched ------------------------------------------------------------------------------------------


def tagged() -> pd.DataFrame:
    """Return a call a day of two customers, of one dollar in the first week and of four in the second."""
    days = pd.date_range("2026-06-01 22:30", periods=14, freq="D", tz="UTC")
    rows = [
        {"timestamp": day, "model": "gpt-4o", "trace_id": f"{number}{customer}", "cost": 4.0 if number >= 7 else 1.0,
         "tags": f'{{"customer":"{customer}","team":"mine"}}'}
        for number, day in enumerate(days)
        for customer in ("acme", "globex")
    ]  # fmt: skip
    return cf.as_calls(pd.DataFrame(rows))


def test_calls_are_grouped_by_tags_too():
    explorer = cf.Explorer(tagged())
    assert [name for name, _ in explorer.by.options] == ["model", "team", "route", "customer", "team (tag)"]
    explorer.by.value = "customer"
    assert label(explorer).endswith("by customer")
    assert "acme" in explorer.change.table.value


def test_the_last_days_are_compared_with_as_many_before():
    explorer = cf.Explorer(tagged())
    assert words(explorer.change.status) == (
        "2026-06-08 to 2026-06-14: $56.00, +$42.00 (300.0 %) against 2026-06-01 to 2026-06-07"
    )
    explorer.change.length.value = "day"
    assert words(explorer.change.status).startswith("2026-06-14 to 2026-06-14: $8.00, +$0.00 (0.0 %)")
    explorer.change.length.value = "30 days"
    assert words(explorer.change.status) == "No calls from 2026-04-16 to 2026-05-15 to compare with."


def test_the_days_of_the_filters_are_compared_with_as_many_before():
    explorer = cf.Explorer(tagged())
    explorer.filters.since.value, explorer.filters.until.value = date(2026, 6, 8), date(2026, 6, 9)
    assert cards(explorer)["Spend"] == "$16.00"
    assert words(explorer.change.status).startswith(
        "2026-06-08 to 2026-06-09: $16.00, +$12.00 (300.0 %) against 2026-06-06"
    )


def test_days_are_those_of_the_time_zone():
    explorer = cf.Explorer(tagged(), tz="Europe/Paris")  # 22:30 in UTC is half past midnight of the next day
    explorer.filters.until.value = date(2026, 6, 2)
    assert cards(explorer)["Calls"] == "2"
    explorer.filters.tz.value = "UTC"
    assert cards(explorer)["Calls"] == "4"
    explorer.filters.tz.value = "Mars"
    assert "Mars" in explorer.status.value


def test_budgets_are_bars_with_what_is_projected():
    limits = {"budgets": [{"name": "a<b", "match": {"tags.customer": "acme"}, "per": "month", "limit_usd": 50}]}
    explorer = cf.Explorer(tagged(), budgets=limits)
    (row,) = cf.budgets(tagged(), limits).to_dict("records")
    (panel,) = explorer.budgets
    assert re.findall(r"width:([0-9.]+)%", panel.value) == ["100", f"{100 * row['spent'] / row['projected']:.4g}"]
    assert re.findall(r"left:([0-9.]+)%", panel.value) == [f"{100 * 50 / row['projected']:.4g}"]
    assert "a&lt;b" in panel.value
    assert f"$35.00 of $50.00, {money(row['projected'])} projected" in words(panel)
    assert f"used up on {row['exhausted_on']:%Y-%m-%d}" in words(panel)
    explorer.filters.trace.value = "1acme"
    assert "$35.00 of $50.00" in words(panel)


def test_wrong_budgets_are_named_at_once():
    with pytest.raises(cf.BudgetFileError):
        cf.Explorer(tagged(), budgets={"budgets": [{"name": "x", "limit": 5}]})


def test_anomalies_are_marked_on_the_plot_of_costs():
    hours = pd.date_range("2026-03-02", periods=20 * 24, freq="h", tz="UTC").repeat(10)
    spike = pd.date_range("2026-03-18 10:00", periods=300, freq="24s", tz="UTC")
    rows = pd.DataFrame({"timestamp": hours.append(spike), "trace_id": "t", "model": "gpt-4o", "cost": 0.01})
    explorer = cf.Explorer(cf.as_calls(rows))
    marked = explorer.plots.children[0].value
    explorer.marks.value = False
    assert explorer.plots.children[0].value != marked
    assert len(explorer.view.anomalies("model", "UTC")) == 1
