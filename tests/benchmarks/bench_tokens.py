"""What counting tokens costs, beside tiktoken with the same vocabulary."""

import os
import random
import sysconfig
from pathlib import Path
from typing import Any

import crashlens_frame as cf
from tests.benchmarks.harness import OURS, Case
from tests.support import tiktoken_vocabularies

PROMPTS = 20_000


def _different(folder: Path) -> list[str]:
    """Cut pieces of about 500 characters out of the sources of Python."""
    draw = random.Random(1)
    source = "".join(p.read_text(encoding="utf-8") for p in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")))
    starts = [draw.randrange(len(source) - 1000) for _ in range(PROMPTS)]
    return [source[start : start + draw.randrange(10, 1000)] for start in starts]


def _repeated(folder: Path) -> list[str]:
    return _different(folder)[:1000] * 20


def _with_tiktoken(prompts: Any) -> Any:
    def prepare(folder: Path) -> Any:
        import tiktoken

        tiktoken_vocabularies.install(folder)
        os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
        return tiktoken.get_encoding("o200k_base"), prompts(folder)

    return prepare


def by_tiktoken(given: Any) -> list[int]:
    encoding, prompts = given
    return [len(encoding.encode_ordinary(text)) for text in prompts]


def by_tiktoken_in_threads(given: Any) -> list[int]:
    encoding, prompts = given
    return [len(ids) for ids in encoding.encode_ordinary_batch(prompts, num_threads=2)]


def by_us(prompts: list[str]) -> object:
    return cf.count_tokens(prompts, model="gpt-4o")


CASES = tuple(
    case
    for task, prompts in (
        ("`count_tokens`, 20,000 different prompts of 500 characters", _different),
        ("`count_tokens`, a thousand such prompts, each 20 times", _repeated),
    )
    for case in (
        Case(task, OURS, by_us, prompts, PROMPTS),
        Case(task, "tiktoken", by_tiktoken, _with_tiktoken(prompts), PROMPTS),
        Case(task, "tiktoken, batch on two threads", by_tiktoken_in_threads, _with_tiktoken(prompts), PROMPTS),
    )
)
