"""The Explorer shows what its fields ask for, with the results of the functions of the package."""

import asyncio
import re
from datetime import UTC, date, datetime
from html import escape
from io import BytesIO

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.words import money
from tests.support.attack import ATTACKS, TEXTS, attacked
from tests.support.calls import calls

LOG = cf.simulate_workload(300, seed=1, days=3)


def cards(explorer) -> dict[str, str]:
    return dict(re.findall(r"<span>([^<]+)</span><b>([^<]+)</b>", explorer.cards.value))


def changes(explorer) -> dict[str, str]:
    """Return how the figures changed, by card."""
    return dict(re.findall(r"<span>([^<]+)</span><b>[^<]+</b><em[^>]*>([^<]+)</em>", explorer.cards.value))


def words(widget) -> str:
    return re.sub(r"<[^>]+>", " ", widget.value).strip()


def cells(grid, column: str) -> list[str]:
    """Return the visible cells of a column."""
    place = [each["name"] for each in grid.columns].index(column)
    return [row["cells"][place] for row in grid.rows]


def opened(explorer, tab: str):
    """Open a tab."""
    explorer.tabs.selected_index = explorer.tabs.titles.index(tab)
    assert explorer.status.value == ""
    return explorer.tabs.children[explorer.tabs.selected_index]


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


def test_the_tabs_of_plots_are_those_of_the_roster(explorer):
    assert explorer.plots.titles == ("Unusual", "Waste", "Latency", "Tokens", "Cache", "Week")


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
    assert changes(explorer) == {}


def test_the_title_names_the_log_and_its_days(tmp_path):
    assert words(cf.Explorer(LOG, name="march & april").title) == (
        f"march &amp; april  2026-06-01 to 2026-06-03, {len(LOG)} calls"
    )
    assert words(cf.Explorer(cf.LogBook(tmp_path / "own.jsonl")).title).startswith("own.jsonl")


def test_a_filter_changes_cards_chart_and_findings(explorer):
    explorer.filters.labels["team"].value = ("legal",)

    legal = cf.flag(LOG).query("team == 'legal'")
    assert cards(explorer)["Calls"] == str(len(legal))
    assert cards(explorer)["Waste"] == money(legal["waste_cost"].sum())
    assert explorer.chart.data["title"].startswith(f"{money(legal['cost'].sum())} in {len(legal)} calls")
    assert set(cells(explorer.findings, "trace_id")) <= set(legal["trace_id"])

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


def test_a_box_that_is_ticked_in_the_browser_is_a_filter(explorer):
    team = explorer.filters.labels["team"]
    names, counts = ([row[key] for row in team.rows] for key in ("text", "count"))
    assert dict(zip(names, counts, strict=True)) == {
        name: str(number) for name, number in LOG["team"].value_counts().items()
    }
    team.chosen = [row["key"] for row in team.rows if row["text"] in ("legal", "search")]
    assert sorted(team.value) == ["legal", "search"]
    assert cards(explorer)["Calls"] == str(LOG["team"].isin(["legal", "search"]).sum())
    # the values of the other labels are counted in what is seen, those of this one in all
    model = {row["text"]: row["count"] for row in explorer.filters.labels["model"].rows}
    seen = LOG[LOG["team"].isin(["legal", "search"])]["model"].astype("str").value_counts()
    assert model == {name: str(number) for name, number in seen.items()}
    assert {row["text"] for row in team.rows} == set(names)
    team.search = "SUPP"
    assert [row["text"] for row in team.rows][2:] == ["support"]


def test_each_plot_is_drawn_when_it_is_opened(explorer):
    assert [bool(tab.value) for tab in explorer.plots.children] == [False] * 6
    opened(explorer, "Plots")
    labels = []
    for place in range(6):
        explorer.plots.selected_index = place
        labels.append(label(explorer))

    parts = ("Nothing unusual", "wasted", "p95", "tokens in", "read from a cache", "most of it")
    assert [part in text for part, text in zip(parts, labels, strict=True)] == [True] * 6
    explorer.by.value = "team"
    assert explorer.chart.data["title"].endswith("by team, US dollars per 6 hours")


def test_the_findings_are_shown_in_pages_the_most_wasteful_first():
    log = cf.simulate_workload(1500, seed=4, days=3)
    explorer = cf.Explorer(log)
    found = cf.find_waste(log)
    found = found[found["suppressed_by"].isna() & (found["certainty"] != "candidate")]
    found = found.sort_values("counted_cost", ascending=False, kind="stable")
    grid = explorer.findings

    assert len(found) > 50
    assert cells(grid, "waste_cost") == found["counted_cost"].head(25).map(money).tolist()
    assert (grid.place, grid.pages) == (f"1 to 25 of {len(found)}", -(-len(found) // 25))
    grid.page = 1
    assert cells(grid, "waste_cost") == found["counted_cost"].iloc[25:50].map(money).tolist()
    grid.sort, grid.descending, grid.page = "n_calls", False, 0
    assert cells(grid, "n_calls") == found["n_calls"].sort_values().head(25).map(str).tolist()
    grid.page = 1
    grid.search = "no such words"
    assert (grid.rows, grid.place, grid.page) == ([], "nothing found", 0)


def test_a_pattern_opens_its_findings_and_they_add_up():
    explorer = cf.Explorer(cf.simulate_incidents(100, seed=2))
    patterns = explorer.view.patterns
    wasted = patterns[patterns["certainty"] != "candidate"].reset_index(drop=True)
    assert cells(explorer.patterns, "pattern") == wasted["pattern"].tolist()
    assert cells(explorer.patterns, "route")[0] == "/v1/contracts"
    assert all(cells(explorer.patterns, "savings_note"))

    counted = 0
    for place, pattern in wasted.iterrows():
        explorer.patterns.choose(place)
        found = explorer.view.findings_of(pattern)
        assert len(found) == pattern["n_findings"]
        assert found["waste_cost"].sum() == pytest.approx(pattern["waste_cost"])
        assert explorer.findings.total == len(found)
        counted += len(found)
    explorer.patterns.choose(-1)
    assert explorer.findings.total == counted


def test_what_could_be_saved_is_apart():
    explorer = cf.Explorer(cf.simulate_incidents(100, seed=2))
    patterns = explorer.view.patterns
    explorer.waste.kind.value = "could save"

    own = patterns[patterns["certainty"] == "candidate"]
    assert cells(explorer.patterns, "could_save") == own["could_save"].map(money).tolist()
    assert len(own)
    assert words(explorer.waste.note).startswith(f"{cards(explorer)['Could save']} in {len(own)} pattern")
    explorer.filters.trace.value = "no such trace"
    assert explorer.patterns.rows == []
    assert words(explorer.waste.note) == "Nothing more could be saved."


def test_a_click_on_a_finding_opens_its_trace(explorer):
    explorer.findings.choose(1)

    trace = explorer.view.findings["trace_id"].iloc[1]
    flagged = cf.flag(LOG)
    own = flagged[flagged["trace_id"] == trace].sort_values("timestamp")
    assert f": {len(own)} calls" in explorer.trace.timeline.value
    details = explorer.trace.calls.value
    assert details.count("<details>") == len(own)
    thrown_away = [f"{money(cost)} thrown away" for cost in own["waste_cost"] if cost > 0]
    assert re.findall(r"[$][0-9.]+ thrown away", details) == thrown_away
    assert len(thrown_away) > 0
    for text in (*own["prompt"].dropna(), *own["response"].dropna()):
        assert escape(text) in details
    explorer.findings.choose(-1)
    assert explorer.trace.calls.value == ""


def test_a_finding_across_traces_opens_with_its_calls_in_all_of_them():
    shared = {"prompt": "again and again " * 60, "response": "yes", "input_tokens": 9, "output_tokens": 1, "cost": 1.0}
    asked = [{"s": 700 * n, "trace_id": f"t{n}", **shared} for n in range(3)]
    explorer = cf.Explorer(calls(*asked))
    explorer.findings.choose(0)
    assert explorer.view.findings["detector"].tolist() == ["repeated_calls"]
    assert "The 3 calls, 2 of them in other traces" in explorer.trace.calls.value
    assert explorer.trace.calls.value.count("$1.00 thrown away") == 2


def test_the_view_is_a_text_that_restores_it():
    explorer = cf.Explorer(tagged())
    assert explorer.state == ""
    explorer.filters.period.value = "7 days"
    explorer.filters.labels["customer"].value = ("acme",)
    explorer.filters.labels["route"].value = (None,)
    explorer.filters.only_wasted.value = True
    explorer.filters.trace.value = "a=b&c"
    explorer.by.value = "customer"
    explorer.waste.kind.value = "could save"
    opened(explorer, "Why?")
    text = explorer.state
    assert text == explorer.page.state
    assert "period=7+days" in text

    other = cf.Explorer(tagged(), state=text)
    assert other.state == text
    assert other.filters.filters == explorer.filters.filters
    assert other.filters.since.value == date(2026, 6, 8)
    other.page.state = "since=2026-06-01&until=2026-06-02&period=Own+days&is.customer=nobody&open=nothing"
    assert cards(other)["Calls"] == "4"
    assert other.filters.labels["customer"].value == ()
    other.page.state = ""
    assert cards(other)["Calls"] == "28"


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


def test_what_is_seen_is_saved_in_every_form(tmp_path):
    explorer = cf.Explorer(tagged(), name="june/all calls.jsonl")
    explorer.filters.labels["customer"].value = ("acme",)
    panel = opened(explorer, "Export")
    acme = tagged()[lambda calls: calls["tags"].str.contains("acme")].reset_index(drop=True)
    files = {}
    for title, form in panel.form.options:
        panel.form.value = form
        name, content, _ = panel.file()
        files[name] = content
        (tmp_path / name).write_bytes(content)
        assert title
    assert list(files) == [f"all-calls.{end}" for end in ("csv", "parquet", "jsonl", "focus.csv", "html")]
    assert cf.read_parquet(tmp_path / "all-calls.parquet").equals(acme)
    assert cf.read_jsonl(tmp_path / "all-calls.jsonl", duplicates="all").equals(acme)
    assert pd.read_csv(tmp_path / "all-calls.csv")["trace_id"].tolist() == acme["trace_id"].tolist()
    assert pd.read_csv(tmp_path / "all-calls.focus.csv")["BilledCost"].sum() == pytest.approx(acme["cost"].sum())
    assert money(acme["cost"].sum()).encode() in files["all-calls.html"]


def test_the_browser_is_sent_the_file_and_texts_are_masked(monkeypatch):
    explorer = cf.Explorer(calls({"s": 0, "prompt": "write to ada@example.org", "cost": 1.0}))
    sent = []
    monkeypatch.setattr(explorer.page, "send", lambda about, buffers: sent.append((about, buffers)))
    panel = opened(explorer, "Export")
    panel.is_masked.value = True
    panel.save.click()

    ((about, (content,)),) = sent
    assert about == {"name": "Calls.csv", "type": "text/csv"}
    assert b"ada@" not in content
    assert words(panel.status) == "saved 1 call as Calls.csv"
    explorer._seen = panel._seen = None
    panel.save.click()
    assert 'role="alert"' in panel.status.value


def test_a_log_without_calls_and_one_without_prices_are_shown():
    empty = cf.Explorer(LOG.head(0))
    for tab in empty.tabs.titles:
        opened(empty, tab)
    assert words(empty.waste.note) == "No waste found."
    assert empty.chart.data["title"] == "No calls to draw"

    unpriced = cf.Explorer(calls({"s": 0, "model": "local"}))
    assert cards(unpriced)["Spend"] == "unknown"
    assert cards(unpriced)["Unpriced"] == "100.0 %"


def test_an_error_after_a_click_is_shown(explorer, caplog):
    explorer.study = None
    explorer.by.value = "team"

    assert 'role="alert"' in explorer.status.value
    assert not caplog.records


def test_logged_text_is_text_everywhere():
    explorer = cf.Explorer(attacked(), name=ATTACKS[0])
    seen = [explorer.title.value]
    for place in range(8):
        explorer.findings.choose(place)
        seen += [explorer.trace.timeline.value, explorer.trace.calls.value]
    for by in ("model", "team", "route"):
        explorer.by.value = by
        for tab in explorer.tabs.titles:
            opened(explorer, tab)
        for place in range(6):
            explorer.plots.selected_index = place
            seen.append(explorer.plots.children[place].value)
    explorer.what_if.to_model.value = ATTACKS[0]
    waiting = [explorer]
    while waiting:
        widget = waiting.pop()
        waiting += getattr(widget, "children", ())
        seen += [widget.value] if type(widget).__name__ == "HTML" and "<style>" not in widget.value else []

    assert {"trace_id", "model", "prompt", "response", "team", "error"} <= set(TEXTS)
    for html in seen:
        assert not re.search(r"<(img|script|iframe)\b|<svg (?!role=\"img\")", html)
        assert html.count("</style>") == html.count("<style")
        assert not re.search("[\x00-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069]", html)
    # what the browser sets as text holds no character that is not printed either
    sent = [explorer.chart.data, explorer.findings.rows, explorer.patterns.rows, explorer.filters.labels["model"].rows]
    assert "<img src=x" in str(sent)
    assert str(sent).isprintable()


def test_only_what_is_visible_is_sent_to_the_browser():
    log = cf.simulate_workload(20_000, seed=2, days=30)
    explorer = cf.Explorer(log)
    explorer.findings.choose(0)
    sent, waiting = 0, [explorer]
    while waiting:
        widget = waiting.pop()
        waiting += getattr(widget, "children", ())
        state = {name: value for name, value in widget.get_state().items() if name != "_esm"}
        sent += len(str(state))

    assert len(log) > 30_000
    assert sent < 400_000


def test_a_book_that_grows_is_followed():
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt="Hi", cost=1.0, team="a")
    explorer = cf.Explorer(book)
    explorer.filters.labels["team"].value = ("a",)
    book.extend(pd.DataFrame({"trace_id": ["x", "y"], "model": "o3", "cost": [2.0, 4.0], "team": ["a", "b"]}))

    assert cards(explorer)["Spend"] == "$3.00"
    assert {row["text"] for row in explorer.filters.labels["team"].rows} == {"a", "b"}
    explorer.close()
    book.log(model="gpt-4o", prompt="Hi", cost=1.0, team="a")
    assert cards(explorer)["Spend"] == "$3.00"


def test_a_large_log_is_searched_for_waste_after_its_first_view(monkeypatch):
    monkeypatch.setattr("crashlens_frame.widgets.explorer._MOST_AT_ONCE", 100)

    async def look() -> tuple[dict[str, str], dict[str, str]]:
        explorer = cf.Explorer(LOG)
        first = cards(explorer)
        for _ in range(200):
            await asyncio.sleep(0.02)
            if explorer.patterns.rows:
                break
        return first, cards(explorer)

    first, then = asyncio.run(look())
    assert (first["Waste"], first["Spend"]) == ("…", then["Spend"])
    assert then == cards(cf.Explorer(LOG))


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


def test_calls_are_grouped_and_filtered_by_tags_too():
    explorer = cf.Explorer(tagged())
    assert [name for name, _ in explorer.by.options] == ["model", "team", "route", "customer", "team (tag)"]
    assert list(explorer.filters.labels) == ["model", "team", "route", "customer", "team (tag)"]
    explorer.by.value = "customer"
    assert "by customer" in explorer.chart.data["title"]
    opened(explorer, "Who?")
    assert dict(zip(cells(explorer.groups.grid, "customer"), cells(explorer.groups.grid, "cost"), strict=True)) == {
        "acme": "$35.00",
        "globex": "$35.00",
    }


def test_a_preset_is_compared_with_the_period_before():
    explorer = cf.Explorer(tagged())
    explorer.filters.period.value = "7 days"
    assert (explorer.filters.since.value, explorer.filters.until.value) == (date(2026, 6, 8), date(2026, 6, 14))
    assert words(explorer.filters.compared) == "2026-06-08 to 2026-06-14 against 2026-06-01 to 2026-06-07"
    assert cards(explorer)["Spend"] == "$56.00"
    assert changes(explorer) == {
        "Spend": "▲ +300.0 %", "Waste": "= as before", "Could save": "= as before", "Calls": "= as before",
    }  # fmt: skip
    explorer.by.value = "customer"
    opened(explorer, "Who?")
    assert cells(explorer.groups.grid, "cost_change") == ["+$21.00", "+$21.00"]
    opened(explorer, "Why?")
    assert words(explorer.why.status).startswith("+$42.00")
    assert "other models or rates" in words(explorer.why.parts)
    explorer.filters.period.value = "30 days"
    assert words(explorer.filters.compared).endswith("no calls in 2026-04-16 to 2026-05-15 to compare with")
    assert changes(explorer) == {}


def test_days_that_are_set_by_hand_are_compared_with_as_many_before():
    explorer = cf.Explorer(tagged())
    explorer.filters.since.value, explorer.filters.until.value = date(2026, 6, 8), date(2026, 6, 9)
    assert explorer.filters.period.value is None
    assert cards(explorer)["Spend"] == "$16.00"
    assert words(explorer.filters.compared) == "2026-06-08 to 2026-06-09 against 2026-06-06 to 2026-06-07"
    explorer.filters.since.value = explorer.filters.until.value = None
    assert explorer.filters.period.value == "All"


def test_a_change_is_explained_without_a_period_too():
    explorer = cf.Explorer(tagged())
    opened(explorer, "Why?")
    assert words(explorer.why.status).endswith(
        "2026-06-08 to 2026-06-14: $56.00, against 2026-06-01 to 2026-06-07: $14.00"
    )


def test_days_are_those_of_the_time_zone():
    explorer = cf.Explorer(tagged(), tz="Europe/Paris")  # 22:30 in UTC is half past midnight of the next day
    explorer.filters.until.value = date(2026, 6, 2)
    assert cards(explorer)["Calls"] == "2"
    explorer.filters.tz.value = "UTC"
    assert cards(explorer)["Calls"] == "4"
    explorer.filters.tz.value = "Mars"
    assert "Mars" in explorer.status.value


def test_budgets_are_bars_with_what_is_projected_and_lines_of_the_chart():
    limits = {"budgets": [{"name": "a<b", "match": {"tags.customer": "acme"}, "per": "month", "limit_usd": 30}]}
    explorer = cf.Explorer(tagged(), budgets=limits)
    opened(explorer, "Will it hold?")
    (row,) = cf.budgets(tagged(), limits).to_dict("records")
    bars = explorer.forecast.bars
    assert re.findall(r"width:([0-9.]+)%", bars.value) == [
        "100", f"{100 * row['spent'] / row['projected']:.4g}",
    ]  # fmt: skip
    assert re.findall(r"left:([0-9.]+)%", bars.value) == [f"{100 * 30 / row['projected']:.4g}"]
    assert "a&lt;b" in bars.value
    assert f"$35.00 of $30.00, {money(row['projected'])} projected" in words(bars)
    assert f"used up on {row['exhausted_on']:%Y-%m-%d}" in words(bars)
    (line,) = explorer.chart.data["limits"]
    assert line["text"] == "a<b: used up"
    assert pd.Timestamp(line["time"], unit="ms").date() == row["exhausted_on"].date()
    explorer.filters.labels["customer"].value = ("globex",)
    assert "$35.00 of $30.00" in words(bars)
    assert "June 2026 at this pace" in words(explorer.forecast.cards)
    explorer.filters.labels["customer"].value = ("acme",)  # the calls of the budget: the same projection, twice
    assert f"June 2026 at this pace  {money(row['projected'])}" in words(explorer.forecast.cards)


@pytest.mark.parametrize(
    ("zones", "asked", "expected"),
    [
        (["Asia/Tokyo", "Asia/Tokyo"], None, "Asia/Tokyo"),
        (["Asia/Tokyo", "Europe/Paris"], None, "UTC"),
        ([], None, "UTC"),
        (["Asia/Tokyo"], "UTC", "UTC"),
    ],
)
def test_days_are_those_of_the_budgets_unless_a_time_zone_is_given(zones, asked, expected):
    limits = [{"name": str(n), "per": "day", "limit_usd": 1, "tz": zone} for n, zone in enumerate(zones)]
    explorer = cf.Explorer(tagged(), budgets={"budgets": limits} if limits else None, tz=asked)
    assert explorer.filters.tz.value == expected


def test_an_invoice_is_compared():
    explorer = cf.Explorer(tagged())
    panel = opened(explorer, "Invoice?")
    bill = b"day,model,cost\n2026-06-01,gpt-4o,2.5\n"
    panel.upload.value = ({"name": "../bill.csv", "type": "text/csv", "size": len(bill), "content": memoryview(bill),
                           "last_modified": datetime(2026, 6, 30, tzinfo=UTC)},)  # fmt: skip
    expected = cf.reconcile(tagged(), pd.read_csv(BytesIO(bill)))
    assert panel.grid.total == len(expected)
    shown = dict(zip(cells(panel.grid, "day"), cells(panel.grid, "billed"), strict=True))
    assert shown["2026-06-01"] == "$2.50"
    panel.upload.value = ({"name": "bill.csv", "type": "text/csv", "size": 1, "content": memoryview(b"x"),
                           "last_modified": datetime(2026, 6, 30, tzinfo=UTC)},)  # fmt: skip
    assert 'role="alert"' in panel.status.value


def test_wrong_budgets_are_named_at_once():
    with pytest.raises(cf.BudgetFileError):
        cf.Explorer(tagged(), budgets={"budgets": [{"name": "x", "limit": 5}]})


def test_anomalies_are_marked_on_the_plot_of_costs():
    hours = pd.date_range("2026-03-02", periods=20 * 24, freq="h", tz="UTC").repeat(10)
    spike = pd.date_range("2026-03-18 10:00", periods=300, freq="24s", tz="UTC")
    rows = pd.DataFrame({"timestamp": hours.append(spike), "trace_id": "t", "model": "gpt-4o", "cost": 0.01})
    explorer = cf.Explorer(cf.as_calls(rows))
    (band,) = explorer.chart.data["bands"]
    assert pd.Timestamp(band["start"], unit="ms") == pd.Timestamp("2026-03-18 10:00")
    assert any(band["text"] in bar["notes"] for bar in explorer.chart.data["bars"])
    assert len(explorer.view.anomalies("model", "UTC")) == 1
    opened(explorer, "Unusual?")
    assert cells(explorer.unusual.grid, "start") == ["2026-03-18 10:00"]
    # the past that an hour is judged by is not cut off by the period that is looked at
    explorer.filters.since.value = date(2026, 3, 18)
    assert cells(explorer.unusual.grid, "start") == ["2026-03-18 10:00"]
    assert len(explorer.chart.data["bands"]) == 1
    opened(explorer, "Will it hold?")
    assert f"{money(rows['cost'].sum())}" in words(explorer.forecast.cards)
    explorer.filters.since.value = date(2026, 3, 19)
    assert explorer.chart.data["bands"] == []
    explorer.filters.since.value = None
    explorer.marks.value = False
    assert explorer.chart.data["bands"] == []
