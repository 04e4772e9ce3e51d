"""Calls as they happen: what frameworks and programs report of their calls, put into a book at once.

Each name is imported when it is first used, with the package of another project that it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .langchain import LangChainHandler
    from .litellm import LiteLLMLogger
    from .otlp import OtlpServer, serve_otlp
    from .spans import SpanExporter

__all__ = [
    "LangChainHandler",
    "LiteLLMLogger",
    "OtlpServer",
    "SpanExporter",
    "serve_otlp",
]

_MODULES = {
    "LangChainHandler": "langchain",
    "LiteLLMLogger": "litellm",
    "OtlpServer": "otlp",
    "SpanExporter": "spans",
    "serve_otlp": "otlp",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
