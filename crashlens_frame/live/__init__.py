"""Calls as they happen: every attempt that a client of an SDK makes becomes a row of a LogBook.

``watch`` wraps the client, ``trace`` groups calls, ``budget`` limits what they may cost. ``SpanExporter``,
``LiteLLMLogger``, ``LangChainHandler`` and ``serve_otlp`` take what instrumentations, gateways and coding agents log.
"""

from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError
from .context import budget, trace
from .otlp import OtlpServer, serve_otlp
from .spans import SpanExporter
from .watch import watch

if TYPE_CHECKING:
    from .langchain import LangChainHandler
    from .litellm import LiteLLMLogger

__all__ = [
    "LangChainHandler",
    "LiteLLMLogger",
    "OtlpServer",
    "SpanExporter",
    "budget",
    "serve_otlp",
    "trace",
    "watch",
]


def __dir__() -> list[str]:
    """List the public names."""
    return __all__


def __getattr__(name: str) -> Any:
    """Import what needs the package of another project when it is first used."""
    try:
        if name == "LiteLLMLogger":
            from .litellm import LiteLLMLogger

            return LiteLLMLogger
        if name == "LangChainHandler":
            from .langchain import LangChainHandler

            return LangChainHandler
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0].replace("_", "-")
        raise MissingExtraError(f"{name} needs {package}, which is not installed: pip install {package}") from error
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
