"""The README and the pages of docs/ keep their word: their code runs, their tables are those of the package."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest

import crashlens_frame as cf
from crashlens_frame.schema import CALLS, LOG_SCHEMA
from tests.support.fault_server import Step, fault_server
from tests.support.streams import OPENAI_ANSWER

ROOT = Path(__file__).parents[1]
# pages that are read on their own; the links of the others are checked where the site is built
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("tour", "benchmarks", "reliability"))]
README, TOUR = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/tour.md"))


def run(page: str) -> None:
    """Run the code of a page from top to bottom, its calls to OpenAI answered by a server that first refuses one."""
    names: dict[str, object] = {}
    with fault_server() as server, pytest.MonkeyPatch.context() as patch:
        slow_down = Step(429, {"error": {"message": "slow down"}}, headers={"retry-after-ms": "1"})
        server.play(slow_down, Step(body=OPENAI_ANSWER))
        patch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        patch.setenv("OPENAI_API_KEY", "k")
        for block in re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL):
            exec(compile(block, "page", "exec"), names)


@pytest.mark.parametrize("page", [README, TOUR], ids=["README", "tour"])
def test_the_code_runs_from_top_to_bottom(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    run(page)
    watched = cf.read_jsonl("calls.jsonl")
    assert watched["retry_count"].tolist() == [0, 1]
    assert watched["billed"].tolist() == ["no", "yes"]


def test_the_readme_is_read_in_a_minute() -> None:
    assert len(README.splitlines()) <= 150


def test_the_patterns_are_those_of_the_demo() -> None:
    patterns = README.split("```text\n")[1].split("```")[0]
    report = cf.simulate_incidents(seed=7).crashlens.summary().to_text(100)
    assert [line for line in patterns.splitlines() if line != "..." and line not in report] == []


def test_the_figures_are_those_of_the_page_of_benchmarks() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^`]+`)[^|]+\| ([\d.]+ s) \| ([^|]+) \|$", README, flags=re.MULTILINE)
    assert len(rows) == 5
    for function, seconds, others in rows:
        (measured,) = [
            line for line in page.splitlines() if re.match(rf"\| {re.escape(function)}[, ]", line) and seconds in line
        ]
        assert [times for times in re.findall(r"[\d.,]+ times", others) if f" {times}" not in measured] == []


def test_the_log_schema_is_that_of_the_package() -> None:
    section = TOUR.split("## Log Schema")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", section, flags=re.MULTILINE)
    assert rows == [(column.name, column.dtype, column.meaning) for column in CALLS if column.name in LOG_SCHEMA]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
