"""Check the built site: ``python -m docs.pages.links FOLDER``.

Every link within it has to lead somewhere, and nothing may be loaded from elsewhere.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
_NOT_LOADED = {"canonical", "search", "next", "prev", "index", "author", "copyright"}  # of link: what it may be


class _Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors.update(found[name] for name in ("id", "name") if name in found)
        if tag == "a" and "href" in found:
            self.links.add(found["href"])
        if tag in _LOADED and not (tag == "link" and found.get("rel") in _NOT_LOADED):
            self.loaded.add(found.get(_LOADED[tag], ""))


def faults(folder: Path) -> list[str]:
    """Return a line for each link that leads nowhere, and for each file that is loaded from elsewhere or missing."""
    pages = {
        path: _Page(path.read_text(encoding="utf-8"))
        for path in folder.rglob("*.html")
        if path.parent.name != "_static"
    }
    found: list[str] = []
    for path, page in sorted(pages.items()):
        where = path.relative_to(folder)
        found += [f"{where}: loads {address}" for address in sorted(page.loaded) if _is_elsewhere(address)]
        for address in sorted(page.links | {a for a in page.loaded if not urlsplit(a).scheme}):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                found.append(f"{where}: {address} does not exist")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                found.append(f"{where}: {address} has no such anchor")
    return found


def _is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]).resolve())
    sys.exit("\n".join(lines) if lines else 0)
