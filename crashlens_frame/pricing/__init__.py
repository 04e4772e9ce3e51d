"""Prices: price files and public lists, which price a logged name has, and what calls cost or would have cost."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
