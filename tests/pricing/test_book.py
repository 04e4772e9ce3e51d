"""Price files: every form, every mistake, and the known answers."""

import time
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crashlens_frame as cf

DEFAULT = cf.PriceBook.default()
PLAIN = {"input_price_per_1m": 1, "output_price_per_1m": 2}


def book(text: str, folder: Path) -> cf.PriceBook:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return cf.PriceBook.load(path)


@pytest.mark.parametrize(
    ("call", "dollars"),
    [
        ({"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 500}, 0.0075),
        ({"model": "gpt-4o", "input_tokens": 1000, "cached_input_tokens": 640, "output_tokens": 500}, 0.0067),
        (
            {
                "model": "claude-sonnet-4-5", "input_tokens": 1205, "cached_input_tokens": 1000,
                "cache_write_tokens": 200, "output_tokens": 20,
            },
            0.001365,
        ),
        ({"model": "gemini-2.5-pro", "input_tokens": 200_000, "output_tokens": 1000}, 0.26),
        ({"model": "gemini-2.5-pro", "input_tokens": 200_001, "output_tokens": 1000}, 0.5150025),
        ({"model": "o3", "input_tokens": 1_000_000, "output_tokens": 100_000, "at": "2025-06-09"}, 14.0),
        ({"model": "o3", "input_tokens": 1_000_000, "output_tokens": 100_000, "at": "2025-06-10"}, 2.8),
        ({"model": "gpt-5", "input_tokens": 1000, "output_tokens": 1000, "service_tier": "batch"}, 0.005625),
        ({"model": "gpt-5", "input_tokens": 1000, "output_tokens": 1000, "service_tier": "priority"}, 0.0225),
        ({"model": "gpt-5", "input_tokens": 1000, "output_tokens": 1000, "service_tier": "standard"}, 0.01125),
        ({"model": "gpt-4", "input_tokens": 3, "output_tokens": 3}, 0.00027),
    ],
)  # fmt: skip
def test_known_answers(call: dict[str, Any], dollars: float) -> None:
    assert DEFAULT.cost(**{"at": "2026-11-23", **call}) == pytest.approx(dollars, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "pricing:\n  gpt-4:\n    input_price_per_1k: 0.03\n    output_price_per_1k: 0.06\n",
        "pricing: {gpt-4: {input_price_per_1m: 30, output_price_per_1k: 0.06}}",
        "pricing: {gpt-4: {input_rate_per_1m: 30, output_rate_per_1m: 60}}",
        "models: {gpt-4: {input_cost_per_1k: 0.03, output_cost_per_1m: 60, description: x}}\nthresholds: {any: 3}",
        "schema_version: 1\ncurrency: USD\npricing:\n  gpt-4:\n    prices: [{input_price_per_1m: 3e1, "
        "output_price_per_1m: 60.0}]\n",
        "\ufeffpricing:\r\n  gpt-4: {input_price_per_1m: 30, output_price_per_1m: 60}\r\n",
    ],
)
def test_every_form_has_the_same_prices(text: str, tmp_path: Path) -> None:
    rates = {"input_price_per_1m": 30, "output_price_per_1m": 60}
    expected = cf.PriceBook.load({"pricing": {"gpt-4": rates}})
    assert book(text, tmp_path).to_frame().equals(expected.to_frame())


def test_the_starter_file_that_the_command_line_writes_is_a_price_file() -> None:
    path = Path(cf.__file__).parent / "pricing" / "starter_prices.yaml"
    assert cf.PriceBook.load(path).cheaper_alternative("gpt-4") == "gpt-4o-mini"


FULL = """
pricing:
  dated:
    aliases: [old-name]
    prices:
      - {from: 2025-01-01, input_price_per_1m: 8, output_price_per_1m: 16}
      - {from: 2025-06-01, input_price_per_1m: 4, output_price_per_1m: 8, cached_input_price_per_1m: 1}
  daily:
    prices:
      - {input_price_per_1m: 1, output_price_per_1m: 1}
      - {between: 16:30-00:30, input_price_per_1m: 3, output_price_per_1m: 3}
      - {between: 09:00-17:00, input_price_per_1m: 2, output_price_per_1m: 2}
  tiered:
    input_price_per_1m: 1
    output_price_per_1m: 10
    cached_input_price_per_1m: 0.5
    cache_write_price_per_1m: 2
    cache_write_1h_price_per_1m: 4
    tiers:
      - {above: 100, input_price_per_1m: 2, output_price_per_1m: 20}
      - {above: 1000, input_price_per_1m: 3}
    variants:
      batch: {input_price_per_1m: 0.5, tiers: [{above: 500, input_price_per_1m: 0.25}]}
"""


@pytest.mark.parametrize(
    ("call", "millionths"),
    [
        ({"model": "dated", "at": "2025-01-01", "input_tokens": 10, "output_tokens": 10}, 240),
        ({"model": "old-name", "at": "2025-05-31T23:59:59.999999", "input_tokens": 10, "output_tokens": 10}, 240),
        ({"model": "dated", "at": "2025-06-01", "input_tokens": 10, "output_tokens": 10}, 120),
        ({"model": "dated", "at": "2025-06-01T01:00+02:00", "input_tokens": 10, "output_tokens": 10}, 240),
        ({"model": "dated", "at": None, "input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 10}, 108),
        ({"model": "daily", "at": "2026-01-01T08:59:59", "input_tokens": 5, "output_tokens": 5}, 10),
        ({"model": "daily", "at": "2026-01-01T09:00", "input_tokens": 5, "output_tokens": 5}, 20),
        ({"model": "daily", "at": "2026-01-01T16:59", "input_tokens": 5, "output_tokens": 5}, 20),
        ({"model": "daily", "at": "2026-01-01T17:00", "input_tokens": 5, "output_tokens": 5}, 30),
        ({"model": "daily", "at": "2026-01-01T00:29:59", "input_tokens": 5, "output_tokens": 5}, 30),
        ({"model": "daily", "at": "2026-01-01T00:30", "input_tokens": 5, "output_tokens": 5}, 10),
        ({"model": "tiered", "input_tokens": 100, "output_tokens": 1}, 110),
        ({"model": "tiered", "input_tokens": 101, "output_tokens": 1}, 222),
        ({"model": "tiered", "input_tokens": 1000, "output_tokens": 1}, 2020),
        # a tier that leaves a rate out leaves it as it was below
        ({"model": "tiered", "input_tokens": 1001, "output_tokens": 1}, 3023),
        ({"model": "tiered", "input_tokens": 50, "cached_input_tokens": 20, "output_tokens": 0}, 40),
        ({"model": "tiered", "input_tokens": 50, "cache_write_tokens": 20, "output_tokens": 0}, 70),
        (
            {
                "model": "tiered", "input_tokens": 50, "cache_write_tokens": 20, "cache_write_1h_tokens": 5,
                "output_tokens": 0,
            },
            80,
        ),
        # a variant has steps of its own for the rates that it gives, and the base's for the others
        ({"model": "tiered", "service_tier": "batch", "input_tokens": 500, "output_tokens": 1}, 270),
        ({"model": "tiered", "service_tier": "Batch", "input_tokens": 600, "output_tokens": 1}, 170),
        ({"model": "tiered", "service_tier": "flex", "input_tokens": 100, "output_tokens": 1}, 110),
    ],
)  # fmt: skip
def test_dates_hours_tiers_and_variants(call: dict[str, Any], millionths: float, tmp_path: Path) -> None:
    assert book(FULL, tmp_path).cost(**call) * 1e6 == pytest.approx(millionths)


def test_a_price_waits_for_its_day(tmp_path: Path) -> None:
    with pytest.raises(cf.UnknownModelError) as caught:
        book(FULL, tmp_path).cost(model="old-name", input_tokens=1, output_tokens=1, at="2024-12-31")
    assert str(caught.value) == "no price of dated is known for 2024-12-31: its first price begins later"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ': is empty, expected a mapping with the key "pricing"'),
        ("- 1\n- 2\n", ":1: the file is a list, expected a mapping"),
        ("pricing: [", ":2: is not YAML: did not find expected node content"),
        ("prices: {}\n", ":1: prices is an unknown key, expected one of schema_version, currency, source, checked,"
         " pricing, models, service_tiers, regions, discounts, thresholds, waste_calculation, cost_calculation"),
        ("source: x\n", ':1: the file needs one of the keys "pricing" and "models", and not both'),
        ("pricing: {}\nschema_version: 2\n", ":2: schema_version is not 1, the only version there is"),
        ("currency: EUR\npricing: {}\n", ":1: currency is not USD; convert the prices to US dollars"),
        ("checked: soon\npricing: {}\n", ':1: checked is "soon", expected a day such as 2026-11-23'),
        ("pricing: gpt-4\n", ':1: pricing is "gpt-4", expected a mapping'),
        ("pricing:\n  m:\n", ":2: pricing.m is null, expected a mapping"),
        ("pricing:\n  m: {input_price_per_1m: 1}\n", ":2: pricing.m has no output_price_per_1m"),
        ("pricing:\n  m:\n    input_price_per_1m: -1\n    output_price_per_1m: 1\n",
         ":3: pricing.m.input_price_per_1m is -1, expected a number from 0 on"),
        ("pricing:\n  m:\n    output_price_per_1m: 1\n    input_price_per_1m: .inf\n",
         ':4: pricing.m.input_price_per_1m is ".inf", expected a number from 0 on'),
        ("pricing:\n  m: {input_price_per_1m: '1', output_price_per_1m: 1}\n",
         ':2: pricing.m.input_price_per_1m is "1", expected a number from 0 on'),
        ("pricing:\n  m: {input_price_per_1m: 1, output_price_per_1m: yes}\n",
         ':2: pricing.m.output_price_per_1m is "yes", expected a number from 0 on'),
        ("pricing:\n  m:\n    input_price_per_1m: 1\n    output_price_per_1m: 1\n    input_price_per_1k: 1\n",
         ":5: pricing.m.input_price_per_1k is a second price of input; delete one of them"),
        ("pricing:\n  m: {input_price_per_1m: 1, output_price_per_1m: 1}\n  m: {}\n",
         ":3: pricing.m is there twice; delete one of them"),
        ("pricing:\n  m:\n    input: 3\n    output: 4\n",
         ":3: pricing.m.input is an unknown key, expected one of input_price_per_1m, output_price_per_1m,"
         " cached_input_price_per_1m, cache_write_price_per_1m, cache_write_1h_price_per_1m, audio_input_price_per_1m,"
         " reasoning_price_per_1m, audio_output_price_per_1m, web_search_price_per_1k, request_price_per_1k, from,"
         " between, days, tiers, variants"),
        ("pricing:\n  m:\n    prices: []\n", ":3: pricing.m.prices is empty, expected at least one price"),
        ("pricing:\n  m:\n    prices: [{input_price_per_1m: 1, output_price_per_1m: 1}]\n    tiers: []\n",
         ':4: pricing.m.tiers is beside the key "prices"; move it into an item of "prices"'),
        ("pricing:\n  m:\n    prices:\n      - {from: 2025-02-30, input_price_per_1m: 1, output_price_per_1m: 1}\n",
         ':4: pricing.m.prices[0].from is "2025-02-30", expected a day such as 2026-11-23'),
        ("pricing:\n  m:\n    prices:\n      - {from: 2025-02-03, input_price_per_1m: 1, output_price_per_1m: 1}\n"
         "      - {from: 2025-02-03, input_price_per_1m: 1, output_price_per_1m: 1}\n",
         ":4: pricing.m.prices is not sorted by its from dates, oldest first"),
        ("pricing:\n  m: {between: 9-17, input_price_per_1m: 1, output_price_per_1m: 1}\n",
         ':2: pricing.m.between is "9-17", expected times of the day in UTC such as 01:00-04:00'),
        ("pricing:\n  m:\n    input_price_per_1m: 1\n    output_price_per_1m: 1\n    tiers: [{input_price_per_1m: 2}]",
         ":5: pricing.m.tiers[0] has no above, the number of input tokens above which its prices hold"),
        ("pricing:\n  m:\n    input_price_per_1m: 1\n    output_price_per_1m: 1\n    tiers:\n"
         "    - {above: 9, input_price_per_1m: 2}\n    - {above: 9, input_price_per_1m: 3}\n",
         ":7: pricing.m.tiers[1].above is 9, expected a whole number above 9"),
        ("pricing:\n  m:\n    input_price_per_1m: 1\n    output_price_per_1m: 1\n"
         "    tiers: [{above: 9, cached_input_price_per_1m: 2}]\n",
         ":5: pricing.m.tiers[0] has a price of cached_input, which has no price below the tier"),
        ("pricing:\n  m: {aliases: n, input_price_per_1m: 1, output_price_per_1m: 1}\n",
         ':2: pricing.m.aliases is "n", expected a list'),
        ("pricing:\n  m: {aliases: [n], input_price_per_1m: 1, output_price_per_1m: 1}\n"
         "  n: {input_price_per_1m: 1, output_price_per_1m: 1}\n",
         ":2: m has the alias 'n', which is also a name of 'n'"),
        ("pricing:\n  m: {cheaper_alternative: n, input_price_per_1m: 1, output_price_per_1m: 1}\n",
         ":2: m has the cheaper_alternative 'n', which is no model of the file"),
    ],
)  # fmt: skip
def test_the_error_for_a_broken_file_names_place_problem_and_remedy(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(cf.PriceFileError) as caught:
        book(text, tmp_path)
    assert str(caught.value) == f"{tmp_path / 'prices.yaml'}{message}"


def test_a_file_that_is_not_there_and_one_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(cf.PriceFileError) as caught:
        cf.PriceBook.load(tmp_path / "none.yaml")
    assert str(caught.value) == f"{tmp_path / 'none.yaml'}: cannot be read (No such file or directory); check the path"
    (tmp_path / "latin.yaml").write_bytes(b"pricing: {caf\xe9: {}}")
    with pytest.raises(cf.PriceFileError) as caught:
        cf.PriceBook.load(str(tmp_path / "latin.yaml"))
    assert str(caught.value) == f"{tmp_path / 'latin.yaml'}: is not UTF-8 text at byte 13; save it as UTF-8"


def test_a_mapping_has_no_lines() -> None:
    with pytest.raises(cf.PriceFileError) as caught:
        cf.PriceBook.load({"pricing": {"m": {**PLAIN, "tiers": [{"above": 0}]}}})
    assert str(caught.value) == "mapping: pricing.m.tiers[0].above is 0, expected a whole number above 0"
    with pytest.raises(cf.PriceFileError, match=r"^mapping: .*; expected text, numbers, dates, lists and mappings$"):
        cf.PriceBook.load({"pricing": {"m": {**PLAIN, "provider": object()}}})


def test_a_thousandth_of_a_price_is_not_rounded() -> None:
    per_1k = cf.PriceBook.load({"pricing": {"m": {"input_price_per_1k": 0.00015, "output_price_per_1k": 0.0006}}})
    assert per_1k.to_frame().loc[0, ["input", "output"]].tolist() == [0.15, 0.6]


def test_the_shipped_file_is_equal_to_its_dump(tmp_path: Path) -> None:
    DEFAULT.dump(tmp_path / "again.yaml")
    shipped = Path(cf.__file__).parent / "pricing" / "prices.yaml"
    assert (tmp_path / "again.yaml").read_text(encoding="utf-8") == shipped.read_text(encoding="utf-8")
    assert cf.PriceBook.load(tmp_path / "again.yaml") == DEFAULT


def test_a_dump_keeps_everything(tmp_path: Path) -> None:
    full = book(FULL, tmp_path)
    full.dump(tmp_path / "again.yaml")
    assert cf.PriceBook.load(tmp_path / "again.yaml") == full


def test_merge_puts_the_others_prices_over_ours() -> None:
    ours = cf.PriceBook.load({"source": "a", "pricing": {"m": {**PLAIN, "aliases": ["n", "o"]}, "p": PLAIN}})
    own = {**PLAIN, "input_price_per_1m": 9, "cheaper_alternative": "p"}
    merged = ours.merge({"source": "b", "checked": date(2026, 1, 2), "pricing": {"n": own}})
    assert (merged.source, merged.checked, merged.models) == ("a and b", date(2026, 1, 2), ("m", "p", "n"))
    assert [merged.cost(model=name, input_tokens=1, output_tokens=0) for name in "mno"] == [1e-6, 9e-6, 1e-6]
    assert merged.cheaper_alternative("n") == "p"
    assert ours.merge(ours) == cf.PriceBook(ours.entries, "a and a", None)


def test_a_book_is_frozen_and_has_a_short_repr() -> None:
    with pytest.raises(FrozenInstanceError):
        DEFAULT.source = "mine"  # type: ignore[misc]
    small = cf.PriceBook.load({"pricing": {"m": PLAIN}})
    assert repr(small) == "PriceBook(1 models)"
    assert repr(DEFAULT) == f"PriceBook({len(DEFAULT.models)} models, source genai-prices 0.2.3, checked 2026-11-27)"
    html = small._repr_html_()
    assert "<td>m</td>" in html
    assert "US dollars per million tokens" in html


def test_the_frame_lists_dates_hours_tiers_and_variants(tmp_path: Path) -> None:
    frame = book(FULL, tmp_path).to_frame()
    assert frame[["model", "variant", "hours", "above"]].astype("str").fillna("-").to_numpy().tolist() == [
        ["dated", "-", "-", "0"],
        ["dated", "-", "-", "0"],
        ["daily", "-", "-", "0"],
        ["daily", "-", "16:30-00:30", "0"],
        ["daily", "-", "09:00-17:00", "0"],
        ["tiered", "-", "-", "0"],
        ["tiered", "-", "-", "100"],
        ["tiered", "-", "-", "1000"],
        ["tiered", "batch", "-", "0"],
        ["tiered", "batch", "-", "100"],
        ["tiered", "batch", "-", "500"],
    ]
    assert frame["from"].tolist()[:3] == [
        pd.Timestamp("2025-01-01", tz="UTC"),
        pd.Timestamp("2025-06-01", tz="UTC"),
        pd.NaT,
    ]
    assert frame.loc[10, ["input", "output", "cached_input"]].tolist() == [0.25, 20.0, 0.5]


@pytest.mark.parametrize(("load", "error"), [(cf.PriceBook.load, cf.PriceFileError), (cf.Budgets.load, None)])
def test_a_file_that_would_take_long_is_refused_by_its_size(load: Any, error: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"# a comment\n" * 350_000)
    start = time.perf_counter()
    with pytest.raises(error or cf.BudgetFileError) as caught:
        load(path)
    assert str(caught.value) == f"{path}: has more than 4 MB, which take too long; keep what is used"
    with pytest.raises(error or cf.BudgetFileError, match="has more than 4 MB"):
        load("/dev/zero")
    assert time.perf_counter() - start < 2
