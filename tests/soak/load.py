"""One log fed by processes at a steady rate, and what reads and rotates it meanwhile."""

import multiprocessing
import os
import time
import warnings
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import orjson

import crashlens_frame as cf

LOG = "logs.jsonl"
PROMPT = "a prompt of a usual length, in which somebody asks for something " * 4
STEP = 0.05  # seconds between two bursts of calls of a writer
MOST = 5_000  # calls of a book before it is opened anew
LOOKED_AT = 2_000  # calls that the Explorer gets
START = 120  # seconds that a busy machine may need until all processes have begun
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.soak.load"])


@dataclass
class Soak:
    """What a soak came to: the memory in megabytes, by process, at seconds since its begin."""

    seconds: float
    asked: int  # calls a second
    acknowledged: int = 0
    found: int = 0
    rotations: int = 0
    reads: int = 0
    views: int = 0
    faults: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    memory: dict[str, list[float]] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)  # calls a second since the measure before

    @property
    def kept(self) -> float:
        """Calls a second that were written."""
        return self.acknowledged / self.seconds


def megabytes(process: int) -> float:
    """Return the memory that a process holds."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _write(folder: Path, number: int, rate: float, seconds: float, begun: Barrier, acknowledge: Connection) -> None:
    """Log calls at a rate, in bursts; what is late is caught up with."""
    book, logged = cf.LogBook(folder / LOG), 0
    begun.wait(START)
    begin = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)  # of rotations and of lines being written
        while (now := time.monotonic() - begin) < seconds:
            for _ in range(min(int(now * rate) - logged, int(rate))):
                book.log(model="gpt-4", prompt=PROMPT, input_tokens=60, output_tokens=1, trace_id=f"{number}-{logged}")
                logged += 1
            acknowledge.send(logged)
            if len(book) > MOST:  # as a program does that rotates: a book holds its calls
                book.close()
                book = cf.LogBook(folder / LOG)
            time.sleep(STEP)
    acknowledge.send(logged)


def _look(folder: Path, seconds: float, begun: Barrier, seen: Connection) -> None:
    """Read the log again and again, bring its last calls to an Explorer, and send how many of both there were."""
    import matplotlib

    matplotlib.use("agg")
    reads = views = 0
    begun.wait(START)
    begin = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)
        while time.monotonic() - begin < seconds:
            try:
                calls = cf.read_jsonl(folder / LOG)
            except cf.MissingFileError:  # between a rotation and the next call
                time.sleep(STEP)
                continue
            reads += 1
            if not calls["prompt"].eq(PROMPT).all():
                raise AssertionError("half a call was read as whole")
            cf.Explorer(calls.tail(LOOKED_AT)).close()
            views += 1
            seen.send((reads, views))
            time.sleep(min(1, seconds / 10))


def soak(folder: Path, *, seconds: float, rate: int, processes: int = 8, rotate: float = 10) -> Soak:
    """Feed one log, rotate it, look at it meanwhile, and check at the end that each acknowledged call is there once."""
    result = Soak(seconds, rate)
    pipes = {f"writer {number}": FORKS.Pipe(duplex=False) for number in range(processes)}
    pipes["reader and Explorer"] = FORKS.Pipe(duplex=False)
    begun = FORKS.Barrier(len(pipes) + 1)
    children = {
        name: FORKS.Process(target=_write, args=(folder, number, rate / processes, seconds, begun, sent), daemon=True)
        if name.startswith("writer")
        else FORKS.Process(target=_look, args=(folder, seconds, begun, sent), daemon=True)
        for number, (name, (_, sent)) in enumerate(pipes.items())
    }
    for child in children.values():
        child.start()
    for _, sent in pipes.values():
        sent.close()
    result.memory = {name: [] for name in children}
    newest: dict[str, int] = {}
    begun.wait(START)
    begin = rotated = measured = time.monotonic()
    before = 0
    while any(child.is_alive() for child in children.values()):
        time.sleep(min(1.0, seconds / 10))
        _receive(pipes, newest, result)
        now = time.monotonic()
        if now - begin > seconds:
            continue
        if now - rotated > rotate and (folder / LOG).exists():
            (folder / LOG).rename(folder / f"logs-{result.rotations:04}.jsonl")
            result.rotations, rotated = result.rotations + 1, now
        result.at.append(now - begin)
        result.rates.append((sum(newest.values()) - before) / (now - measured))
        before, measured = sum(newest.values()), now
        for name, child in children.items():
            result.memory[name].append(megabytes(child.pid) if child.pid and child.is_alive() else float("nan"))
    _receive(pipes, newest, result)
    result.faults += [f"{name} ended with {child.exitcode}" for name, child in children.items() if child.exitcode]
    result.acknowledged = sum(newest.values())
    _check(folder, newest, result)
    return result


def _receive(pipes: dict[str, tuple[Connection, Connection]], newest: dict[str, int], result: Soak) -> None:
    for name, (received, _) in pipes.items():
        try:
            while received.poll():
                message = received.recv()
                if isinstance(message, tuple):
                    result.reads, result.views = message
                else:
                    newest[name.split()[1]] = message
        except EOFError:
            continue


def _check(folder: Path, newest: dict[str, int], result: Soak) -> None:
    """Count each call of each writer in all files: once, and whole."""
    found: dict[str, bytearray] = {writer: bytearray(logged) for writer, logged in newest.items()}
    for path in sorted(folder.glob("*.jsonl")):
        with path.open("rb") as stream:
            for line in stream:
                call = orjson.loads(line)
                writer, _, number = call["trace_id"].partition("-")
                found[writer][int(number)] += 1
                if call["prompt"] != PROMPT:
                    result.faults.append(f"{path.name} holds half a call")
    result.found = sum(map(sum, found.values()))
    lost, twice = (sum(counts.count(times) for counts in found.values()) for times in (0, 2))
    if lost or twice or result.found != result.acknowledged:
        result.faults.append(f"{lost:,} acknowledged calls are lost, {twice:,} are there twice")
