"""Pieces of Markdown."""

from collections.abc import Iterable
from pathlib import Path


def write(path: Path, *parts: str) -> None:
    """Write a page of parts that are paragraphs, tables or blocks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(part.strip("\n") for part in parts if part) + "\n", encoding="utf-8")


def table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; cells are Markdown."""
    lines = [list(headings), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def block(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def contents(pages: Iterable[str], *, depth: int = 1, hidden: bool = False) -> str:
    """Return the table of contents that puts pages below this one."""
    options = f":maxdepth: {depth}" + ("\n:hidden:" if hidden else "")
    return "```{toctree}\n" + options + "\n\n" + "\n".join(pages) + "\n```"


def linked(text: str) -> str:
    """Return a text whose bare addresses are links."""
    words = text.split(" ")
    for place, word in enumerate(words):
        start = word.find("http")
        if start >= 0:
            address = word[start:].rstrip("),;.:")
            words[place] = f"{word[:start]}<{address}>{word[start + len(address) :]}"
    return " ".join(words)
