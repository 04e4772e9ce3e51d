"""The public names: what ``dir`` shows, and that a new plot is one file and one line of the roster."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import crashlens_frame as cf

PACKAGE = Path(cf.__file__).parent


def test_dir_shows_the_public_names_and_nothing_else():
    assert dir(cf) == sorted(cf.__all__)
    assert len(set(cf.__all__)) == len(cf.__all__)


def test_each_method_of_the_accessor_is_a_public_function_too():
    calls = cf.simulate_workload(20, seed=1)
    renamed = {"summary": "summarize", "report": "write_report", "waste": "find_waste"}
    for name in (name for name in dir(calls.crashlens) if not name.startswith("_") and name != "plot"):
        assert {renamed.get(name, name), f"find_{name}"} & set(cf.__all__), name
    assert {f"plot_{name}" for name in vars(type(calls.crashlens.plot)) if not name.startswith("_")} <= set(cf.__all__)


def test_the_alias_of_the_partitions_stays():
    assert cf.datasets.partitions is cf.partitions


CAPTURED = {"capture_output": True, "text": True, "check": True, "timeout": 60}
MY_PLOT = '''
def plot_teams(calls, *, ax=None, by="model", width=0.5):
    """Draw the teams."""
    from .canvas import new_axes, set_title
    ax = new_axes(ax)
    set_title(ax, f"teams by {by}")
    return ax
'''
ASK = """
import inspect
import matplotlib
matplotlib.use("agg")
import pytest

import crashlens_frame as cf
calls = cf.simulate_workload(20, seed=1)
print("plot_teams" in dir(cf), inspect.signature(cf.plot_teams))
print(inspect.signature(calls.crashlens.plot.teams), inspect.getdoc(calls.crashlens.plot.teams))
explorer = cf.Explorer(calls)
explorer.by.value = "team"
explorer.plots.selected_index = explorer.plots.titles.index("Teams")
print("teams by team" in explorer.plots.children[-1].value, repr(explorer.status.value))
"""


def test_a_new_plot_is_one_file_and_one_line_of_the_roster(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "crashlens_frame", ignore=shutil.ignore_patterns("__pycache__"))
    room = tmp_path / "crashlens_frame" / "plot"
    (room / "teams.py").write_text(MY_PLOT)
    door = (room / "__init__.py").read_text()
    line = "    Plot(plot_trace),\n"
    assert line in door
    door = door.replace(line, f'{line}    Plot(plot_teams, tab="Teams"),\n')
    (room / "__init__.py").write_text(door.replace("from .trace ", "from .teams import plot_teams\nfrom .trace "))

    done = subprocess.run(
        [sys.executable, "-c", ASK],
        capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip

    assert (done.stdout.splitlines(), done.stderr) == (
        [
            "True (calls, *, ax=None, by='model', width=0.5)",
            "(*, ax=None, by='model', width=0.5) Draw the teams.",
            "True ''",
        ],
        "",
    )


@pytest.mark.parametrize(("eager", "rooms"), [("", False), ("1", True)])
def test_a_room_is_imported_with_the_first_use_of_a_name_of_it(eager, rooms):
    code = """
import sys
import pytest

import crashlens_frame as cf
print([name for name in sys.modules if name.startswith("crashlens_frame.")] != [], cf.LogBook.__module__)
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"EAGER_IMPORT": eager},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == [str(rooms), "crashlens_frame.logbook.book"]


@pytest.mark.parametrize(
    "code",
    [
        "import pandas, crashlens_frame",
        "import crashlens_frame, importlib.util; importlib.util.find_spec('pandas'); import pandas",
        "import crashlens_frame, importlib; import pandas; importlib.reload(crashlens_frame)",
        "from crashlens_frame import LogBook; import pandas",
    ],
)
def test_frames_have_the_accessor_in_whatever_order_the_two_are_imported(code):
    asked = f"{code}\nimport sys\nprint(callable(pandas.DataFrame.crashlens), len(sys.meta_path))"
    before = subprocess.run([sys.executable, "-c", "import sys, pandas; print(len(sys.meta_path))"], **CAPTURED)
    ran = subprocess.run([sys.executable, "-c", asked], **CAPTURED)
    assert ran.stdout.split() == ["True", before.stdout.strip()]


def test_neither_the_package_nor_the_help_of_its_commands_imports_pandas():
    for start in ("", "import crashlens_frame.cli as cli; cli.main(['--help'], standalone_mode=False)"):
        code = (
            f"import crashlens_frame\n{start}\nimport sys\nprint({{'numpy', 'pandas', 'pyarrow'}} & {{*sys.modules}})"
        )
        assert subprocess.run([sys.executable, "-c", code], **CAPTURED).stdout.endswith("set()\n")


def test_a_name_that_there_is_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'crashlens_frame' has no attribute 'find_nothing'"):
        cf.find_nothing  # noqa: B018
