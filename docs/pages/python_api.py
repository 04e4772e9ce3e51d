"""Pages of the public names, room by room, from their docstrings; and the columns of the frames."""

from collections import defaultdict
from inspect import getdoc
from pathlib import Path
from sys import modules

import crashlens_frame as cf
from crashlens_frame.accessor import CrashlensAccessor

from .markdown import contents, table, write

_FRAMES = {
    "CALLS": "Calls: what every reader returns and every function takes.",
    "FINDINGS": "Findings: what detectors return.",
    "REJECTS": "Rejects: lines that could not be read, from `read_rejects`.",
    "REPAIRS": "Repairs: fields that were left null, from `read_repairs`.",
}
# the rooms in the order in which a reader meets them
_ROOMS = {
    "io": "Read and write logs",
    "frame": "Your own frames",
    "logbook": "Log calls",
    "live": "Watch calls live",
    "pricing": "Prices and costs",
    "tokens": "Tokens",
    "report": "Totals and reports",
    "detectors": "Waste",
    "watch": "Changes, budgets, bills",
    "plot": "Plots",
    "handout": "A report to send",
    "widgets": "Widgets",
    "scale": "Larger than memory",
    "simulate": "Simulate",
    "errors": "Errors and warnings",
}


def names_by_room() -> dict[str, list[str]]:
    """Return the public names, by the room that they are from."""
    rooms = defaultdict(list)
    for name in dir(cf):
        if name not in (*_FRAMES, "LOG_SCHEMA", "live"):
            rooms[getattr(cf, name).__module__.split(".")[1]].append(f"crashlens_frame.{name}")
    rooms["live"] = [f"crashlens_frame.live.{name}" for name in dir(cf.live)]
    return dict(rooms)


def write_pages(folder: Path, root: Path) -> None:
    """Write them into the folder ``api``."""
    names = names_by_room()
    if names.keys() != _ROOMS.keys():
        raise SystemExit(f"rooms without a title, or titles without a room: {names.keys() ^ _ROOMS.keys()}")
    for room, title in _ROOMS.items():
        intro = getdoc(modules[f"crashlens_frame.{room}"]) or ""
        write(
            folder / "api" / f"{room}.rst",
            f"{title}\n{'=' * len(title)}",
            intro,
            *(_directive(n, room) for n in names[room]),
        )
    write(folder / "api" / "columns.md", "# Columns", *(_columns(name) for name in _FRAMES))
    write(folder / "api" / "accessor.md", *_accessor())
    write(
        folder / "api" / "index.md",
        "# API",
        "Everything is at `cf.`, after `import crashlens_frame as cf`."
        " What takes a frame of calls is a method of `df.crashlens` too.",
        contents(["columns", "accessor", *_ROOMS]),
    )


def _directive(path: str, room: str) -> str:
    if path.rpartition(".")[2].islower():
        return f".. autofunction:: {path}"
    return f".. autoexception:: {path}" if room == "errors" else f".. autoclass:: {path}\n   :members:"


def _columns(name: str) -> str:
    rows = ((f"`{column.name}`", f"`{column.dtype}`", column.meaning) for column in getattr(cf, name))
    return f"## {name}\n\n{_FRAMES[name]}\n\n{table(('column', 'dtype', 'what it is'), rows)}"


def _accessor() -> list[str]:
    rows = []
    for name in dir(CrashlensAccessor):
        method = getattr(CrashlensAccessor, name)
        if name.startswith("_") or not callable(method):
            continue
        first = (getdoc(method) or "").partition("\n\n")[0]
        rows.append(
            (
                f"`{name}`",
                f"{{func}}`cf.{method.__name__} <crashlens_frame.{method.__name__}>`",
                " ".join(first.split()),
            )
        )
    plots = (name for name in dir(cf) if name.startswith("plot_"))
    drawn = (
        (
            f"`plot.{n.removeprefix('plot_')}`",
            f"{{func}}`cf.{n} <crashlens_frame.{n}>`",
            (getdoc(getattr(cf, n)) or "").partition("\n")[0],
        )
        for n in plots
    )
    return [
        "# df.crashlens",
        "Each method is a function of the package with the frame as its first argument.",
        table(("method", "function", "what it does"), [*rows, *drawn]),
    ]
