"""What is closed leaves nothing behind: ipywidgets keeps every widget that is open, and with it the calls."""

import gc
import weakref

import pytest
from ipywidgets.widgets import widget

import crashlens_frame as cf


@pytest.mark.filterwarnings("ignore::crashlens_frame.errors.CrashlensFrameWarning")
def test_a_closed_explorer_leaves_no_widget_and_no_call():
    calls = cf.simulate_workload(50, seed=1, days=2)
    before = set(widget._instances)
    explorer = cf.Explorer(calls)
    for place in range(len(explorer.tabs.titles)):
        explorer.tabs.selected_index = place
    explorer.filters.labels["team"].value = ("legal",)
    alive = [weakref.ref(each) for each in (explorer, explorer.study, explorer.view)]
    explorer.close()
    explorer.close()
    assert set(widget._instances) == before
    del explorer
    gc.collect()
    assert [each() for each in alive] == [None] * 3


def test_a_closed_form_leaves_its_book_alone():
    book = cf.LogBook()
    before = set(widget._instances)
    form = cf.LogForm(book)
    alive = weakref.ref(form)
    form.close()
    form.close()
    assert set(widget._instances) == before
    del form
    gc.collect()
    assert alive() is None
    book.log(model="gpt-4o", prompt="Hi")
    assert len(book) == 1
