"""Bring frames to doors: ``python -m tests.hostile`` every frame to every door, the tests some of them."""

import tempfile
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

import crashlens_frame as cf

from .doors import DOORS, Door
from .frames import hostile_frames

EVERY = 17  # of so many pairs the tests take one, so that each frame meets some doors and each door some frames
SLOW = {"Explorer": 4}  # doors that take longer than all others together, and how many times fewer frames they meet


def pairs(every: int = 1) -> Iterator[tuple[str, pd.DataFrame, str, Door]]:
    """Yield frames and doors with their names, one of so many pairs."""
    for row, (frame_name, frame) in enumerate(hostile_frames()):
        for column, (door_name, door) in enumerate(DOORS.items()):
            if (row + column) % (every * (SLOW.get(door_name, 1) if every > 1 else 1)) == 0:
                yield frame_name, frame, door_name, door


def walk(frame: pd.DataFrame, door: Door) -> str | None:
    """Return the error of another base that a door raised, and where; None: there was none."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)
        try:
            door(frame.copy(deep=False), Path(folder))
        except cf.CrashlensFrameError as error:
            return None if str(error).replace("\n", "").isprintable() else f"the text of {error!r} is not printable"
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
    return None
