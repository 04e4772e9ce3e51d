"""Lines of every format with bytes or values changed at random, and what has to hold for a log of them."""

import io
import json
import random
import tempfile
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

import crashlens_frame as cf
from tests.support.damaged_records import JUNK, spoiled
from tests.support.vendor_logs import TELLERS, Call

FOLDER = Path(__file__).parent / "corpus"
BATCH = 1250  # mutants of a log
UNTOUCHED = 8  # lines of a log that nothing is done to
VALUES = [
    *JUNK, -0.0, 1e300, -(2**63), 2**63 - 1, 2**53 + 1, "\ud800", "_x", "$\\frac{$", "\x1b]0;x\x07", "x" * 3000, "null",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "23:59:60Z", "NaN", "1e999", {"": {"": ""}}, [[[]]], "=1+1",
]  # fmt: skip


@cache
def _line(teller: Callable[[Call], Any], number: int, text: str) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = teller(Call(number=number, prompt=text, response=text, trace_id=f"{number:032x}"))
    line: dict[str, Any] = told.line
    return line


def mutant(line: dict[str, Any], chance: random.Random) -> bytes:
    """Return a line with one to four values dropped or replaced, or with bytes changed."""
    if chance.random() < 0.6:
        return json.dumps(spoiled(line, chance, most=4, values=VALUES, dropped=0.4)).encode()
    data = bytearray(json.dumps(line).encode())
    for _ in range(chance.randint(1, 4)):
        begin = chance.randrange(len(data) + 1)
        end = begin + int(chance.expovariate(0.2))
        kind = chance.randrange(4)
        if kind == 0:
            del data[begin:end]
        elif kind == 1:
            data[begin:begin] = chance.randbytes(chance.randint(1, 4))
        elif kind == 2:
            data[begin:begin] = data[begin:end]
        else:
            del data[begin:]
    return bytes(data).replace(b"\n", b" ").replace(b"\r", b" ")


def log_of(teller: Callable[[Call], Any], number: int, mutants: int = BATCH) -> tuple[bytes, set[int]]:
    """Return a log of mutants of one format with untouched lines among them, and the numbers of the untouched lines."""
    chance = random.Random(f"{teller.__name__} {number}")
    lines = [mutant(_line(teller, chance.randrange(50), "What is 2+2?"), chance) for _ in range(mutants)]
    for place in range(UNTOUCHED):
        untouched = json.dumps(_line(teller, 1000 + place, f"untouched {place}")).encode()
        lines.insert(place * (len(lines) // UNTOUCHED), untouched)
    numbers = {row + 1 for row, line in enumerate(lines) if b"untouched" in line}
    return b"\n".join(lines) + b"\n", numbers


def fault_of(log: bytes, untouched: Collection[int] = ()) -> str | None:
    """Return what breaks where a log is read and used; None: nothing does."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        try:
            calls = cf.read_logs(io.BytesIO(log), duplicates="all")
            rejects = cf.read_rejects(io.BytesIO(log))
            _use(calls, Path(folder))
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
    if not untouched:  # a log of a format that has no texts, or of mutants alone
        return None
    if refused := set(untouched) & set(rejects["line"]):
        return f"the untouched lines {sorted(map(int, refused))} were refused"
    # some formats log the answer alone
    texts = calls["prompt"].fillna("").astype("str") + calls["response"].fillna("").astype("str")
    kept = calls[texts.str.contains("untouched", regex=False)]
    expected = Call()
    right = (
        kept["model"].astype("str").eq(expected.model)
        & kept["input_tokens"].eq(expected.input_tokens)
        & kept["output_tokens"].eq(expected.output_tokens)
    )
    if len(kept) != UNTOUCHED or not right.all():
        return f"{len(kept)} of {UNTOUCHED} untouched calls are there, {int(right.sum())} of them right"
    return None


def _use(calls: pd.DataFrame, folder: Path) -> None:
    """Put calls through what comes after reading."""
    import matplotlib.pyplot as plt

    repr(calls), repr(cf.summarize(calls)), cf.find_waste(calls)
    cf.by(calls, "model", "team", freq="W", tz="Europe/Paris")
    cf.to_jsonl(calls, folder / "logs.jsonl")
    cf.to_parquet(calls, folder / "logs.parquet")
    cf.to_csv(calls, folder / "logs.csv")
    for back in (cf.read_jsonl(folder / "logs.jsonl", duplicates="all"), cf.read_parquet(folder / "logs.parquet")):
        if len(back) != len(calls):
            raise AssertionError(f"{len(back)} of {len(calls)} calls come back from a file")
    for draw in (cf.plot_cost, cf.plot_tokens):
        draw(calls).figure.canvas.draw()
        plt.close("all")


def smallest(log: bytes) -> bytes:
    """Return the fewest lines of a log that still break something."""
    lines = log.splitlines()
    size = max(1, len(lines) // 2)
    while size:
        for begin in range(0, len(lines), size):
            rest = lines[:begin] + lines[begin + size :]
            if rest and fault_of(b"\n".join(rest)):
                lines = rest
                break
        else:
            size //= 2
    return b"\n".join(lines) + b"\n"


def logs(mutants: int, first: int = 0) -> Iterator[tuple[str, bytes, set[int]]]:
    """Yield logs of mutants, each format in turn, until there are so many mutants."""
    for number in range(-(-mutants // BATCH)):
        teller = TELLERS[number % len(TELLERS)]
        yield teller.__name__, *log_of(teller, first + number)
