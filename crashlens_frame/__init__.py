"""Typed DataFrames of LLM calls: what they cost, and what of it was wasted."""
