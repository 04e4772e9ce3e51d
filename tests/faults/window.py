"""What a kill takes of the calls of a watched client that returned: ``python -m tests.faults.window [--kills 200]``.

A thread writes them a moment after they return. Programs are killed (``kill -9``) at random moments; each keeps the
times at which its calls returned in a file that it shares with us, as a message to us would let the thread run.
"""

import argparse
import random
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import crashlens_frame as cf
from tests.benchmarks.bench_live import ANSWER, ASKED

from .kills import FORKS, START
from .writers import LOG, require

CALLS = 1 << 16  # that a program makes at most
WARM = 20  # calls before it may be killed
PAUSES = {"a call after the other, without a network": 0.0, "with 5 ms for the network": 0.005}
_RETURNED = "returned"


class Lost(NamedTuple):
    """The calls that a kill took: how many returned before it, how many of these are lost, the oldest in ms."""

    returned: int
    lost: int
    oldest_ms: float


def _call_until_killed(folder: Path, pause: float) -> None:
    import httpx2

    def answer(request: Any) -> Any:
        time.sleep(pause)
        return httpx2.Response(200, json=ANSWER)

    returned = np.memmap(folder / _RETURNED, float, "r+", shape=(CALLS,))
    client = cf.live.watch(httpx2.Client(transport=httpx2.MockTransport(answer)), cf.LogBook(folder / LOG))
    for number in range(CALLS):
        with cf.live.trace(trace_id=f"t{number}"):
            client.post("http://here/v1/chat/completions", json=ASKED)
        returned[number] = time.monotonic()


def kill_once(pause: float, moment: float) -> Lost:
    """Kill a program some seconds after it began, and check that no call is lost but the last that returned."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        returned = np.memmap(folder / _RETURNED, float, "w+", shape=(CALLS,))
        child = FORKS.Process(target=_call_until_killed, args=(folder, pause), daemon=True)
        child.start()
        end = time.monotonic() + START
        while not returned[WARM]:
            require(time.monotonic() < end and child.is_alive(), "the program did not begin")
            time.sleep(0.001)
        time.sleep(moment)
        killed = time.monotonic()
        child.kill()
        child.join()
        n_returned = int((returned > 0).sum())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", cf.RejectedLinesWarning)  # a line that the kill tore
            found = cf.read_jsonl(folder / LOG, duplicates="all")["trace_id"].str[1:].astype(int)
        require(found.tolist() == list(range(len(found))), "calls are missing before the last, or twice")
        lost = max(n_returned - len(found), 0)
        oldest = 1000 * max(killed - float(returned[len(found)]), 0) if lost else 0.0
        return Lost(n_returned, lost, oldest)


def kills(pause: float, number: int, seed: int = 1) -> list[Lost]:
    """Kill as many programs, each at another moment."""
    chance = random.Random(seed)
    return [kill_once(pause, chance.uniform(0, 0.3)) for _ in range(number)]


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.faults.window", description=__doc__.splitlines()[0])
    asked.add_argument("--kills", type=int, default=200)
    number = asked.parse_args().kills
    for name, pause in PAUSES.items():
        found = kills(pause, number)
        oldest = [each.oldest_ms for each in found]
        print(
            f"{name}: {number} kills, {sum(each.returned for each in found):,} calls had returned,"
            f" {sum(each.lost for each in found):,} are lost; of a kill at most {max(each.lost for each in found)},"
            f" median {statistics.median(each.lost for each in found):g}; the oldest had returned"
            f" {max(oldest):.1f} ms before, median {statistics.median(oldest):.1f} ms"
        )


if __name__ == "__main__":
    main()
