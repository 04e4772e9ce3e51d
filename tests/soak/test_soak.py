"""The short soak: five seconds; and the check sees what it is for."""

from pathlib import Path

from .load import LOG, Soak, _check, soak


def test_a_log_fed_by_processes_and_rotated_beside_a_reader_loses_nothing(tmp_path: Path) -> None:
    result = soak(tmp_path, seconds=5, rate=300, processes=3, rotate=1)
    assert result.faults == []
    assert result.found == result.acknowledged > 100
    assert result.rotations >= 2


def test_the_check_sees_lost_calls_and_those_that_are_there_twice(tmp_path: Path) -> None:
    result = Soak(1, 1, acknowledged=3)
    lines = [f'{{"trace_id": "0-{number}", "prompt": "half"}}\n' for number in (0, 0, 2)]
    (tmp_path / LOG).write_text("".join(lines))
    _check(tmp_path, {"0": 3}, result)
    assert result.faults[-1] == "1 acknowledged calls are lost, 1 are there twice"
    assert result.faults[:-1] == [f"{LOG} holds half a call"] * 3
