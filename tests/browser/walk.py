"""Walk through the dashboard click by click, as docs/guides/explorer.md describes it, and take its pictures.

``python -m tests.browser.walk`` writes them to docs/guides/explorer; a click that is not answered is an error.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from docs.pages.sample_logs import write_logs
from tests.browser.conftest import CHROMIUM, FLAGS, ROOT

PICTURES = ROOT / "docs" / "guides" / "explorer"
_COLORS = 160  # of a picture, so that it stays small
_LARGEST = 150_000  # bytes


@contextmanager
def served(folder: Path, theme: str) -> Iterator[str]:
    """Serve the log of the guides, and give the address of the page."""
    options = ["calls.jsonl", "--budgets", "budgets.yaml", "--theme", theme, "--no-browser"]
    server = subprocess.Popen(
        [sys.executable, "-m", "crashlens_frame", "dashboard", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def take_picture(page: Any, name: str) -> None:
    """Keep a picture of what the page shows."""
    from PIL import Image

    page.wait_for_timeout(300)
    image = Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
    path = PICTURES / f"{name}.png"
    image.save(path, optimize=True)
    assert path.stat().st_size < _LARGEST, f"{path} has {path.stat().st_size} bytes"


def walk(page: Any, address: str, folder: Path) -> str:
    """Ask each question of the page, and return the address of the last view."""
    page.goto(address)
    page.locator(".cl-chart svg").wait_for()
    page.locator(".cl-opens").first.wait_for()
    page.get_by_label("By", exact=True).select_option("team")
    page.locator(".cl-chart-title", has_text="by team").wait_for()
    take_picture(page, "first")

    page.get_by_role("button", name="7 days", exact=True).click()
    page.locator(".cl-card em", has_text="▲").first.wait_for()
    page.get_by_role("tab", name="Who?", exact=True).click()
    page.locator("td.cl-change").first.wait_for()
    take_picture(page, "who")
    page.get_by_role("tab", name="Why?", exact=True).click()
    page.locator(".cl-parts td").first.wait_for()
    take_picture(page, "why")

    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("tab", name="Unusual?", exact=True).click()
    page.locator("td.cl-wide >> visible=true").first.wait_for()
    bars = page.locator(".cl-target")
    bars.nth(bars.count() - 5).hover()
    page.locator(".cl-tip-note").first.wait_for()
    take_picture(page, "unusual")

    page.get_by_role("tab", name="Will it hold?", exact=True).click()
    page.locator(".cl-budget").first.wait_for()
    take_picture(page, "hold")

    page.get_by_role("tab", name="Waste", exact=True).click()
    page.locator(".cl-opens").first.click()
    page.locator("h3", has_text="finding").first.wait_for()
    page.locator("table.cl-grid").nth(1).locator(".cl-opens").first.click()
    page.locator(".cl-calls summary").first.click()
    page.locator(".cl-calls pre").first.wait_for()
    page.set_viewport_size({"width": 1280, "height": 1000})
    page.locator("h3:visible", has_text="finding").first.evaluate("each => each.scrollIntoView()")
    take_picture(page, "trace")

    page.get_by_text("customer", exact=True).locator("visible=true").first.click()
    page.locator("label.cl-value", has_text="globex").click()
    page.locator(".cl-badge").wait_for()
    page.get_by_role("tab", name="Invoice?", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open an invoice").click()
    chooser.value.set_files(str(folder / "invoice.csv"))
    page.locator("td.cl-text:visible", has_text="2026-03-20").first.wait_for()
    page.get_by_role("tab", name="Export", exact=True).click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save", exact=True).click()
    assert saved.value.suggested_filename == "calls.csv"
    take_picture(page, "export")
    return str(page.url)


def main() -> None:
    """Walk in the light, then look at the last view in the dark and on a telephone."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        write_logs(folder)
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        with served(folder, "light") as address:
            page = chromium.new_page(viewport={"width": 1280, "height": 1000})
            view = walk(page, address, folder).partition("#")[2]
        with served(folder, "dark") as address:
            for width, height, picture in ((1280, 1000, "dark"), (400, 860, "phone")):
                page = chromium.new_page(viewport={"width": width, "height": height})
                page.goto(f"{address}#{view.replace('Export', 'Waste')}")
                page.locator(".cl-badge").first.wait_for()
                page.locator(".cl-opens").first.wait_for()
                take_picture(page, picture)
        chromium.close()


if __name__ == "__main__":
    main()
