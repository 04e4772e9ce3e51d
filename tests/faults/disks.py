"""Disks that are full at every tenth write, and files that others rename, cut and remove between two writes."""

import json
import os
import random
import resource
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

import crashlens_frame as cf

from .kills import Count
from .writers import LOG, FaultError, generation, generations_in, require, store

FULL_AT = 10  # every tenth write meets a full disk


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: writing past it is an OSError, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@dataclass(frozen=True)
class Whole:
    """Something that writes a frame of calls whole; ``keeps`` where earlier writes stay beside it."""

    name: str
    file: str
    write: Callable[[pd.DataFrame, Path], object]
    read: Callable[[Path], pd.DataFrame]
    keeps: bool = False


WHOLES = (
    Whole("to_jsonl", LOG, cf.to_jsonl, cf.read_jsonl),
    Whole("to_jsonl, .gz", f"{LOG}.gz", cf.to_jsonl, cf.read_jsonl),
    Whole("to_jsonl, .zst", f"{LOG}.zst", cf.to_jsonl, cf.read_jsonl),
    Whole("to_parquet", "logs.parquet", cf.to_parquet, cf.read_parquet),
    Whole("to_csv", "logs.csv", cf.to_csv, cf.read_csv),
    Whole('write_dataset(mode="append")', "store", partial(store, mode="append"), cf.read_parquet, keeps=True),
    Whole('write_dataset(mode="overwrite")', "store", partial(store, mode="overwrite"), cf.read_parquet),
)


def fill_often(writer: Whole, writes: int, seed: int = 1) -> Count:
    """Write often, every tenth time to a disk that is full after a random number of bytes, and read after each."""
    chance, count, kept = random.Random(f"{writer.name} {seed}"), Count(), set[int]()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.RejectedLinesWarning)
        target = Path(name) / writer.file
        for number in range(writes):
            full = number % FULL_AT == FULL_AT - 1
            size = chance.randrange(600) if full else resource.RLIM_INFINITY
            try:
                with largest_file(size):
                    writer.write(generation(number), target)
            except OSError:
                count.kills += 1
                if not full:
                    count.faults += (f"write {number} failed without a fault",)
            else:
                kept = {*kept, number} if writer.keeps else {number}
                count.acknowledged += 1
            try:
                found = generations_in(writer.read(target))
                require(found == kept, f"after write {number}: {sorted(found ^ kept)} are lost or were never written")
                left = [path.name for path in Path(name).rglob("*.part")]
                require(not left, f"after write {number}: {left} are left")
            except (FaultError, cf.CrashlensFrameError) as fault:
                count.faults += (f"{type(fault).__name__}: {fault}",)
    count.whole = len(kept)
    return count


def fill_book(writes: int, seed: int = 1) -> Count:
    """Log often, every tenth time to a full disk: the call is in the file after the next one."""
    chance, count = random.Random(seed), Count()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / LOG
        book = cf.LogBook(path)
        for number in range(writes):
            full = number % FULL_AT == FULL_AT - 1
            room = path.stat().st_size + chance.randrange(100) if full else resource.RLIM_INFINITY
            try:
                with largest_file(room):
                    book.log(model="gpt-4", prompt="p", trace_id=f"t{number}")
                count.acknowledged += 1
            except cf.UnsavedCallsError:
                count.kills += 1
        book.flush()
        book.close()
        count.whole = len(cf.read_jsonl(path, duplicates="all"))
        if cf.read_jsonl(path, duplicates="all")["trace_id"].tolist() != [f"t{number}" for number in range(writes)]:
            count.faults += ("the file does not hold each call once and in order",)
    return count


def disturb_book(writes: int, seed: int = 1) -> Count:
    """Log by two books in turn, and between two calls rename, remove or cut their file, now and then.

    What was renamed stays whole, and what was logged since the last removal or cut is in the file.
    """
    chance, count = random.Random(seed), Count()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)
        path = Path(name) / LOG
        books = [cf.LogBook(path), cf.LogBook(path)]
        there: list[str] = []  # what has to be in the file, of what was acknowledged
        moved: dict[Path, list[str]] = {}
        for number in range(writes):
            what = chance.randrange(4) if number % FULL_AT == FULL_AT - 1 else None
            if what == 0:
                aside = path.rename(path.with_name(f"{number}.jsonl"))
                moved[aside], there = there, []
            elif what == 1:
                path.unlink()
                there = []
            elif what is not None:
                lines = path.read_bytes().splitlines(keepends=True)
                kept = chance.randrange(len(lines))
                torn = chance.randrange(len(lines[kept])) if what == 3 else 0
                os.truncate(path, sum(map(len, lines[:kept])) + torn)
                there = [trace for line in lines[:kept] if (trace := _trace_of(line))]
            count.kills += what is not None
            books[number % 2].log(model="gpt-4", prompt="p", trace_id=f"t{number}")
            count.acknowledged += 1
            there.append(f"t{number}")
        moved[path] = there
        for file, expected in moved.items():
            found = cf.read_jsonl(file, duplicates="all")["trace_id"].tolist()
            count.whole += len(found)
            if found != expected:
                count.faults += (f"{file.name} holds {len(found)} calls, expected {len(expected)}",)
        lost = {f"t{number}" for number in range(writes)} - {*books[0].df["trace_id"], *books[1].df["trace_id"]}
        if lost:
            count.faults += (f"{len(lost)} calls are in no book",)
    return count


def _trace_of(line: bytes) -> str | None:
    """Return the trace of a line; None: it was torn before."""
    try:
        return str(json.loads(line)["trace_id"])
    except ValueError:
        return None
