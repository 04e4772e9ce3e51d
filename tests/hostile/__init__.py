"""Hostile values at every door: what the package raises is an error of its own."""
