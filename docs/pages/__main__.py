"""Copy the pages written by hand and the notebooks into a folder, and write the others beside them."""

import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from . import commands, detectors, formats, guides, prices, python_api, repository

ROOT = Path(__file__).parents[2]
PAGES = (detectors, guides, formats, prices, python_api, commands, repository)  # what takes long comes first


def main(folder: Path) -> None:
    """Write every page into the folder."""
    hidden = shutil.ignore_patterns("pages", "conf.py", "_static", "__pycache__")
    shutil.copytree(ROOT / "docs", folder, ignore=hidden)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("*.py", "*.md"))
    repository.point_into_site(folder)
    with ProcessPoolExecutor(2) as pool:
        running = [pool.submit(pages.write_pages, folder, ROOT) for pages in PAGES]
    for each in running:
        each.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
