"""What simulating a month of traffic costs."""

import crashlens_frame as cf
from tests.benchmarks.data import TRACES
from tests.benchmarks.harness import OURS, Case

CASES = (
    Case(
        "`simulate_workload`, a month of 1,000,000 calls",
        OURS,
        lambda traces: cf.simulate_workload(traces, seed=1),
        lambda folder: TRACES,
        runs=3,
    ),
)
