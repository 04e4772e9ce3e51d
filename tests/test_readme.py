"""The README keeps its word: its code runs, its tables are those of the package."""

import re
from pathlib import Path

import click
import matplotlib as mpl
import pytest

import crashlens_frame as cf
from crashlens_frame.cli import main
from crashlens_frame.schema import CALLS, LOG_SCHEMA
from tests.support.fault_server import Step, fault_server
from tests.support.streams import OPENAI_ANSWER

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def test_the_tour_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    assert len(CODE) >= 5
    names: dict[str, object] = {}
    with fault_server() as server:
        slow_down = Step(429, {"error": {"message": "slow down"}}, headers={"retry-after-ms": "1"})
        server.play(slow_down, *(Step(body={**OPENAI_ANSWER, "id": f"chatcmpl-{number}"}) for number in range(2)))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        for block in CODE:
            exec(compile(block, "README.md", "exec"), names)
    watched = cf.read_jsonl("calls.jsonl")
    assert watched["retry_count"].tolist() == [0, 1, 0]
    assert watched["billed"].tolist() == ["no", "yes", "yes"]


def test_the_log_schema_is_that_of_the_package() -> None:
    section = README.split("## Log Schema")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", section, flags=re.MULTILINE)
    assert rows == [(column.name, column.dtype, column.meaning) for column in CALLS if column.name in LOG_SCHEMA]


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []


def option_table() -> str:
    """Lay out the commands and their options as the README has them."""
    rows = ["| command | option | what it does |", "| --- | --- | --- |"]
    for name, command in main.commands.items():
        arguments = [one.human_readable_name for one in command.params if isinstance(one, click.Argument)]
        rows.append(f"| `{' '.join([name, *arguments])}` | | {command.get_short_help_str(200)} |")
        for option in command.params:
            if isinstance(option, click.Option):
                choices = f" ({', '.join(option.type.choices)})" if isinstance(option.type, click.Choice) else ""
                default = f" Default: `{option.default}`." if option.show_default else ""
                rows.append(f"| | `{option.opts[0]}` | {option.help}{default}{choices} |")
    return "\n".join(rows)


def test_the_option_table_is_what_the_commands_say() -> None:
    assert option_table() in README
