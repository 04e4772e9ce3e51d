"""Numbers of tokens, counted where the log did not report them."""

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache, partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import InvalidCallError, TokenizerError, TokenizerWarning
from .extras import scrubbed
from .frame import check_calls
from .modelnames import forms
from .schema import TEXT, TOKEN_SOURCES

# encodings whose vocabularies toktok carries in its wheel; those of the others tiktoken fetches on first use
_OFFLINE = ("cl100k_base", "o200k_base", "o200k_harmony")


def count_tokens(texts: Iterable[str | None], *, model: str) -> pd.arrays.IntegerArray:
    """Count the tokens of texts.

    The counts of OpenAI models are exact and need no network: those that tiktoken gives for the same encoding, special
    tokens counted as the text that they are. For models of other makers no exact tokenizer is public, so their counts
    are null.

    Parameters
    ----------
    texts
        Texts; null stays null.
    model
        Name of the model, as in logs: ``"openai/gpt-4o"`` will do.

    Returns
    -------
    IntegerArray
        Int64, an entry a text: number of tokens; null for null, and where the tokenizer of the model is not public.

    Raises
    ------
    TokenizerError
        The vocabulary of an old model is neither installed nor within reach.
    InvalidCallError
        One of the texts is neither text nor null.

    Notes
    -----
    Which encoding a model uses is what tiktoken says (https://github.com/openai/tiktoken).

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> cf.count_tokens(["Hello, world!", None, ""], model="gpt-4o")
    <IntegerArray>
    [4, <NA>, 0]
    Length: 3, dtype: Int64
    """
    try:
        given = pa.array([None if text is None else scrubbed(text) for text in texts], TEXT, from_pandas=True)
    except (AttributeError, TypeError) as error:
        raise InvalidCallError(f"texts hold what is neither text nor null: {error}") from error
    encoding = _encoding(model)
    return pd.array([None] * len(given), dtype="Int64") if encoding is None else _counted(given, encoding)


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
        The calls with ``input_tokens``, ``output_tokens`` and ``token_source``: reported, or counted where either
        number was; null where both are unknown.

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
    encodings = [_encoding(str(name)) for name in labels.categories]
    code = labels.codes.to_numpy()
    sent, sent_counted = _filled(calls, "input_tokens", "prompt", encodings, code)
    written, written_counted = _filled(calls, "output_tokens", "response", encodings, code)
    if "level" in calls.columns:
        failed = calls["level"].eq("error").fillna(False).to_numpy(bool) & calls["response"].isna().to_numpy()
        written[failed & written.isna()] = 0
    known = ~(sent.isna() & written.isna())
    return calls.assign(
        input_tokens=sent, output_tokens=written, token_source=_sources(calls, sent_counted | written_counted, known)
    )


def _filled(
    calls: pd.DataFrame, name: str, text: str, encodings: list[str | None], code: np.ndarray
) -> tuple[pd.arrays.IntegerArray, np.ndarray]:
    """Count the tokens of the texts whose number is null; tell which were counted."""
    numbers = calls[name] if name in calls.columns else pd.Series(pd.NA, index=calls.index)
    tokens = numbers.astype("Int64").array.copy()
    counted = np.zeros(len(calls), bool)
    open_ = tokens.isna() & calls[text].notna().to_numpy()
    for encoding in {one for one in encodings if one is not None}:
        of_encoding = np.array([*(one == encoding for one in encodings), False])[code]
        rows = np.flatnonzero(open_ & of_encoding)
        if len(rows):
            texts = pa.array(calls[text].iloc[rows], from_pandas=True)
            try:
                tokens[rows] = _counted(texts, encoding)
            except TokenizerError as error:
                warnings.warn(f"{len(rows):,} texts are not counted: {error}", TokenizerWarning, stacklevel=3)
            else:
                counted[rows] = True
    return tokens, counted


def _sources(calls: pd.DataFrame, counted: np.ndarray, known: np.ndarray) -> pd.Categorical:
    """Say of each call how its tokens came about; what is known of numbers that were there stays."""
    old = pd.Categorical(calls["token_source"] if "token_source" in calls.columns else [None] * len(calls), TOKEN_SOURCES)
    said = np.where(old.codes >= 0, old.codes, np.where(known, TOKEN_SOURCES.index("reported"), -1))
    code = np.where(counted, TOKEN_SOURCES.index("counted"), said)
    return pd.Categorical.from_codes(code, categories=pd.Index(TOKEN_SOURCES, dtype="str"), ordered=True)


def _counted(texts: pa.Array | pa.ChunkedArray, encoding: str) -> pd.arrays.IntegerArray:
    """Count each distinct text once."""
    distinct = pc.dictionary_encode(texts)
    if isinstance(distinct, pa.ChunkedArray):
        distinct = distinct.combine_chunks()
    counts = np.array([*_counter(encoding)(distinct.dictionary.to_pylist()), 0], dtype=np.int64)
    code = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.arrays.IntegerArray(counts[code], code < 0)


@lru_cache
def _encoding(model: str) -> str | None:
    """Give the encoding of a model of OpenAI; None for those of others."""
    from tiktoken.model import encoding_name_for_model

    for name, _ in forms(model):
        try:
            return encoding_name_for_model(name)
        except KeyError:
            continue
    return None


@lru_cache
def _counter(encoding: str) -> Callable[[list[str]], list[int]]:
    """Give what counts the tokens of texts."""
    if encoding in _OFFLINE:
        import toktok

        return partial(toktok.batch_count, encoding=encoding)
    import tiktoken

    try:
        tokenizer = tiktoken.get_encoding(encoding)
    except (OSError, ValueError) as error:
        raise TokenizerError(
            f"tiktoken has no vocabulary of {encoding} and cannot fetch it ({type(error).__name__}); connect once, or set"
            " TIKTOKEN_CACHE_DIR to a folder that holds it (https://github.com/openai/tiktoken)"
        ) from error
    return lambda texts: [len(tokens) for tokens in tokenizer.encode_ordinary_batch(texts)]
