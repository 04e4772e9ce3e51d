"""Redaction: each kind on a labelled set, hashes that keep every finding, and what must not change."""

import json
import string
import time
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame.cli import main
from crashlens_frame.watch.redact.pseudonyms import Pseudonyms
from tests.truth import MIXES, frame_of, make_traffic

KINDS = ("key", "email", "iban", "card", "ip", "phone")


def luhn(digits: str) -> str:
    """Append the check digit of a card."""
    doubled = [int(d) * (2 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits))]
    return digits + str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def iban(rng: Random, country: str, length: int) -> str:
    body = "".join(rng.choices(string.digits, k=length - 4))
    number = int("".join(str(int(letter, 36)) for letter in f"{body}{country}00"))
    return f"{country}{98 - number % 97:02}{body}"


def spaced(text: str, size: int = 4) -> str:
    return " ".join(text[n : n + size] for n in range(0, len(text), size))


def labelled(rng: Random) -> dict[str, list[str]]:
    """Draw values of each kind, and of none: what looks like them and is not."""
    letters, digits = string.ascii_letters + string.digits, string.digits

    def some(pool: str, size: int) -> str:
        return "".join(rng.choices(pool, k=size))

    word = some(string.ascii_lowercase, rng.randint(3, 9))
    octets = ".".join(str(rng.randint(1, 255)) for _ in range(4))
    card = luhn(rng.choice(["4", "51", "55", "2223", "6011"]).ljust(4, "3") + some(digits, 11))
    return {
        "key": [
            f"sk-proj-{some(letters, 40)}", f"sk-{some(letters, 48)}", f"sk-ant-api03-{some(letters + '-_', 90)}a",
            f"AKIA{some(string.ascii_uppercase + digits, 16)}", f"ghp_{some(letters, 36)}", f"hf_{some(letters, 34)}",
            f"AIza{some(letters + '_-', 34)}a", f"xoxb-{some(digits, 11)}-{some(letters, 24)}",
            f"gsk_{some(letters, 52)}", f"sk_live_{some(letters, 24)}", f"glpat-{some(letters, 20)}",
            f"eyJhbGciOiJIUzI1NiJ9.eyJ{some(letters, 30)}.{some(letters, 43)}", f"sk-lf-{some('abcdef' + digits, 36)}",
        ],
        "email": [
            f"{word}@example.com", f"{word}.o'neil+tag@mail.{word}.co.uk", f"{word}_{some(digits, 2)}@{word}.io",
            f"josé.{word}@münchen.de",
        ],
        "iban": [iban(rng, "DE", 22), spaced(iban(rng, "FR", 27)), spaced(iban(rng, "GB", 22)), iban(rng, "NL", 18)],
        "card": [card, spaced(card), card[:4] + "-" + card[4:8] + "-" + card[8:12] + "-" + card[12:],
                 luhn("37" + some(digits, 12))],
        "ip": [octets, "2001:db8:85a3::8a2e:370:7334", f"fe80::{rng.randint(1, 9999):x}:1:2:{rng.randint(1, 99)}"],
        "phone": [
            f"+49 {rng.randint(30, 89)} {some('23456789', 7)}", f"(415) 555-{some(digits, 4)}",
            f"212-555-{some(digits, 4)}",
            f"+1 (650) 253-{some(digits, 4)}", f"01 42 68 {some(digits, 2)} {some(digits, 2)}",
            f"+4479{some(digits, 8)}",
        ],
        "": [
            f"{some('0123456789abcdef', 8)}-{some('0123456789abcdef', 4)}-4{some('0123456789abcdef', 3)}-a123-"
            f"{some('0123456789abcdef', 12)}", some("0123456789abcdef", 40),
            f"v{rng.randint(1, 9)}.{rng.randint(0, 20)}.1",
            f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T10:22:3{rng.randint(0, 9)}", f"{rng.uniform(1, 9e6):,.2f}",
            f"order {some(digits, 8)}", f"{rng.randint(10**9, 2 * 10**9)}", f"@{word}", f"std::{word}", "12:30:45",
            f"DE00{some(digits, 18)}", f"{card[:-1]}{(int(card[-1]) + 1) % 10}", f"{rng.randint(256, 999)}.1.2.3",
            f"task-{word}", f"{word}_{some(digits, 4)}", f"{rng.randint(1, 99)} {rng.randint(100, 999)} tokens",
        ],
    }  # fmt: skip


SENTENCES = ("Write to {} about it.", "{}", "the value is {}, thanks", '"{}"', "Use ({}) here\nand go on", "id={};")


@pytest.fixture(scope="module")
def masked() -> pd.DataFrame:
    rows = []
    for seed in range(60):
        rng = Random(seed)
        rows += [(kind, value, rng.choice(SENTENCES)) for kind, values in labelled(rng).items() for value in values]
    frame = pd.DataFrame(rows, columns=["kind", "value", "sentence"])
    prompts = [sentence.format(value) for value, sentence in zip(frame["value"], frame["sentence"], strict=True)]
    redacted = cf.redact(cf.as_calls(pd.DataFrame({"model": "gpt-4o", "prompt": prompts})))["prompt"]
    return frame.assign(prompt=prompts, redacted=redacted.to_numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_recall_and_precision_of_a_kind(masked: pd.DataFrame, kind: str) -> None:
    mask = f"[{kind.upper()}]"
    of_kind = masked["kind"] == kind
    exact = [s.format(mask) == r for s, r in zip(masked["sentence"], masked["redacted"], strict=True)]
    found = masked["redacted"].str.contains(mask, regex=False)
    recall, precision = pd.Series(exact)[of_kind].mean(), of_kind[found].mean()
    missed = masked[of_kind & ~pd.Series(exact)][["prompt", "redacted"]].head(5).to_numpy().tolist()
    assert recall >= 0.98, missed
    assert precision >= 0.98, masked[found & ~of_kind]["prompt"].head(5).tolist()


@pytest.mark.parametrize("part", ["a:", "'a", "a.", "1 ", "-1", "@a.", "DE00 0000 ", "sk-", "://a:"])
def test_a_long_odd_text_takes_no_time(part: str) -> None:
    prompts = [f"{part * 40_000}z", f"{part * 40_000}@z"]
    start = time.perf_counter()
    cf.redact(cf.as_calls(pd.DataFrame({"model": "gpt-4o", "prompt": prompts})))
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("mix", MIXES)
def test_hashes_keep_every_finding_of_the_whole_roster(mix: str) -> None:
    calls = frame_of(make_traffic(11, mix))
    hashed = cf.redact(calls, content="hash", key="secret")
    before = cf.find_waste(calls)
    assert len(before) > 500
    pd.testing.assert_frame_equal(cf.find_waste(hashed), before)
    assert (hashed["prompt"] != calls["prompt"]).mean() > 0.9


TEXTS = st.text(st.sampled_from("aAbZ09 é模!\n😀"), max_size=12)


@given(TEXTS, TEXTS)
def test_pseudonyms_are_as_long_and_equal_exactly_where_texts_are(one: str, other: str) -> None:
    pseudonyms = Pseudonyms(b"k")
    new = pseudonyms.text(one)
    assert len(new.encode()) == len(one.encode())
    assert (new == Pseudonyms(b"k").text(other)) == (one == other)


@pytest.mark.parametrize("alphabet", [string.digits, string.ascii_lowercase])
def test_no_two_short_words_become_one(alphabet: str) -> None:
    words = [a + b for a in alphabet for b in ["", *alphabet]]
    made = {Pseudonyms(b"k").text(word) for word in words}
    assert len(made) == len(words)


def test_the_key_decides_and_stays() -> None:
    calls = cf.as_calls(pd.DataFrame({"model": ["gpt-4o"], "prompt": ["The Merger of Acme, Q3 2026"]}))
    first, again, other = (cf.redact(calls, content="hash", key=key)["prompt"].item() for key in ("a", b"a", "b"))
    assert first == again != other
    assert first.split() != ["The", "Merger", "of", "Acme,", "Q3", "2026"]
    assert [len(word) for word in first.split()] == [3, 6, 2, 5, 2, 4]


def test_json_stays_json_and_keys_stay() -> None:
    tags = json.dumps(
        {"mail": 'x\nann@example.com "q"', "card": 4111111111111111, "n": 3, "deep": [{"ip": "10.0.0.1"}]}
    )
    calls = cf.as_calls(pd.DataFrame({"model": ["gpt-4o"], "tags": [tags]}))
    assert json.loads(cf.redact(calls)["tags"].item()) == {
        "mail": 'x\n[EMAIL] "q"', "card": "[CARD]", "n": 3, "deep": [{"ip": "[IP]"}],
    }  # fmt: skip


def test_dropped_columns_are_null_and_a_failed_call_stays_one() -> None:
    calls = cf.as_calls(
        pd.DataFrame(
            {"model": ["a", "b"], "prompt": ["Hi", "Ho"], "error": ["bad key of ann", None], "cost": [1.0, 2.0]}
        )
    )
    dropped = cf.redact(calls, content="drop")
    assert dropped["prompt"].isna().all()
    assert dropped["error"].fillna("").tolist() == ["[REDACTED]", ""]
    assert dropped["cost"].tolist() == [1.0, 2.0]
    assert dropped.dtypes.to_dict() == calls.dtypes.to_dict()


@pytest.mark.parametrize("content", ["mask", "hash"])
def test_dtypes_and_the_input_stay(content: str) -> None:
    calls = cf.simulate_workload(50, seed=1)
    calls.index += 100
    copy = calls.copy(deep=True)
    redacted = cf.redact(calls, content=content, key="k", columns=["prompt", "user_id", "team"])
    pd.testing.assert_frame_equal(calls, copy)
    assert redacted.dtypes.astype("str").to_dict() == calls.dtypes.astype("str").to_dict()
    pd.testing.assert_series_equal(redacted["cost"], calls["cost"])
    assert redacted["team"].nunique() == calls["team"].nunique()


def test_only_the_kinds_that_are_asked_for_are_masked() -> None:
    calls = cf.as_calls(pd.DataFrame({"model": ["gpt-4o"], "prompt": ["ann@example.com 10.0.0.1"]}))
    assert cf.redact(calls, detectors=["ip"])["prompt"].item() == "ann@example.com [IP]"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"content": "blur"}, cf.InvalidOptionError, "content is 'blur', expected 'mask', 'hash' or 'drop'"),
        ({"content": "hash"}, cf.InvalidOptionError,
         "key is missing, expected a text that stays with you, for content='hash'"),
        ({"columns": ["cost"]}, cf.InvalidOptionError, "columns holds 'cost', which holds no text"),
        ({"detectors": ["faces"]}, cf.InvalidOptionError,
         "detectors is 'faces', expected 'key', 'email', 'iban', 'card', 'ip', 'phone', 'name' or 'address'"),
        ({"detectors": ["name"]}, cf.MissingExtraError,
         "detectors holds 'name', which needs presidio-analyzer: pip install crashlens-frame[redact]"),
    ],
)  # fmt: skip
def test_options_that_cannot_be(
    options: dict[str, Any], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "presidio_analyzer", None)
    with pytest.raises(error) as caught:
        cf.redact(cf.simulate_workload(5, seed=1), **options)
    assert str(caught.value) == message


def test_the_command_writes_what_others_may_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    book = cf.LogBook()
    book.log(model="gpt-4o", prompt="Write to ann@example.com", response="Sent.", trace_id="t1")
    book.to_jsonl("in.jsonl")
    Path("key").write_text("secret\n")
    for options in ([], ["--content", "hash", "--key-file", "key"]):
        result = CliRunner().invoke(main, ["redact", "in.jsonl", "out.jsonl", *options])
        assert (result.exit_code, result.stderr) == (0, "wrote 1 call to out.jsonl\n")
        assert "ann@example.com" not in Path("out.jsonl").read_text()
    result = CliRunner().invoke(main, ["redact", "in.jsonl", "out.jsonl", "--content", "hash"])
    assert result.exit_code == 2
