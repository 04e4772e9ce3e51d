"""The form logs the call in its fields, shows its cost, and shows the same as every other form of its book."""

import asyncio
import re

import pytest

import crashlens_frame as cf
from crashlens_frame.widgets.pause import Pause
from tests.support.attack import ATTACKS


def typed(form: cf.LogForm, **fields: object) -> None:
    for name, value in fields.items():
        getattr(form, name).value = value


def words(widget) -> str:
    return re.sub(r"<[^>]+>", " ", widget.value).strip()


@pytest.fixture
def book() -> cf.LogBook:
    return cf.LogBook()


def test_a_frame_is_refused_and_the_error_has_the_way_to_a_book(book):
    with pytest.raises(cf.InvalidOptionError) as error:
        cf.LogForm(book.df)
    assert str(error.value) == (
        "book is a DataFrame, expected a LogBook; make one of a frame of calls with"
        " book = cf.LogBook(); book.extend(df)"
    )


def test_a_click_logs_what_the_fields_say(book):
    form = cf.LogForm(book)
    typed(form, model="gpt-4o", prompt="Hello, world!", response="Hi there!", trace="t1", team="search", route="/chat")

    form.button.click()

    (call,) = book.df.to_dict("records")
    assert (call["trace_id"], call["model"], call["team"], call["route"]) == ("t1", "gpt-4o", "search", "/chat")
    assert (call["prompt"], call["response"], call["level"]) == ("Hello, world!", "Hi there!", "info")
    assert (call["input_tokens"], call["output_tokens"]) == (4, 3)
    assert words(form.status) == "logged 1 call in trace t1"
    assert (form.prompt.value, form.response.value, form.model.value) == ("", "", "gpt-4o")


def test_a_call_without_a_response_failed(book):
    form = cf.LogForm(book)
    typed(form, model="gpt-4o", prompt="Hello, world!")
    form.submit()

    assert book.df[["level", "output_tokens"]].iloc[0].tolist() == ["error", 0]


def test_retries_and_a_fallback_are_simulated(book):
    form = cf.LogForm(book)
    typed(form, model="gpt-4", prompt="Complex query", response="Answer", pattern="retries", retries=5, team="search")
    form.submit()
    typed(form, prompt="Another", response="Answer", pattern="fallback", retries=1, trace="t2")
    typed(form, fallback_model="gpt-4o-mini")
    form.submit()

    first, second = (calls for _, calls in book.df.groupby("trace_id", sort=False))
    assert first["level"].tolist() == ["error"] * 5 + ["info"]
    assert first["team"].unique().tolist() == ["search"]
    assert second["model"].tolist() == ["gpt-4", "gpt-4", "gpt-4o-mini"]
    assert words(form.status) == "logged 3 calls in trace t2"


def test_a_loop_without_a_response_never_succeeds(book):
    form = cf.LogForm(book)
    typed(form, model="gpt-4", prompt="Complex query", pattern="retries", retries=2)
    form.submit()

    assert book.df["level"].tolist() == ["error"] * 3
    assert book.df["response"].isna().all()


def test_an_error_of_the_book_is_shown(book, monkeypatch):
    monkeypatch.setattr(book, "log", lambda **call: 1 / 0)
    form = cf.LogForm(book)
    typed(form, model="gpt-4", prompt="Hi")
    form.button.click()

    assert words(form.status) == "division by zero"
    assert form.prompt.value == "Hi"


def test_only_the_fields_of_the_pattern_are_visible(book):
    form = cf.LogForm(book)
    seen = {}
    for pattern in form.pattern.options:
        form.pattern.value = pattern
        seen[pattern] = [form.retries.layout.display, form.fallback_model.layout.display]

    assert seen == {"one call": ["none", "none"], "retries": ["flex", "none"], "fallback": ["flex", "flex"]}


def test_tokens_and_cost_are_shown_while_a_call_is_typed(book):
    form = cf.LogForm(book)
    assert words(form.preview) == "Choose a model to see tokens and cost."

    typed(form, model="gpt-4o", prompt="Hello, world!", response="Hi there!")
    assert words(form.preview) == "4 tokens in, 3 out, $0.00004 per call"
    typed(form, model="gpt-4o", response="")
    assert words(form.preview) == "4 tokens in, 0 out, $0.00001 per call"
    typed(form, model="my-model")
    assert words(form.preview) == "unknown tokens in, 0 out, no price is known"
    assert len(book) == 0


def test_an_error_is_beside_its_field_and_disappears_when_it_is_corrected(book):
    form = cf.LogForm(book)
    form.submit()

    assert words(form.errors["model"]) == "model is empty, expected the name of a model"
    assert words(form.errors["prompt"]) == "prompt is empty, expected the text that was sent"
    assert len(book) == 0
    typed(form, model="gpt-4", prompt="Hi")
    form.submit()
    assert [each.value for each in form.errors.values()] == [""] * 2
    assert len(book) == 1


def test_a_call_that_cannot_be_saved_is_an_error_and_nothing_typed_is_lost(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    form = cf.LogForm(cf.LogBook(folder / "logs.jsonl"))
    folder.rmdir()
    typed(form, model="gpt-4", prompt="Hi")

    form.button.click()

    assert "logs.jsonl" in words(form.status)
    assert 'role="alert"' in form.status.value
    assert form.prompt.value == "Hi"


def test_a_durable_book_keeps_what_the_form_logs(tmp_path):
    path = tmp_path / "logs.jsonl"
    form = cf.LogForm(cf.LogBook(path))
    typed(form, model="gpt-4", prompt="Hi", response="Hello")
    form.submit()

    assert cf.read_jsonl(path)["prompt"].tolist() == ["Hi"]
    assert words(form.total).endswith(f"saved in {path}")


def test_two_forms_of_one_book_show_the_same_and_what_code_logs(book):
    first, other = cf.LogForm(book), cf.LogForm(book)
    typed(first, model="gpt-4", prompt="Hi", response="Hello")
    first.submit()
    book.log(model="local", prompt="x")

    assert first.total.value == other.total.value
    assert first.last.value == other.last.value
    assert words(other.total) == "2 calls, $0.00009 in total, 1 call without a known cost"


def test_the_last_ten_calls_are_shown_the_newest_first(book):
    form = cf.LogForm(book)
    for number in range(12):
        book.log(model="gpt-4", prompt=f"prompt {number}.")

    assert re.findall(r"prompt (\d+)\.", form.last.value) == [str(number) for number in range(11, 1, -1)]


def test_a_closed_form_watches_the_book_no_longer(book):
    form = cf.LogForm(book)
    form.close()
    before = form.total.value
    book.log(model="gpt-4", prompt="Hi")

    assert form.total.value == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_typed_is_text(book, attack):
    form = cf.LogForm(book)
    typed(form, model=attack, prompt=attack, response=attack, trace=attack, team=attack, route=attack)
    form.submit()

    assert book.df["prompt"].tolist() == [attack]
    for each in (form.last, form.status, form.total, form.preview, *form.errors.values()):
        assert not re.search(r"<(img|svg|script|/style)", each.value)
        assert "\x1b" not in each.value
        assert "\u202e" not in each.value


def test_a_click_waits_for_what_was_typed_before_it(book):
    async def clicked() -> None:
        form = cf.LogForm(book)
        typed(form, model="gpt-4", prompt="h")
        form.button.click()
        form.prompt.value = "hello"  # which the browser held back
        assert len(book) == 0
        await asyncio.sleep(0.5)

    asyncio.run(clicked())

    assert book.df["prompt"].tolist() == ["hello"]


def test_a_pause_works_once_after_the_last_of_many_begins():
    done = []

    async def begun() -> None:
        pause = Pause(lambda: done.append(1), seconds=0.05)
        for _ in range(5):
            pause.begin()
            await asyncio.sleep(0.01)
        assert not done
        await asyncio.sleep(0.15)
        pause.begin()
        await asyncio.sleep(0)
        pause.end()
        await asyncio.sleep(0.1)

    asyncio.run(begun())

    assert done == [1]


def test_an_error_is_removed_as_soon_as_its_field_is_mended():
    form = cf.LogForm(cf.LogBook())
    form.submit()
    assert "prompt is empty" in form.errors["prompt"].value
    form.prompt.value = "H"
    assert form.errors["prompt"].value == ""
    assert "model is empty" in form.errors["model"].value


def test_a_form_names_itself_where_it_cannot_be_drawn():
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt="Hi", response="Hello!")
    assert repr(cf.LogForm(book)) == "LogForm of a book of 1 call, which a notebook shows"
    assert repr(cf.Explorer(book.df)) == "Explorer of 1 call, which a notebook shows"
