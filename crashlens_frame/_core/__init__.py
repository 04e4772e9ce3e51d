"""Tools that know nothing of calls: equal keys, threads, locks, sums, progress bars, names of files, YAML files."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
