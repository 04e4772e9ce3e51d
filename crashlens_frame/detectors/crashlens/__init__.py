"""The four detectors of CrashLens, as ``crashlens scan`` 2.20.0 has them; severity is by their own rules."""

from . import fallback_failures, fallback_storms, overkill_models, retry_loops

__all__ = ["fallback_failures", "fallback_storms", "overkill_models", "retry_loops"]
