"""Pages made of files of the repository: benchmarks, changelog, security; and the list of notebooks."""

import json
import re
from pathlib import Path

from .markdown import contents, write

_BEFORE = """\
Medians on two cores, each case in a process of its own. The figures of other programs are how many times longer they
take for the same calls, and their peak memory. `python -m tests.benchmarks` measures all of it, in about 20 minutes.
"""
_AFTER = """\
![Time by number of calls, from ten thousand to ten million](data/growth.png)

The detectors sort and compare in linear time; past a million calls what they look up no longer fits into the caches of
the processor.
"""
_START, _END = "<!-- benchmarks -->", "<!-- end of benchmarks -->"


def write_pages(folder: Path, root: Path) -> None:
    """Write them into the folder."""
    write(folder / "changelog.md", _without_links((root / "CHANGELOG.md").read_text(encoding="utf-8")))
    write(folder / "security.md", _without_links((root / "SECURITY.md").read_text(encoding="utf-8")))
    write(folder / "benchmarks.md", *_benchmarks((root / "README.md").read_text(encoding="utf-8")))
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    write(
        folder / "notebooks" / "index.md",
        "# Notebooks",
        "Walks with their results, each run by the tests from top to bottom.",
        "\n".join(f"- [{_title(path)}]({path.name})" for path in notebooks),
        contents((path.stem for path in notebooks), hidden=True),
    )


def _benchmarks(readme: str) -> list[str]:
    if _START not in readme or _END not in readme:
        raise SystemExit(f"README.md lacks {_START} or {_END}, between which the table of benchmarks is")
    table = readme.partition(_START)[2].partition(_END)[0]
    return ["# Benchmarks", _BEFORE, table, _AFTER]


def _without_links(text: str) -> str:
    """Return a text whose links to files of the repository are plain: the site does not have the files."""
    return re.sub(r"\[([^\]]+)\]\((?!https?://|#)[^)]+\)", r"\1", text)


def _title(notebook: Path) -> str:
    first = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"]
    return "".join(first).splitlines()[0].removeprefix("# ")
