"""The table of meters: what it must hold, and that a new meter is one row of it."""

import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import crashlens_frame as cf
from crashlens_frame.pricing import public_lists
from crashlens_frame.pricing.price_file import METERS, Meter

NAMES = [meter.name for meter in METERS]


@pytest.mark.parametrize("meter", METERS, ids=NAMES)
def test_a_meter_refers_to_meters_above_it(meter: Meter) -> None:
    above = NAMES[: NAMES.index(meter.name)]
    assert {meter.part_of, meter.same_rate_as} <= {None, *above}


def test_the_public_price_lists_have_rates_of_known_meters() -> None:
    assert {*public_lists._GENAI_RATES, *public_lists._LITELLM_RATES} <= {*NAMES}


def test_the_cost_of_one_call_takes_a_number_for_each_meter() -> None:
    assert {meter.column for meter in METERS if meter.column} <= set(inspect.signature(cf.PriceBook.cost).parameters)


PROGRAM = """
import pandas as pd
import crashlens_frame as cf

rates = {"input_price_per_1m": 1, "output_price_per_1m": 2}
prices = {"pricing": {"with": {**rates, "video_input_price_per_1m": 7}, "without": rates}}
calls = pd.DataFrame({"model": ["with", "without"], "input_tokens": 10, "output_tokens": 10, "video_input_tokens": 4})
print(cf.add_cost(calls, prices, explain=True)[["cost", "video_input_price_per_1m"]].to_numpy().tolist())
print(cf.PriceBook.load(prices).to_frame()["video_input"].tolist())
cf.PriceBook.load(prices).dump("prices.yaml")
print(cf.PriceBook.load("prices.yaml") == cf.PriceBook.load(prices))
"""


def test_a_new_meter_is_one_row_beside_its_column(tmp_path: Path) -> None:
    package = tmp_path / "crashlens_frame"
    shutil.copytree(Path(cf.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    table = package / "pricing" / "price_file" / "meters.py"
    row = '    Meter("video_input", "video_input_tokens", part_of="input", same_rate_as="input"),\n)\n'
    column = '    Column("video_input_tokens", COUNT, "Int64", "part of input_tokens that is video"),\n'
    schema = package / "schema.py"
    places = schema.read_text(encoding="utf-8").split('    Column("web_searches"')
    assert len(places) == 2
    schema.write_text(f'{column}    Column("web_searches"'.join(places), encoding="utf-8")
    text = table.read_text(encoding="utf-8")
    assert text.endswith("\n)\n")
    table.write_text(text.removesuffix(")\n") + row, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    with_rate, without = (6 * 1 + 4 * 7 + 10 * 2) / 1e6, (10 * 1 + 10 * 2) / 1e6
    assert done.stdout == f"[[{with_rate}, 7.0], [{without}, 1.0]]\n[7.0, 1.0]\nTrue\n"
