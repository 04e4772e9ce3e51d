"""What watching a client adds to a call: ``python -m tests.benchmarks.overhead [--calls 1000]``.

A call of an SDK takes about a millisecond even without a network, and processes differ by more than watching costs. So
calls of the bare client and of the watched ones take turns in one process, and the median of their differences counts.
What a call waits for is measured by the clock, and, as that varies by more than watching costs, by the processor time
of its thread; what the program spends, with the thread that writes the file, by the processor time of all its threads.
"""

import argparse
import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import crashlens_frame as cf
from tests.benchmarks.bench_live import ANSWER, ASKED, _bare, _durable, _watched
from tests.support.fault_server import Step, fault_server

WAYS: dict[str, Callable[[Path], Any]] = {"in memory": _watched, "each attempt in the file": _durable}
REST = 0.01  # seconds between two calls, as a program waits for a network; the file is written in them
BATCH = 12  # calls
TASKS, OF_TASK = 50, 200


def differences(bare: Any, client: Any, times: int, measured: Callable[[Any], float]) -> list[float]:
    """Return what each call or batch of a client took more than the one of the bare client before it."""
    for warm in (bare, client) * 20:
        measured(warm)
    pairs = [(measured(bare), measured(client)) for _ in range(times)]
    return [more - less for less, more in pairs]


def waited(client: Any) -> float:
    """Return the microseconds that a call takes; before it the program rests."""
    time.sleep(REST)
    begin = time.perf_counter()
    client.chat.completions.create(**ASKED)
    return (time.perf_counter() - begin) * 1e6


def spent_by_caller(client: Any) -> float:
    """Return the microseconds of processor time that the thread of a call takes, on average of a batch."""
    begin = time.thread_time()
    for _ in range(BATCH):
        client.chat.completions.create(**ASKED)
    return (time.thread_time() - begin) / BATCH * 1e6


def spent(client: Any) -> float:
    """Return the microseconds of processor time that a call of a batch takes, with all threads of the program."""
    begin = time.process_time()
    for _ in range(BATCH):
        client.chat.completions.create(**ASKED)
    time.sleep(REST)  # what waits for the file is written
    return (time.process_time() - begin) / BATCH * 1e6


def of_tasks(watch: Callable[[Any], Any]) -> float:
    """Return the microseconds by the clock that each of 10,000 calls of 50 tasks takes."""
    import httpx2

    def answer(request: Any) -> Any:
        return httpx2.Response(200, json=ANSWER)

    async def task(client: Any) -> None:
        for _ in range(OF_TASK):
            await client.post("http://here/v1/chat/completions", json=ASKED)

    async def run() -> float:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as bare:
            client, begin = watch(bare), time.perf_counter()
            await asyncio.gather(*(task(client) for _ in range(TASKS)))
            return (time.perf_counter() - begin) / TASKS / OF_TASK * 1e6

    return asyncio.run(run())


def _serve(sent: Connection) -> None:
    with fault_server() as server:
        server.play(Step(body=ANSWER))
        sent.send(server.url)
        sent.recv()


def _served(url: str) -> Any:
    from openai import OpenAI

    return OpenAI(api_key="k", base_url=f"{url}/v1")


def show(name: str, found: Sequence[float]) -> None:
    low, middle, high = statistics.quantiles(found, n=4)
    print(f"{name}: {middle:.0f} us a call beside the bare client (quartiles {low:.0f} to {high:.0f})", flush=True)


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.benchmarks.overhead", description=__doc__.splitlines()[0])
    asked.add_argument("--calls", type=int, default=1000)
    calls = asked.parse_args().calls
    with TemporaryDirectory() as name:
        folder = Path(name)
        bare = _bare(folder)
        for way, make in WAYS.items():
            show(f"a call waits, {way}", differences(bare, make(folder), calls, waited))
        here, there = multiprocessing.Pipe()
        server = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
        server.start()
        client = _served(here.recv())
        watched = cf.live.watch(client, cf.LogBook(folder / "served.jsonl"))
        show("a call waits, in the file, server in another process", differences(client, watched, calls // 2, waited))
        here.send("end")
        for way, make in WAYS.items():
            found = differences(bare, make(folder), calls // BATCH, spent_by_caller)
            show(f"processor time of the caller, {way}", found)
        for way, make in WAYS.items():
            show(f"processor time, {way}", differences(bare, make(folder), calls // BATCH, spent))
    with TemporaryDirectory() as name:
        ways = {"the bare client": lambda bare: bare, "in memory": lambda bare: cf.live.watch(bare, cf.LogBook())}
        ways["each in the file"] = lambda bare: cf.live.watch(bare, cf.LogBook(Path(name) / "tasks.jsonl"))
        for way, watch in ways.items():
            took = of_tasks(watch)
            time.sleep(1)  # what waits is written before its folder goes
            print(f"{TASKS} tasks, {TASKS * OF_TASK:,} calls, {way}: {took:.0f} us a call by the clock")


if __name__ == "__main__":
    main()
