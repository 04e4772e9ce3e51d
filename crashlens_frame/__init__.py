"""Typed DataFrames of LLM calls: what they cost, and how much of it was wasted.

The public names are those of ``dir(crashlens_frame)``. A room of the package is imported when a name of it is first
used, as SPEC 1 of Scientific Python describes (https://scientific-python.org/specs/spec-0001/); ``EAGER_IMPORT=1`` in
the environment imports all of them at once. ``datasets`` is an alias that stays: ``datasets.partitions`` is
``partitions``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import lazy_loader
import pandas as pd

if TYPE_CHECKING:
    from .accessor import CrashlensAccessor

__version__ = "0.2.0"

_get_listed, _list_names, _ = lazy_loader.attach_stub(__name__, __file__)


@pd.api.extensions.register_dataframe_accessor("crashlens")
def _accessor(calls: pd.DataFrame) -> "CrashlensAccessor":
    """Return the functions of the package for a frame of calls, see ``crashlens_frame.accessor``."""
    from .accessor import CrashlensAccessor

    return CrashlensAccessor(calls)


def _of_rosters() -> dict[str, Any]:
    """Return a find_<name> for each detector of the roster, and a plot_<name> for each plot."""
    from .detectors import FINDERS
    from .plot import PLOTS

    return FINDERS | {f"plot_{plot.name}": plot.draw for plot in PLOTS}


def __dir__() -> list[str]:
    """List the public names, without submodules and imports."""
    return sorted([*_list_names(), *_of_rosters()])


def __getattr__(name: str) -> Any:
    """Import what is first used."""
    if name == "__all__":
        return __dir__()
    if name == "datasets":
        return import_module(".io", __name__).datasets
    if name in _list_names():
        return _get_listed(name)
    found = _of_rosters() if name.startswith(("find_", "plot_")) else {}
    if name not in found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found[name]
