"""The short campaign: two kills of each writer; and the checks see what they are for."""

import json
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import crashlens_frame as cf

from .kills import Count, kill_often
from .window import PAUSES, kills
from .writers import LOG, WRITERS, FaultError, Writer

BY_NAME = {writer.name: writer for writer in WRITERS}


@pytest.mark.parametrize("writer", WRITERS, ids=lambda writer: writer.name)
def test_a_killed_writer_loses_nothing_it_acknowledged(writer: Writer) -> None:
    count = kill_often(writer, 2)
    assert count.faults == ()
    assert count.kills >= 2
    assert count.acknowledged > 0
    assert count.whole > 0


@pytest.mark.parametrize("pause", PAUSES.values(), ids=PAUSES)
def test_a_kill_takes_the_last_moments_of_watched_calls_at_most(pause: float) -> None:
    for lost in kills(pause, 2):
        assert lost.returned > 20
        assert lost.lost <= 256
        assert lost.oldest_ms < 2_000  # some 10 ms, where nothing else runs


def _acknowledge_too_early(folder: Path, first: int, acknowledge: Connection) -> None:
    book = cf.LogBook(folder / LOG)
    for number in range(first, first + 1_000_000):
        acknowledge.send(number)
        if number % 2:
            book.log(model="gpt-4", prompt="p", trace_id=f"t{number}")


def test_the_campaign_sees_calls_that_were_acknowledged_and_are_lost() -> None:
    count: Count = kill_often(replace(BY_NAME["LogBook"], write=_acknowledge_too_early), 1)
    assert len(count.faults) == 1


def test_the_check_sees_a_lost_call_and_half_a_call(tmp_path: Path) -> None:
    check = BY_NAME["LogBook"].check
    (tmp_path / LOG).write_text(json.dumps({"trace_id": "t1", "model": "m", "prompt": "half"}) + "\n")
    with pytest.raises(FaultError, match="1 acknowledged calls are lost"):
        check(tmp_path, {1, 2})
    with pytest.raises(FaultError, match="half a call was read as whole"):
        check(tmp_path, {1})


def test_the_check_sees_half_a_write(tmp_path: Path) -> None:
    lines = [json.dumps({"trace_id": f"t{row}", "model": "m", "route": "0"}) for row in range(39)]
    (tmp_path / LOG).write_text("\n".join(lines) + "\n")
    with pytest.raises(FaultError, match="1 writes were read in part"):
        BY_NAME["to_jsonl"].check(tmp_path, {0})
