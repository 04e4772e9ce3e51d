"""Typed DataFrames of LLM calls: what they cost, and how much of it was wasted.

The public names are those of ``dir(crashlens_frame)``. A room of the package is imported when a name of it is first
used, as SPEC 1 of Scientific Python describes (https://scientific-python.org/specs/spec-0001/); ``EAGER_IMPORT=1`` in
the environment imports all of them at once. ``datasets`` is an alias that stays: ``datasets.partitions`` is
``partitions``.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    import pandas as pd

    from .accessor import CrashlensAccessor

__version__ = "0.2.0"

_get_listed, _list_names, _ = lazy_loader.attach_stub(__name__, __file__)


def _accessor(calls: "pd.DataFrame") -> "CrashlensAccessor":
    """Return the functions of the package for a frame of calls, see ``crashlens_frame.accessor``."""
    from .accessor import CrashlensAccessor

    return CrashlensAccessor(calls)


def _register() -> None:
    import pandas as pd

    pd.api.extensions.register_dataframe_accessor("crashlens")(_accessor)


class _WhenPandasComes:
    """Finds pandas as the other finders do, and registers df.crashlens when it has been imported.

    So the command line starts without pandas, which takes ten times as long as what the help needs.
    """

    def find_spec(
        self, fullname: str, path: "Sequence[str] | None", target: "ModuleType | None" = None
    ) -> "ModuleSpec | None":
        if fullname != "pandas":
            return None
        others = (finder.find_spec(fullname, path, target) for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, others), None)
        if spec is None or spec.loader is None:
            return spec
        run = spec.loader.exec_module

        def run_and_register(module: "ModuleType") -> None:
            run(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                _register()

        spec.loader.exec_module = run_and_register  # type: ignore[method-assign]  # of this one import
        return spec


if "pandas" in sys.modules:
    _register()
else:
    sys.meta_path.insert(0, _WhenPandasComes())


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
