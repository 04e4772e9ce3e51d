"""Mutants that coverage leads: ``python -m tests.fuzz.guided reader|prices|redact [-max_total_time=300]``.

Needs atheris (``pip install atheris``). Anything but an error of the package ends the run; the input that did it is
left beside, as ``crash-...``, and belongs to the corpus. ``main`` imports the package, as atheris takes it apart.
"""

import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

# modules whose branches lead the mutants: taking all of them apart takes minutes
LED_BY = [
    "crashlens_frame.formats.reading",
    "crashlens_frame.formats.record",
    "crashlens_frame.io.file_kind",
    "crashlens_frame.io.read_lines",
    "crashlens_frame._core.yaml_file",
    "crashlens_frame.pricing.price_file",
    "crashlens_frame.watch.redact",
]

PRICES = b"pricing:\n  gpt-4:\n    input: 30\n    output: 60\n    aliases: [gpt-4-0613]\n"
TEXTS = b"mail jo@example.com, call +49 30 901820, key sk-abc123, card 4111 1111 1111 1111, 10.0.0.1"


def read(path: Path) -> None:
    """Read a log of any kind."""
    import crashlens_frame as cf

    cf.read_logs(path, prices=None)


def load_prices(path: Path) -> None:
    """Read a price file, and price a call with it."""
    import crashlens_frame as cf

    cf.PriceBook.load(path).cost(model="gpt-4", input_tokens=1, output_tokens=1)


def redact(path: Path) -> None:
    """Mask a text."""
    import pandas as pd

    import crashlens_frame as cf

    text = path.read_bytes().decode("utf-8", "replace")
    calls = cf.as_calls(pd.DataFrame({"trace_id": ["t"], "model": ["m"], "prompt": [text], "response": [text[::-1]]}))
    cf.redact(calls, key="k")


def first_logs() -> list[bytes]:
    """Return a line of each format, and the logs of the corpus."""
    from tests.downstream.mutants import FOLDER
    from tests.fuzz.mutants import samples

    return [lines[0] for lines in samples().values()] + [path.read_bytes() for path in FOLDER.iterdir()]


# what is done with a file, and the inputs to begin with
TARGETS: dict[str, tuple[Callable[[Path], None], Callable[[], list[bytes]]]] = {
    "reader": (read, first_logs),
    "prices": (load_prices, lambda: [PRICES]),
    "redact": (redact, lambda: [TEXTS]),
}


def main() -> None:
    name, *options = sys.argv[1:]
    use, begin = TARGETS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import atheris  # type: ignore[import-not-found, unused-ignore]

        with atheris.instrument_imports(include=LED_BY):
            import crashlens_frame as cf
            import crashlens_frame.io
            import crashlens_frame.watch
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, content in enumerate(begin()):
            (corpus / str(number)).write_bytes(content)
        target = Path(folder, "input")

        def one_input(data: bytes) -> None:
            target.write_bytes(data)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    use(target)
                except cf.CrashlensFrameError as error:
                    if not str(error).replace("\n", "").isprintable():
                        raise AssertionError(f"the text of {error!r} is not printable") from error

        atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
