"""What finding the waste in a million calls costs."""

import crashlens_frame as cf
from tests.benchmarks import data
from tests.benchmarks.harness import OURS, Case

CASES = (
    Case("`find_retry_loops`, 1,000,000 calls", OURS, cf.find_retry_loops, data.calls),
    Case("`find_waste`, all four detectors, 1,000,000 calls", OURS, cf.find_waste, data.calls),
    Case("`summarize`, waste included, 1,000,000 calls", OURS, cf.summarize, data.calls),
)
