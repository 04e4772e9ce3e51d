"""The Explorer in a real browser: each click is answered, nothing runs that was logged, and it looks as it should."""

import re
from typing import Any

import pytest

from tests.support.attack import ATTACKS


def explorer_of(page: Any, site: Any, notebook: str = "explorer", theme: str = "light") -> Any:
    page.goto(site.page_of(notebook, theme))
    explorer = page.locator(".crashlens").first
    explorer.locator(".cl-picture svg").first.wait_for()
    return explorer


def card(explorer: Any, title: str) -> str:
    return explorer.locator(".cl-card", has=explorer.page.get_by_text(title, exact=True)).locator("b").inner_text()


def test_a_filter_goes_to_the_cards_the_plot_and_the_table(page, site):
    explorer = explorer_of(page, site)
    explorer.get_by_label("Team").select_option("legal")

    number = site.evaluate("int((calls['team'] == 'legal').sum())")
    explorer.locator(".cl-card b", has_text=re.compile(rf"^{number:,}$")).wait_for()
    says = explorer.locator("svg[role=img]").first.get_attribute("aria-label")
    assert f"in {number:,} calls" in says
    legal = site.evaluate("calls.loc[calls['team'] == 'legal', 'trace_id'].unique().tolist()")
    shown = explorer.locator(".cl-line button:visible").all_inner_texts()
    assert shown
    assert all(any(trace.startswith(text.rstrip("…")) for trace in legal) for text in shown)
    explorer.get_by_role("button", name="Reset filters").click()
    explorer.locator(".cl-card b", has_text=re.compile(f"^{site.evaluate('len(calls)'):,}$")).wait_for()


def test_a_finding_opens_its_timeline_and_its_calls(page, site):
    explorer = explorer_of(page, site)
    button = explorer.locator(".cl-line button").nth(2)
    trace = button.inner_text().rstrip("…")
    button.click()

    timeline = explorer.locator(f"svg[aria-label^='{trace}']")
    timeline.wait_for()
    number = site.evaluate(f"int(calls['trace_id'].str.startswith('{trace}').sum())")
    assert f"{number} calls" in timeline.get_attribute("aria-label")
    assert explorer.locator(".cl-rows tbody tr").count() == number


def test_what_if_tells_the_new_cost(page, site):
    explorer = explorer_of(page, site)
    explorer.get_by_text("What if: the same tokens on another model").click()
    field = explorer.get_by_label("on model")
    field.fill("gpt-4o-mini")
    field.press("Enter")
    explorer.locator(".cl-card", has_text="On gpt-4o-mini").wait_for()

    after = site.evaluate(
        "float(explorer.view.reprice(explorer.what_if.model.value, 'gpt-4o-mini')['cost_after'].sum())"
    )
    assert float(card(explorer, "On gpt-4o-mini").lstrip("$")) == pytest.approx(after, rel=0.01)


def test_thresholds_find_anew(page, site):
    explorer = explorer_of(page, site)
    before = card(explorer, "Waste")
    explorer.get_by_text("Thresholds of the detectors").click()
    explorer.get_by_label("Min calls").first.fill("9")
    explorer.get_by_role("button", name="Find again").click()
    explorer.get_by_text("searched again").wait_for()

    assert card(explorer, "Waste") != before


def test_the_keyboard_opens_a_finding(page, site):
    explorer = explorer_of(page, site)
    explorer.get_by_role("button", name="Reset filters").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('.cl-line')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    page.keyboard.press("Enter")

    explorer.get_by_text("seconds since the start of the trace").or_(explorer.locator(".cl-chosen")).first.wait_for()
    assert outline == "solid"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", [1280, 800], indirect=True)
def test_it_fits_the_page_in_both_themes(page, site, theme):
    explorer = explorer_of(page, site, theme=theme)
    explorer.locator(".cl-line button").first.click()
    explorer.locator("table tbody tr").first.wait_for()

    width = page.viewport_size["width"]
    assert explorer.bounding_box()["width"] <= width
    for each in explorer.locator(".cl-card, .cl-finding, svg[role=img], .cl-scroll, button, input, select").all():
        if each.is_visible():
            box = each.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width + 1
    ink, plot = page.evaluate(
        """() => [getComputedStyle(document.querySelector('.cl-card b')).color,
                  getComputedStyle(document.querySelector('.cl-picture svg')).color]"""
    )
    light = [sum(map(float, re.findall(r"[\d.]+", color)[:3])) > 380 for color in (ink, plot)]
    assert light == [theme == "dark"] * 2


def test_nothing_that_was_logged_runs_or_is_markup(page, site):
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    explorer = explorer_of(page, site, "attack")
    title = page.title()
    for place in range(8):
        explorer.locator(".cl-line button").nth(place).click()
        page.wait_for_timeout(150)
    for tab in ("Waste", "Latency", "Tokens", "Week", "Cost"):
        explorer.get_by_role("tab", name=tab).click()
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
    assert explorer.locator(".cl-budget").count() == site.evaluate("explorer.budgets[0].value.count('cl-track')")
    explorer.get_by_label("Group by").select_option("customer")
    explorer.locator("td", has_text="acme").first.wait_for()
    explorer.get_by_role("tab", name="Unusual").click()
    explorer.locator("svg[aria-label*='by customer']").wait_for()
