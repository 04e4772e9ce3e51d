"""The form in a real browser: what is typed is what is logged, by mouse and by keyboard."""

from typing import Any


def form_of(page: Any, site: Any) -> Any:
    page.goto(site.page_of("form"))
    form = page.locator(".crashlens").first
    form.get_by_text("Choose a model").wait_for()
    return form


def test_what_is_typed_becomes_a_frame_and_both_forms_show_it(page, site):
    form = form_of(page, site)
    form.get_by_label("Model").fill("gpt-4o")
    form.get_by_label("Prompt").fill("Hello, world!")
    form.get_by_label("Response").fill("Hi there!")
    form.get_by_label("Team").fill("search")
    form.get_by_text("4 tokens in, 3 out, $0.00004 per call").wait_for()

    form.get_by_role("button", name="Log", exact=True).click()

    form.get_by_text("logged 1 call in trace").wait_for()
    expected = [["gpt-4o", "Hello, world!", "Hi there!", "search", 4, 3, 0.00004]]
    columns = ["model", "prompt", "response", "team", "input_tokens", "output_tokens", "cost"]
    assert site.evaluate(f"book.df[{columns}].values.tolist()") == expected
    other = page.locator(".crashlens").nth(1)
    other.get_by_text("1 call, $0.00004 in total").wait_for()
    other.locator("td", has_text="Hello, world!").wait_for()


def test_a_click_right_after_typing_logs_all_that_was_typed(page, site):
    form = form_of(page, site)
    form.get_by_label("Model").fill("gpt-4o")
    for number in range(4):
        form.get_by_label("Prompt").click()
        page.keyboard.type(f"typed in one go, then clicked at once, {number}.")
        form.get_by_role("button", name="Log", exact=True).click()
        form.locator("td", has_text=f"at once, {number}.").wait_for()

    assert site.evaluate("book.df['prompt'].str[-4:].tolist()") == [f", {number}." for number in range(4)]


def test_the_keyboard_is_enough(page, site):
    form_of(page, site)
    page.keyboard.press("Tab")
    for text in ("gpt-4", "trace 1", "legal", "/chat", "What is due?", "Nothing."):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    for _ in range(8):  # on to the pattern, whichever stops lie between
        if page.evaluate("document.activeElement.innerText") == "retries":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".slider-container:visible").first.wait_for()
    for _ in range(3):
        if page.evaluate("document.activeElement.getAttribute('role')") == "slider":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    for _ in range(4):
        if page.evaluate("document.activeElement.innerText") == "Log":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.get_by_text("logged 5 calls in trace trace 1").wait_for()
    last = "book.df[['model', 'team', 'route', 'retry_count']].astype(str).iloc[-1].tolist()"
    assert site.evaluate(last) == ["gpt-4", "legal", "/chat", "4"]


def test_an_empty_field_is_told_beside_it(page, site):
    form = form_of(page, site)
    form.get_by_role("button", name="Log", exact=True).click()

    alert = form.get_by_role("alert").filter(has_text="prompt is empty")
    alert.wait_for()
    field = form.get_by_label("Prompt").bounding_box()
    assert 0 <= alert.bounding_box()["y"] - (field["y"] + field["height"]) < 30
    assert site.evaluate("len(book)") == 0
