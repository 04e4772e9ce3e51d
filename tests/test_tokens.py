"""Token counts: those of tiktoken where they are exact, none where nothing is known."""

import random
import string
import subprocess
import sys
import sysconfig
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

import crashlens_frame as cf
from crashlens_frame import tokens
from tests.support import tiktoken_vocabularies

ENCODINGS = {"cl100k_base": "gpt-4", "o200k_base": "gpt-4o"}


@pytest.fixture(scope="module", autouse=True)
def _vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("vocabularies")
    tiktoken_vocabularies.install(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        yield


@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs", "Cn"])), max_size=5),
    encoding=st.sampled_from([*ENCODINGS]),
)
@settings(max_examples=300)
def test_counts_are_those_of_tiktoken(texts: list[str], encoding: str) -> None:
    counts = cf.count_tokens(texts, model=ENCODINGS[encoding])
    assert counts.tolist() == [len(tiktoken.get_encoding(encoding).encode_ordinary(text)) for text in texts]


def pieces(number: int) -> list[str]:
    """Cut pieces of program text, and mix words, digits, spaces, marks and letters of all scripts."""
    draw = random.Random(7)
    source = "".join(
        p.read_text(encoding="utf-8") for p in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[:60]
    )
    assigned = [chr(code) for code in range(0x20, 0x30000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    alphabets = [
        assigned,
        list(string.printable),
        list("  \n\t'’sStTdDmMlLrRvVeE0123456789"),
        list("äöüßéèñçøåœ €—…😀👩‍💻🇩🇪"),
    ]
    made = []
    for _ in range(number // 2):
        start = draw.randrange(len(source) - 200)
        made.append(source[start : start + draw.randrange(1, 120)])
        made.append("".join(draw.choices(draw.choice(alphabets), k=draw.randrange(1, 40))))
    return made


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_two_hundred_thousand_pieces_count_as_tiktoken_counts_them(encoding: str) -> None:
    texts = pieces(200_000)
    expected = [len(ids) for ids in tiktoken.get_encoding(encoding).encode_ordinary_batch(texts)]
    assert cf.count_tokens(texts, model=ENCODINGS[encoding]).tolist() == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [("Hello, world!", 4), ("", 0), ("<|endoftext|>", 7), ("cut \ud83d", 2), ("\ud83d\ude00", 1), (None, None)],
)
def test_special_tokens_are_text_and_half_a_surrogate_pair_does_no_harm(text: str | None, count: int | None) -> None:
    assert cf.count_tokens([text], model="gpt-4o").isna().tolist() == [count is None]
    assert cf.count_tokens([text], model="gpt-4o").tolist() == [count if count is not None else pd.NA]


@pytest.mark.parametrize(
    ("model", "encoding", "factor"),
    [
        ("gpt-4", "cl100k_base", None),
        ("openai/gpt-4o-2024-11-20", "o200k_base", None),
        ("azure/gpt-35-turbo", "cl100k_base", None),
        ("GPT-5-mini", "o200k_base", None),
        ("o3", "o200k_base", None),
        ("ft:gpt-4o-mini-2024-07-18:acme::9f3", "o200k_base", None),
        ("text-embedding-3-small", "cl100k_base", None),
        ("gpt-oss-20b", "o200k_harmony", None),
        ("davinci", "r50k_base", None),
        ("gpt-6-sol", "o200k_base", 1.0),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "o200k_base", 1.06),
        ("models/gemini-2.5-pro", "o200k_base", 1.15),
        ("groq/meta-llama/llama-4-scout-17b-16e-instruct", "o200k_base", 1.0),
        ("mistral-large-latest", "o200k_base", 1.07),
        ("my-model", None, None),
        ("", None, None),
    ],
)
def test_each_name_has_its_tokenizer(model: str, encoding: str | None, factor: float | None) -> None:
    found = tokens._tokenizer(model)
    assert found == (None if encoding is None else (encoding, factor))


def test_estimates_are_a_multiple_and_unknown_tokenizers_count_nothing() -> None:
    text = "word " * 200
    exact = cf.count_tokens([text], model="gpt-4o")[0]
    assert cf.count_tokens([text], model="claude-opus-4-5").tolist() == [round(exact * 1.06)]
    assert cf.count_tokens([text, None], model="my-model").isna().all()


def test_only_text_can_be_counted() -> None:
    with pytest.raises(cf.InvalidCallError, match=r"^texts hold a value that is neither text nor null"):
        cf.count_tokens(["a", 3], model="gpt-4")  # type: ignore[list-item]


CALLS = pd.DataFrame(
    [
        # model, prompt, response, level, input, output, source -> input, output, source
        ("gpt-4", "Hello, world!", "Hi there!", "info", None, None, None, 4, 3, "counted"),
        ("gpt-4", "Hello, world!", "Hi there!", "info", 9, 8, None, 9, 8, "reported"),
        ("gpt-4", "Hello, world!", "Hi there!", "info", 9, 8, "estimated", 9, 8, "estimated"),
        ("gpt-4", "Hello, world!", "Hi there!", "info", 9, None, "reported", 9, 3, "counted"),
        ("gpt-4", "Hello, world!", None, "error", None, None, None, 4, 0, "counted"),
        ("gpt-4", "Hello, world!", None, "error", 9, None, None, 9, 0, "reported"),
        ("gpt-4", "Hello, world!", None, "error", 9, 2, None, 9, 2, "reported"),
        ("gpt-4", "Hello, world!", None, "info", None, None, None, 4, None, "counted"),
        ("gpt-4", None, None, "info", None, None, None, None, None, None),
        ("claude-opus-5", "Hello, world!", "Hi there!", "info", None, None, None, 4, 3, "estimated"),
        ("claude-opus-5", "Hello, world!", "Hi there!", None, 9, None, None, 9, 3, "estimated"),
        ("my-model", "Hello, world!", "Hi there!", "info", None, None, None, None, None, None),
        (None, "Hello, world!", "Hi there!", "info", None, 8, None, None, 8, "reported"),
    ],
    columns=[
        "model",
        "prompt",
        "response",
        "level",
        "input_tokens",
        "output_tokens",
        "token_source",
        "in",
        "out",
        "by",
    ],
)


def test_only_what_was_not_reported_is_counted() -> None:
    calls = cf.as_calls(CALLS.drop(columns=["in", "out", "by"]).assign(trace_id="t1"))
    before = calls.copy(deep=True)
    counted = cf.add_tokens(calls)
    pd.testing.assert_frame_equal(calls, before)
    expected = calls.assign(
        input_tokens=CALLS["in"].astype("Int64"),
        output_tokens=CALLS["out"].astype("Int64"),
        token_source=CALLS["by"].astype(calls["token_source"].dtype),
    )
    pd.testing.assert_frame_equal(counted, expected)
    pd.testing.assert_frame_equal(
        cf.add_tokens(calls.set_axis(list("abcdefghijklm"))), expected.set_axis(list("abcdefghijklm"))
    )


def test_a_reported_number_past_the_whole_floats_stays_as_it_is() -> None:
    large = 2**53 + 1
    calls = pd.DataFrame({"model": ["gpt-4", "gpt-4"], "prompt": "Hi", "response": "Hi"})
    calls["input_tokens"] = pd.array([large, None], dtype="Int64")
    assert cf.add_tokens(calls)["input_tokens"].tolist() == [large, 1]


def test_a_vocabulary_out_of_reach_is_an_error_with_a_remedy_and_loses_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def unreachable(encoding: str) -> None:
        raise OSError("no network")

    tokens._counter.cache_clear()
    monkeypatch.setattr(tiktoken, "get_encoding", unreachable)
    message = (
        "tiktoken has no vocabulary of r50k_base and cannot download it (OSError); connect to the internet once, or set"
        " TIKTOKEN_CACHE_DIR to a folder that holds it (https://github.com/openai/tiktoken)"
    )
    with pytest.raises(cf.TokenizerError) as caught:
        cf.count_tokens(["Hi"], model="davinci")
    assert str(caught.value) == message
    assert caplog.messages == [
        "tiktoken loads the vocabulary of r50k_base, from its cache or else from openaipublic.blob.core.windows.net"
    ]
    calls = pd.DataFrame({"model": ["davinci", "gpt-4"], "prompt": "Hi", "response": "Hi"})
    with pytest.warns(cf.TokenizerWarning) as warned:
        counted = cf.add_tokens(calls)
    assert [str(one.message) for one in warned] == [f"the tokens of 1 text are not counted: {message}"] * 2
    assert counted["input_tokens"].fillna(-1).tolist() == [-1, 1]


def test_importing_the_package_imports_no_tokenizer() -> None:
    code = "import sys, crashlens_frame; print(sorted({'tiktoken', 'toktok'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_single_text_has_one_number() -> None:
    assert cf.count_tokens("hello", model="gpt-4o") == 1
    assert cf.count_tokens("", model="gpt-4o") == 0
    assert cf.count_tokens("hello", model="unheard-of") is None
    assert cf.count_tokens(["hello"], model="gpt-4o").tolist() == [1]
