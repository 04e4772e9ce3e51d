"""Hosts of open models: each has prices of its own, or none, whatever a model of the same name costs elsewhere."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .book import PriceBook

# the beginning of the names of a host's models, and other names that logs have for the host
_HOSTS = {
    name: host
    for host, names in {
        "anyscale": (), "baseten": (), "cerebras": (), "chutes": (), "cloudflare": ("workers_ai",), "crusoe": (),
        "deepinfra": ("deep_infra",), "featherless_ai": ("featherless",), "fireworks_ai": ("fireworks",),
        "friendliai": ("friendli",), "gmi": ("gmicloud",), "groq": (), "hosted_vllm": ("vllm",),
        "huggingface": ("hf", "hf_inference"), "hyperbolic": (), "lambda_ai": (), "llamafile": (),
        "lm_studio": ("lmstudio",), "local": ("localai", "llama_cpp", "llamacpp", "mlx", "sglang", "tgi"),
        "nebius": ("nebius_ai_studio",), "novita": ("novitaai", "novita_ai"), "nscale": (), "nvidia_nim": ("nvidia",),
        "ollama": ("ollama_chat",), "ovhcloud": (), "parasail": (), "replicate": (), "sambanova": (), "scaleway": (),
        "siliconflow": (), "together_ai": ("together", "togetherai"), "xinference": (),
    }.items()
    for name in (host, *names)
}  # fmt: skip


@lru_cache(maxsize=1024)
def host_of(provider: str | None) -> str | None:
    """Return the host of open models that a provider as logged is; None: it is none.

    Examples
    --------
    >>> from crashlens_frame.pricing.hosts import host_of
    >>> host_of("Fireworks-AI"), host_of("together.ai"), host_of("ollama"), host_of("azure")
    ('fireworks_ai', 'together_ai', 'ollama', None)
    """
    return _HOSTS.get(re.sub(r"[^a-z0-9]+", "_", provider.lower()).strip("_")) if provider else None


def name_at(book: "PriceBook", name: str, provider: str | None) -> str:
    """Return the name under which a book has the price of a model at a provider.

    A host of open models has prices of its own. An entry without a provider, as in a price file of one's own, holds
    everywhere.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from crashlens_frame.pricing.hosts import name_at
    >>> name_at(cf.PriceBook.default(), "openai/gpt-oss-120b", "groq"), name_at(cf.PriceBook.default(), "o3", "azure")
    ('groq/openai/gpt-oss-120b', 'o3')
    """
    host = host_of(provider)
    if host is None:
        return name
    at_host = name if name.lower().startswith(f"{host}/") else f"{host}/{name}"
    is_anywhere = (found := book.find(name)) is not None and book.entries[found.model].provider is None
    return name if is_anywhere and book.find(at_host) is None else at_host
