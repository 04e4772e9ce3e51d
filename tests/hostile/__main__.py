"""Bring every frame to every door and print what broke: ``python -m tests.hostile``, about five minutes."""

import warnings

import matplotlib

from .walk import pairs, walk


def main() -> int:
    matplotlib.use("agg")
    warnings.simplefilter("ignore")
    count = broken = 0
    for frame_name, frame, door_name, door in pairs():
        count += 1
        if fault := walk(frame, door):
            broken += 1
            print(f"{door_name} with {frame_name}: {fault}", flush=True)
    print(f"{count:,} walks, {broken:,} faults")
    return int(bool(broken))


if __name__ == "__main__":
    raise SystemExit(main())
