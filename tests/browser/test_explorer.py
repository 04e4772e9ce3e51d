"""The Explorer in a real browser: each click is answered, nothing runs that was logged, and it looks as it should."""

import re
from typing import Any

import pytest

from tests.support.attack import ATTACKS


def explorer_of(page: Any, site: Any, notebook: str = "explorer", theme: str = "light", view: str = "") -> Any:
    page.goto(f"{site.page_of(notebook, theme)}{view}")
    explorer = page.locator(".crashlens").first
    explorer.locator(".cl-chart svg").first.wait_for()
    return explorer


def card(explorer: Any, title: str) -> Any:
    return explorer.locator(".cl-card", has=explorer.page.get_by_text(title, exact=True)).locator("b")


def test_filters_grids_and_findings_answer_clicks(page, site):
    explorer = explorer_of(page, site)
    explorer.locator("label.cl-value", has_text="legal").click()
    number = site.evaluate("int((calls['team'] == 'legal').sum())")
    card(explorer, "Calls").get_by_text(f"{number:,}", exact=True).wait_for()
    assert f"in {number:,} calls" in explorer.locator(".cl-chart-title").inner_text()
    assert page.url.endswith("#is.team=legal")
    explorer.get_by_role("button", name="Reset filters").click()
    card(explorer, "Calls").get_by_text(f"{site.evaluate('len(calls)'):,}", exact=True).wait_for()

    # a pattern opens its findings, a finding its calls, by mouse and by keyboard
    patterns, findings = explorer.locator("table.cl-grid").nth(0), explorer.locator("table.cl-grid").nth(1)
    patterns.locator(".cl-opens").first.click()
    explorer.locator("h3", has_text="finding").first.wait_for()
    findings.locator(".cl-opens").first.focus()
    page.keyboard.press("Enter")
    explorer.locator(".cl-calls summary").first.click()
    explorer.locator(".cl-calls pre").first.wait_for()
    trace = site.evaluate("explorer.findings._rows.frame['trace_id'].iloc[0]")
    assert explorer.locator(".cl-calls details").count() == site.evaluate(
        f"int((calls['trace_id'] == {trace!r}).sum())"
    )

    findings.get_by_role("button", name="calls").click()
    findings.locator("th[aria-sort=descending]", has_text="calls").wait_for()
    explorer.get_by_label("search patterns").fill("no such pattern")
    explorer.get_by_text("nothing found").wait_for()


def test_a_period_is_compared_and_the_address_restores_the_view(page, site):
    explorer = explorer_of(page, site, view="#period=7+days&is.team=search&open=Who%3F")
    explorer.locator(".cl-card em", has_text="%").first.wait_for()
    assert site.evaluate("str(explorer.filters.filters.labels['team'])") == "('search',)"
    explorer.locator("td.cl-change:visible").first.wait_for()
    explorer.get_by_role("tab", name="What if?").click()
    field = explorer.get_by_label("on model")
    field.fill("gpt-4o-mini")
    field.press("Enter")
    explorer.locator(".cl-card", has_text="On gpt-4o-mini").wait_for()
    page.wait_for_url(re.compile("open=What"))
    explorer.locator(".cl-target").nth(2).hover()
    explorer.locator(".cl-tip b").first.wait_for()
    explorer.get_by_role("tab", name="Export").click()
    with page.expect_download() as saved:
        explorer.get_by_role("button", name="Save", exact=True).click()
    assert saved.value.suggested_filename == "Calls.csv"
    assert saved.value.path().read_bytes() == site.evaluate("explorer.export.file()[1]")


@pytest.mark.parametrize(("page", "theme"), [(1280, "light"), (400, "dark")], indirect=["page"])
def test_it_fits_the_page_in_both_themes(page, site, theme):
    explorer = explorer_of(page, site, theme=theme)
    explorer.locator(".cl-opens").first.wait_for()

    width = page.viewport_size["width"]
    assert explorer.bounding_box()["width"] <= width
    for each in explorer.locator(
        ".cl-card, svg[role=img], .cl-scroll, .cl-choices, button:visible, input:visible"
    ).all():
        inside_a_table = each.evaluate("e => !!e.closest('table')")
        if each.is_visible() and not inside_a_table:
            box = each.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width + 1
    ink, axis = page.evaluate(
        """() => [getComputedStyle(document.querySelector('.cl-card b')).color,
                  getComputedStyle(document.querySelector('.cl-chart text')).fill]"""
    )
    light = [sum(map(float, re.findall(r"[\d.]+", color)[:3])) > 380 for color in (ink, axis)]
    assert light == [theme == "dark"] * 2


def test_nothing_that_was_logged_runs_or_is_markup(page, site):
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    explorer = explorer_of(page, site, "attack")
    title = page.title()
    findings = explorer.locator("table.cl-grid").nth(1).locator(".cl-opens")
    for place in range(min(findings.count(), 6)):
        findings.nth(place).click()
        page.wait_for_timeout(150)
    for summary in explorer.locator(".cl-calls summary").all()[:3]:
        summary.click()
    for tab in ("Who?", "Why?", "Unusual?", "Will it hold?", "Plots", "Export", "Waste"):
        explorer.get_by_role("tab", name=tab, exact=True).first.click()
        page.wait_for_timeout(150)
    for name in ("Model", "Prompt", "Response", "Trace", "Team", "Route"):
        page.locator(".crashlens").nth(1).get_by_label(name).fill(ATTACKS[0])
    page.locator(".crashlens").nth(1).get_by_role("button", name="Log", exact=True).click()
    page.locator(".crashlens").nth(1).get_by_text("logged 1 call").wait_for()

    assert page.title() == title != "XSS"
    assert alerts == []
    assert page.locator("img[src='x'], svg[onload], .crashlens script, a[href^=javascript]").count() == 0
    assert page.get_by_text("<img src=x onerror=").count() > 3
    assert page.get_by_text("<script>document.title").count() > 3
    text = page.evaluate("document.body.innerText")
    assert "\\x1b[31mred" in text
    widgets = page.evaluate("[...document.querySelectorAll('.crashlens')].map(each => each.innerText).join()")
    assert "\u202e" not in widgets
    assert "\x1b" not in widgets


def test_a_bill_is_watched(page, site):
    explorer = explorer_of(page, site, "watched")
    explorer.get_by_label("By", exact=True).select_option("customer")
    explorer.locator(".cl-key", has_text="acme").first.wait_for()
    explorer.get_by_role("tab", name="Will it hold?").click()
    explorer.locator(".cl-budget").first.wait_for()
    assert explorer.locator(".cl-budget").count() == site.evaluate("explorer.forecast.bars.value.count('cl-track')")
    explorer.get_by_role("tab", name="Plots").click()
    explorer.locator("svg[aria-label*='by customer']").wait_for()
