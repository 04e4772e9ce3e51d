"""Files of any kind <-> CALLS: JSON Lines, Parquet, datasets and CSV, read by blocks and written whole or appended."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
