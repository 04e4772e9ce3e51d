"""Writers killed at random moments, again and again in one place, and what is left checked after each kill."""

import multiprocessing
import random
import tempfile
import time
import warnings
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import crashlens_frame as cf

from .writers import FaultError, Writer

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.writers"])
LONGEST = 0.15  # seconds that a writer is left at work
START = 60  # seconds that a busy machine may need to begin
STRIDE = 1_000_000  # numbers that are kept for each process


@dataclass
class Count:
    """What the kills of one writer came to."""

    kills: int = 0
    acknowledged: int = 0
    whole: int = 0
    faults: tuple[str, ...] = ()


def kill_often(writer: Writer, kills: int, seed: int = 1) -> Count:
    """Kill processes of a writer at random moments, and check what each kill left in their folder."""
    chance, count, acknowledged = random.Random(f"{writer.name} {seed}"), Count(), set[int]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.prepare(folder)
        first = 0
        while count.kills < kills:
            acknowledged |= _kill(writer, folder, first, chance.uniform(0, LONGEST))
            first += STRIDE * writer.processes
            count.kills += writer.processes
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", cf.RejectedLinesWarning)  # a line that a kill tore
                    count.whole = writer.check(folder, acknowledged)
            except (FaultError, cf.CrashlensFrameError, OSError) as fault:
                count.faults += (f"{type(fault).__name__}: {fault}",)
    count.acknowledged = len(acknowledged)
    return count


def _kill(writer: Writer, folder: Path, first: int, moment: float) -> set[int]:
    """Start a writer, kill its processes at a moment after they began, and return what they acknowledged."""
    pipes = [FORKS.Pipe(duplex=False) for _ in range(writer.processes)]
    children = [
        FORKS.Process(target=writer.write, args=(folder, first + STRIDE * place, sent), daemon=True)
        for place, (_, sent) in enumerate(pipes)
    ]
    for child in children:
        child.start()
    for _, sent in pipes:
        sent.close()
    acknowledged = set()
    for received, _ in pipes:
        if not received.poll(START):
            raise RuntimeError(f"{writer.name} did not begin")
        acknowledged.add(received.recv())
    time.sleep(moment)
    for child in children:
        child.kill()
    for child in children:
        child.join()
    return acknowledged.union(*(_rest(received) for received, _ in pipes))


def _rest(received: Connection) -> set[int]:
    numbers = set()
    with received:
        while True:
            try:
                numbers.add(received.recv())
            except EOFError:
                return numbers


def read_beside(writer: Writer, reads: int) -> Count:
    """Read again and again while a writer is at work: each time all that was acknowledged before is there, whole."""
    count, acknowledged = Count(), set[int]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.prepare(folder)
        received, sent = FORKS.Pipe(duplex=False)
        child = FORKS.Process(target=writer.write, args=(folder, 0, sent), daemon=True)
        child.start()
        sent.close()
        try:
            for _ in range(reads):
                if not acknowledged and not received.poll(START):
                    raise RuntimeError(f"{writer.name} did not begin")
                while received.poll():
                    acknowledged.add(received.recv())
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", cf.RejectedLinesWarning)  # a line that is being written
                        count.whole = writer.check(folder, acknowledged)
                except (FaultError, cf.CrashlensFrameError, OSError) as fault:
                    count.faults += (f"{type(fault).__name__}: {fault}",)
                count.kills += 1
        finally:
            child.kill()
            child.join()
            received.close()
    count.acknowledged = len(acknowledged)
    return count
