"""The Explorer as a web page, for people who write no code; served by Voila on this machine only."""

from .serving import HOST, THEMES, serve

__all__ = ["HOST", "THEMES", "serve"]
