"""tiktoken without a network: the vocabularies that bpe-openai carries, where tiktoken looks for what it downloaded."""

import gzip
import hashlib
from importlib.util import find_spec
from pathlib import Path

URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


def install(folder: Path) -> None:
    """Write both vocabularies under the names that tiktoken gives to files of its cache."""
    # found, not imported: at its import bpe-openai unpacks its vocabularies by deprecated means
    (package,) = find_spec("bpe_openai").submodule_search_locations
    for encoding in ("cl100k_base", "o200k_base"):
        packed = Path(package, "data", f"{encoding}.tiktoken.gz").read_bytes()
        name = hashlib.sha1(URL.format(encoding).encode()).hexdigest()
        (folder / name).write_bytes(gzip.decompress(packed))
