"""Pages made of files of the repository: changelog, security, the list of notebooks; and links to such files."""

import json
import re
from pathlib import Path

from .markdown import contents, write

_PAGES = ("CHANGELOG.md", "SECURITY.md")


def write_pages(folder: Path, root: Path) -> None:
    """Write them into the folder."""
    for name in _PAGES:
        write(folder / name.lower(), _without_links((root / name).read_text(encoding="utf-8")))
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    write(
        folder / "notebooks" / "index.md",
        "# Notebooks",
        "Walks with their results, each run by the tests from top to bottom.",
        "\n".join(f"- [{_title(path)}]({path.name})" for path in notebooks),
        contents((path.stem for path in notebooks), hidden=True),
    )


def point_into_site(folder: Path) -> None:
    """Let links of pages that lead out of ``docs``, and of notebooks into it, lead to the copies that the site has."""
    for page in folder.glob("*.md"):
        text = re.sub(r"\]\(\.\./([^)]+)\)", _in_site, page.read_text(encoding="utf-8"))
        page.write_text(text, encoding="utf-8")
    for notebook in (folder / "notebooks").glob("*.ipynb"):
        text = notebook.read_text(encoding="utf-8").replace("](../docs/", "](../")
        notebook.write_text(text, encoding="utf-8")


def _in_site(link: re.Match[str]) -> str:
    return f"]({link[1].lower() if link[1] in _PAGES else link[1]})"


def _without_links(text: str) -> str:
    """Return a text whose links to files of the repository are plain: the site does not have the files."""
    return re.sub(r"\[([^\]]+)\]\((?!https?://|#)[^)]+\)", r"\1", text)


def _title(notebook: Path) -> str:
    first = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"]
    return "".join(first).splitlines()[0].removeprefix("# ")
