"""The short form: mutants of every format, and every log that ever broke something."""

import pytest

from tests.support.vendor_logs import TELLERS

from .mutants import FOLDER, fault_of, log_of


@pytest.mark.long
@pytest.mark.parametrize("teller", TELLERS, ids=lambda teller: teller.__name__)
def test_mutants_harm_no_other_line_and_nothing_that_comes_after(teller):
    log, untouched = log_of(teller, 0)
    assert fault_of(log, untouched) is None


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_what_broke_once_breaks_no_more(path):
    assert fault_of(path.read_bytes()) is None


def test_the_check_sees_a_lost_and_a_changed_line():
    log, untouched = log_of(TELLERS[0], 0, mutants=0)
    assert fault_of(log, untouched) is None
    first, *others = log.splitlines(keepends=True)
    assert fault_of(b"".join(others), untouched) == "7 of 8 untouched calls are there, 7 of them right"
    changed = first.replace(b"model-x", b"model-y")
    assert fault_of(b"".join([changed, *others]), untouched) == "8 of 8 untouched calls are there, 7 of them right"
    assert fault_of(b"".join([b"{", *others]), untouched) == "the untouched lines [1] were refused"
