"""Processes that have started, so that a test knows where work is done."""

import time
from typing import Any

from crashlens_frame.io.processes import Processes


def ready(processes: Processes[Any, Any]) -> Processes[Any, Any]:
    """Return processes of which one can work."""
    processes.start(1)
    while processes._free.qsize() < 2:  # this one is free, too
        time.sleep(0.01)
    return processes
