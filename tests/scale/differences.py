"""What a scan in parts finds beside all calls in memory, by detector: python -m tests.scale.differences --help."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

import crashlens_frame as cf
from crashlens_frame.frame import as_calls
from tests.truth import MIXES, frame_of, make_traffic

DOLLARS = ["waste_cost", "counted_cost"]


def logs_of(seed: int, names: tuple[str, ...] = (*MIXES, "workload")) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the labelled traffic of each mix and a simulated workload, counted and priced."""
    for name in names:
        if name == "workload":
            log = cf.simulate_workload(700, seed=seed, days=2)
        else:
            log = as_calls(frame_of(make_traffic(seed, name)))
        yield name, cf.add_cost(cf.add_tokens(log))


def differences(found: pd.DataFrame, expected: pd.DataFrame) -> pd.DataFrame:
    """Count by detector the findings that are lost, invented, or not the same, and give the counted US dollars."""
    keys = ["detector", "finding_id", "cause"]
    both = expected.astype("str").merge(found.astype("str"), on=keys, how="outer", suffixes=("", "/"), indicator=True)
    others = [name for name in expected.columns if name not in keys]
    is_other = pd.concat([both[name].fillna("") != both[f"{name}/"].fillna("") for name in others], axis=1).any(axis=1)
    kinds = both["_merge"].map({"left_only": "lost", "right_only": "invented", "both": "same"}).astype("str")
    kinds = kinds.where((kinds != "same") | ~is_other, "other values")
    table = pd.crosstab(both["detector"], kinds)
    for name, findings in (("in memory", expected), ("in parts", found)):
        table[name] = findings.groupby(findings["detector"].astype("str"))["counted_cost"].sum().round(4)
    return table


def main() -> None:
    """Print the differences of each log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102])
    parser.add_argument("--memory", nargs="+", default=["100MB", "20MB"])
    arguments = parser.parse_args()
    with pytest.MonkeyPatch.context() as patched, TemporaryDirectory() as folder:
        patched.setattr("crashlens_frame.scale.scanner.LEAST_MEMORY", 0)
        for seed in arguments.seeds:
            for name, log in logs_of(seed):
                cf.to_parquet(log, path := Path(folder) / "log.parquet")
                expected = cf.find_waste(log)
                for memory in arguments.memory:
                    begin = time.process_time()
                    found = cf.scan(path, memory=memory, progress=False).findings
                    seconds = time.process_time() - begin
                    print(f"seed {seed}, {name}, {len(log):,} calls, {memory}: {len(expected)} findings, ", end="")
                    same = "the same" if found.equals(expected) else f"not the same\n{differences(found, expected)}"
                    print(f"{same}, {seconds:.1f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
