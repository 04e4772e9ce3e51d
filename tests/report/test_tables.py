"""Tables for people fit their width, and no logged text is anything but text."""

from decimal import Decimal
from html.parser import HTMLParser

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from crashlens_frame.report.tables import (
    Table,
    count_cells,
    escape_markdown,
    money_cells,
    text_cells,
)
from crashlens_frame.words import cut, digits, money, percent, printable, quantity, terminal_width

TEXTS = st.text(max_size=30) | st.sampled_from(["gpt-4o", "模型-4", "é́", "|", "<b>", "a\tb", "\x1b[31m", "\u202egpt"])


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0.0, "$0.00"),
        (-0.0, "$0.00"),
        (1.0, "$1.00"),
        (0.999999, "$1.00"),
        (0.9994, "$0.999"),
        (1234567.891, "$1,234,567.89"),
        (0.1, "$0.10"),
        (0.123, "$0.123"),
        (0.00004, "$0.00004"),
        (0.000162, "$0.000162"),
        (0.00016249, "$0.000162"),
        (0.0000999999, "$0.0001"),
        (1.5e-7, "$0.00000015"),
        (2.5e-10, "$2.50e-10"),
        (-3.5, "-$3.50"),
        (-0.012, "-$0.012"),
        (np.float64(0.5), "$0.50"),
        (float("nan"), "unknown"),
        (None, "unknown"),
        (pd.NA, "unknown"),
    ],
)
def test_money_shows_cents_or_three_digits(dollars, text):
    assert money(dollars) == text


@given(st.floats(1e-8, 1e9))
def test_money_is_never_off_by_more_than_its_last_digit(dollars):
    read = Decimal(money(dollars).replace("$", "").replace(",", ""))

    error = abs(read - Decimal(dollars))
    assert error <= (Decimal("0.005") if dollars >= 1 else Decimal(dollars) * Decimal("0.005"))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1,000"),
        (1234.5678, "1,235"),
        (2**62, "4,611,686,018,427,387,904"),
        (None, "unknown"),
    ],
)
def test_count_groups_thousands(number, text):
    assert digits(number) == text


def test_only_one_thing_stands_in_the_singular():
    assert [quantity(number, "call") for number in (0, 1, 2, 1000)] == ["0 calls", "1 call", "2 calls", "1,000 calls"]


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 10, "0.0 %"),
        (10, 10, "100.0 %"),
        (0.004, 10, "<0.1 %"),
        (0.005, 10, "0.1 %"),
        (9.994, 10, "99.9 %"),
        (9.999, 10, ">99.9 %"),
        (20, 10, "200.0 %"),
        (1, 0, "0.0 %"),
        (None, 10, "unknown"),
        (1, float("nan"), "unknown"),
    ],
)
def test_a_share_is_nothing_or_all_only_if_it_is(part, whole, text):
    assert percent(part, whole) == text


def test_what_would_not_print_is_shown_as_its_escape():
    assert printable("naïve 模型") == "naïve 模型"
    assert printable("\x1b]0;title\x07\r\n\u202e\u2066\ud800") == "\\x1b]0;title\\x07\\r\\n\\u202e\\u2066\\ud800"


@given(TEXTS)
def test_what_is_shown_can_be_printed(text):
    assert printable(text).isprintable()


@given(TEXTS, st.integers(1, 40))
def test_a_cut_text_fits_and_loses_no_more_than_it_must(text, width):
    text = printable(text)
    short = cut(text, width)

    assert terminal_width(short) <= width
    if short != text:
        assert short[-1] == "…"
        assert text.startswith(short[:-1])
        assert terminal_width(text) > width
        # the next character would not have fitted beside the ellipsis
        assert terminal_width(text[: len(short)]) > width - 1


def table(rows=3):
    return Table(
        {
            "model": text_cells(["claude-sonnet-4-5-20250929", "模型", None][:rows]),
            "calls": count_cells([1200, 3, 45][:rows]),
            "prompt": text_cells(["Complex query\nin two lines", "", "x" * 300][:rows]),
            "cost": money_cells([12.5, 0.00042, float("nan")][:rows]),
        },
        note="and 2 more",
    )


def test_a_table_gives_its_texts_the_room_there_is():
    assert table(2).to_text(80).splitlines() == [
        "model                       calls  prompt                            cost",
        r"claude-sonnet-4-5-20250929  1,200  Complex query\nin two lines  $12.50",
        "模型                            3                                $0.00042",
        "and 2 more",
    ]


def test_a_narrow_table_cuts_the_longest_texts_first_and_keeps_the_decimal_points_in_line():
    assert table().to_text(60).splitlines() == [
        "model                 calls  prompt                     cost",
        r"claude-sonnet-4-5-2…  1,200  Complex query\nin t…  $12.50",
        "模型                      3                         $0.00042",
        "unknown                  45  xxxxxxxxxxxxxxxxxxx…    unknown",
        "and 2 more",
    ]


def test_a_table_too_narrow_for_its_texts_leaves_out_columns_at_the_right_end():
    assert table(2).to_text(24).splitlines() == [
        "model    calls  prompt",
        "claude…  1,200  Complex…",
        "模型         3",
        "and 2 more",
    ]
    assert table(2).to_text(6).splitlines() == ["model", "claud…", "模型", "and 2…"]


def test_a_table_without_rows_is_its_header():
    assert table(0).to_text().splitlines() == ["model  calls  prompt  cost", "and 2 more"]
    assert table(0).to_markdown().splitlines()[:2] == [
        "| model | calls | prompt | cost |",
        "| :--- | ---: | :--- | ---: |",
    ]


@settings(max_examples=200)
@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 10**7), st.floats(0, 10)), min_size=1, max_size=4),
    st.integers(24, 90),
)
def test_every_line_fits_and_stays_one_line(rows, width):
    first, second, numbers, amounts = zip(*rows, strict=True)
    cells = {"a": text_cells(first), "n": count_cells(numbers), "b": text_cells(second), "$": money_cells(amounts)}

    lines = Table(cells).to_text(width).split("\n")

    assert len(lines) == 1 + len(rows)
    assert max(map(terminal_width, lines)) <= width
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("gpt-4o_mini 3.5", "gpt-4o_mini 3.5"),
        ("_gpt_", r"\_gpt\_"),
        ("*b* `c` [l](u) ~s~ #h", r"\*b\* \`c\` \[l\](u) \~s\~ \#h"),
        ("a|b", r"a\|b"),
        ("a\\|b", r"a\\\|b"),
        ("$1 to $2", r"\$1 to \$2"),
        ("<img src=x> & &amp;", "&lt;img src=x&gt; &amp; &amp;amp;"),
        ("https://x.example", "https:&#47;/x.example"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text, written):
    assert escape_markdown(text) == written


def test_a_markdown_table_keeps_each_cell_in_its_row():
    rows = Table(
        {"model": text_cells(["a|b\nc", "`d`"]), "calls": count_cells([1, 20])}, note="and *2* more"
    ).to_markdown()

    assert rows.splitlines() == [
        "| model | calls |",
        "| :--- | ---: |",
        r"| a\|b\\nc | 1 |",
        r"| \`d\` | 20 |",
        "",
        r"and \*2\* more",
    ]


class Elements(HTMLParser):
    """The elements and the texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_an_html_table_holds_logged_text_as_text(texts):
    page = Elements(Table({"<model>": text_cells(texts)}, note="<i>").to_html())

    assert page.tags == ["table", "thead", "tr", "th", "tbody", *["tr", "td"] * len(texts), "p"]
    assert "".join(page.texts) == "".join(["<model>", *map(printable, texts), "<i>"])
