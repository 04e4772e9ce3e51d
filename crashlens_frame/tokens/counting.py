"""Numbers of tokens, counted where the log did not report them."""

import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, overload

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .._core import parallel_map, progress_bar
from ..errors import InvalidCallError, InvalidOptionError, TokenizerError, TokenizerWarning, check_text
from ..frame import check_calls, checked_calls
from ..jsonvalues import without_surrogates
from ..layout import READING, UNCLEAR
from ..pricing import name_forms
from ..schema import TEXT, TOKEN_SOURCES
from ..words import quantity
from .one_call import Tokenizer, token_count, tokenizer_of
from .vocabularies import Counter, download_vocabularies, token_counter


@overload
def count_tokens(  # type: ignore[overload-overlap]  # a str is an iterable
    texts: str, *, model: str, client: Any = None, progress: bool | None = None, allow_download: bool = False
) -> int | None: ...
@overload
def count_tokens(
    texts: Iterable[str | None],
    *,
    model: str,
    client: Any = None,
    progress: bool | None = None,
    allow_download: bool = False,
) -> pd.arrays.IntegerArray: ...
def count_tokens(
    texts: str | Iterable[str | None],
    *,
    model: str,
    client: Any = None,
    progress: bool | None = None,
    allow_download: bool = False,
) -> int | pd.arrays.IntegerArray | None:
    """Count the tokens of a text, or of many texts.

    The numbers for OpenAI models are exact and need no network: they are those of tiktoken for the same encoding, with
    special tokens counted as plain text. The numbers for Claude, Gemini, DeepSeek, Llama, Mistral, Command and Qwen are
    estimates: the number for o200k_base times a factor of the family. For English texts and code most estimates were
    within 5 % and 19 of 20 within 12 %; for other languages and the newest models they can be off by half. The numbers
    for all other models are null. With a client of Anthropic, the numbers for Claude are exact: those of its free
    counting endpoint, for each text as the message of a user.

    Parameters
    ----------
    texts
        A text, or texts; null stays null.
    model
        Name of the model as in logs, such as ``"openai/gpt-4o"``.
    client
        ``anthropic.Anthropic()``, or any other client with ``messages.count_tokens``, to count the tokens of Claude;
        it is not asked for other models. It is asked once for each distinct text, and again where it is busy, as often
        as its ``max_retries`` says; the numbers are kept for as long as the program runs.
    progress
        Whether to show a bar while the client is asked; None: after two seconds, in a terminal or a notebook.
    allow_download
        Whether tiktoken may download the vocabulary of an old model, such as davinci. Without it the network is never
        used, but a vocabulary that tiktoken has downloaded before is.

    Returns
    -------
    int or IntegerArray
        For a single text its number of tokens, None for a model of an unknown tokenizer. For many texts Int64, one
        number per text; null for null, and for models of unknown tokenizers.

    Raises
    ------
    TokenizerError
        The vocabulary of an old model is not at hand or cannot be downloaded, or the client raised an error.
    InvalidCallError
        A text is neither text nor null.
    InvalidOptionError
        ``model`` is no text, or ``texts`` are neither a text nor several.

    Notes
    -----
    The encoding of a model of OpenAI is the one that tiktoken names (https://github.com/openai/tiktoken). The factors
    were measured with the published vocabularies of the families; ``crashlens_frame.tokens.FAMILIES`` lists them.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> cf.count_tokens("Hello, world!", model="gpt-4o")
    4
    >>> cf.count_tokens(["Hello, world!", None, ""], model="gpt-4o")
    <IntegerArray>
    [4, <NA>, 0]
    Length: 3, dtype: Int64
    """
    check_text("model", model)
    if not isinstance(texts, Iterable):
        raise InvalidOptionError(f"texts are {texts!r}, expected a text, or several")
    of_vendor = _vendor_tokenizer(model, client, progress)
    if allow_download:
        download_vocabularies(_encodings([tokenizer_of(model)]))
    if isinstance(texts, str):
        of_model = tokenizer_of(model)
        if of_vendor is not None:
            return of_vendor([texts])[0]
        return None if of_model is None else token_count(texts, of_model)
    values = list(texts)
    try:
        array = pa.array(values, TEXT, from_pandas=True)
    except UnicodeEncodeError:
        array = pa.array(
            [without_surrogates(text) if isinstance(text, str) else text for text in values], TEXT, from_pandas=True
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidCallError(f"texts hold a value that is neither text nor null: {error}") from error
    if of_vendor is not None:
        return _distinct_counts(array, of_vendor)
    tokenizer = tokenizer_of(model)
    return pd.array([None] * len(values), dtype="Int64") if tokenizer is None else _token_counts(array, tokenizer)


def add_tokens(
    calls: pd.DataFrame, *, client: Any = None, progress: bool | None = None, allow_download: bool = False
) -> pd.DataFrame:
    """Count the tokens that the log did not report.

    A failed call has 0 output tokens if the log does not report another number. A prompt that is more than its text is
    not counted: one with images, files or definitions of tools, which have a ``prompt_hash``. A call whose
    ``token_reading`` is "unclear" is not counted either: the log has counts of it, which contradict one another.

    Parameters
    ----------
    calls
        Frame with ``model``, ``prompt`` and ``response``; the token columns, ``token_reading``, ``prompt_hash`` and
        ``level`` are read too if it has them.
    client, progress
        As for ``count_tokens``, to count the prompts that were sent to Claude. Its answers stay estimates, as the
        endpoint counts what is sent.
    allow_download
        As for ``count_tokens``.

    Returns
    -------
    DataFrame
        The calls with ``input_tokens``, ``output_tokens`` and ``token_source``: "counted" if a number was counted
        exactly, "estimated" if one was estimated, otherwise "reported"; null if both numbers are unknown.

    Raises
    ------
    MissingColumnsError
        A needed column is missing.

    Warns
    -----
    TokenizerWarning
        The vocabulary of an old model is not at hand; its tokens stay unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> import crashlens_frame as cf
    >>> calls = pd.DataFrame({"model": ["gpt-4"], "prompt": ["Hello, world!"], "response": ["Hi there!"]})
    >>> cf.add_tokens(calls)[["input_tokens", "output_tokens", "token_source"]]
       input_tokens  output_tokens token_source
    0             4              3      counted
    """
    check_calls(calls, needs=())
    counts = {"input_tokens", "output_tokens"} & set(calls.columns)
    calls = checked_calls(calls, needs={"model", "prompt", "response", *counts})
    labels = calls["model"].astype("category").cat
    tokenizers = [tokenizer_of(str(name)) for name in labels.categories]
    code = labels.codes.to_numpy()
    missing: dict[str, int] = {}
    if allow_download:
        download_vocabularies(_encodings(tokenizers))
    vendors = [_vendor_tokenizer(str(name), client, progress) for name in labels.categories]
    n_input, input_source = _fill_column(calls, "input_tokens", "prompt", tokenizers, code, vendors, missing)
    n_output, output_source = _fill_column(calls, "output_tokens", "response", tokenizers, code, [], missing)
    for reason, n_texts in missing.items():
        warnings.warn(
            f"the tokens of {quantity(n_texts, 'text')} are not counted: {reason}", TokenizerWarning, stacklevel=2
        )
    if "level" in calls.columns:
        failed = calls["level"].eq("error").fillna(False).to_numpy(bool) & calls["response"].isna().to_numpy()
        failed &= ~_are_unclear(calls)
        n_output[failed & n_output.isna()] = 0
    has_tokens = ~(n_input.isna() & n_output.isna())
    source = _token_sources(calls, np.maximum(input_source, output_source), has_tokens)
    return calls.assign(input_tokens=n_input, output_tokens=n_output, token_source=source)


def _fill_column(
    calls: pd.DataFrame,
    name: str,
    text: str,
    tokenizers: Sequence[Tokenizer | None],
    code: np.ndarray,
    vendors: Sequence[Counter | None],
    missing: dict[str, int],
) -> tuple[pd.arrays.IntegerArray, np.ndarray]:
    """Count the tokens of the texts whose number is null; return the numbers and their new sources, -1: not new.

    ``missing`` counts the texts without a vocabulary, by the reason.
    """
    numbers = calls[name] if name in calls.columns else pd.Series(pd.NA, index=calls.index)
    tokens: Any = numbers.astype("Int64").array.copy()
    source = np.full(len(calls), -1)
    to_count = tokens.isna() & calls[text].notna().to_numpy() & ~_are_unclear(calls)
    if text == "prompt" and "prompt_hash" in calls.columns:  # its images, files and tools are not in the text
        to_count &= calls["prompt_hash"].isna().to_numpy()
    for position, ask in enumerate(vendors):
        rows = np.flatnonzero(to_count & (code == position))
        if ask is not None and len(rows):
            tokens[rows] = _distinct_counts(pa.array(calls[text].iloc[rows], from_pandas=True), ask)
            source[rows] = TOKEN_SOURCES.index("counted")
            to_count[rows] = False
    for tokenizer in {each for each in tokenizers if each is not None}:
        rows = np.flatnonzero(to_count & np.array([*(each == tokenizer for each in tokenizers), False])[code])
        if not len(rows):
            continue
        try:
            tokens[rows] = _token_counts(pa.array(calls[text].iloc[rows], from_pandas=True), tokenizer)
        except TokenizerError as error:
            missing[str(error)] = missing.get(str(error), 0) + len(rows)
        else:
            source[rows] = TOKEN_SOURCES.index("counted" if tokenizer.factor is None else "estimated")
    return tokens, source


def _are_unclear(calls: pd.DataFrame) -> np.ndarray:
    """Return where the log has counts that contradict one another: what is true of them is not known."""
    if READING not in calls.columns:
        return np.zeros(len(calls), bool)
    unclear: np.ndarray = calls[READING].eq(UNCLEAR).fillna(False).to_numpy(bool)
    return unclear


def _token_sources(calls: pd.DataFrame, new: np.ndarray, has_tokens: np.ndarray) -> pd.Categorical:
    """Return the source of the tokens of each call: the new one, else the old one, else "reported"."""
    old = pd.Categorical(
        calls["token_source"] if "token_source" in calls.columns else [None] * len(calls), TOKEN_SOURCES
    )
    other = np.where(old.codes >= 0, old.codes, np.where(has_tokens, TOKEN_SOURCES.index("reported"), -1))
    code = np.where(new >= 0, new, other)
    return pd.Categorical.from_codes(code, categories=pd.Index(TOKEN_SOURCES, dtype="str"), ordered=True)


def _token_counts(texts: pa.Array | pa.ChunkedArray, tokenizer: Tokenizer) -> pd.arrays.IntegerArray:
    """Return the number of tokens of each text."""
    count = token_counter(tokenizer.encoding)
    if tokenizer.factor is None:
        return _distinct_counts(texts, count)
    factor = tokenizer.factor
    return _distinct_counts(texts, lambda distinct: np.rint(np.array(count(distinct), np.int64) * factor))


def _distinct_counts(
    texts: pa.Array | pa.ChunkedArray, count: Callable[[list[str]], Sequence[int] | np.ndarray]
) -> pd.arrays.IntegerArray:
    """Return the number of tokens of each text; each distinct text is counted once."""
    distinct = pc.dictionary_encode(texts)
    if isinstance(distinct, pa.ChunkedArray):
        distinct = distinct.combine_chunks()
    counts = np.array([*count(distinct.dictionary.to_pylist()), 0], dtype=np.int64)
    code = distinct.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return pd.arrays.IntegerArray(counts[code], code < 0)


def _vendor_tokenizer(model: str, client: Any, progress: bool | None) -> Counter | None:
    """Return a function that has the vendor of a model count the tokens of texts; None where there is none to ask."""
    if client is None:
        return None
    if not callable(getattr(getattr(client, "messages", None), "count_tokens", None)):
        raise InvalidOptionError(f"client is {client!r}, expected one with messages.count_tokens, such as Anthropic()")
    names = (name.replace(".", "-") for name, _ in name_forms(model))
    name = next((name for name in names if name.startswith("claude-") and not _NOT_AT_VENDOR.search(name)), None)
    return None if name is None else partial(_vendor_counts, name=name, client=client, progress=progress)


# endings of the names of hosts of Claude, which its vendor does not know
_NOT_AT_VENDOR = re.compile(r"[@:]|-v\d+$")
_VENDOR_COUNTS: dict[bytes, int] = {}  # by the hash of model and text


def _vendor_counts(texts: list[str], *, name: str, client: Any, progress: bool | None) -> list[int]:
    """Return the number of tokens of each text, as the vendor of the model counts them."""
    keys = [hashlib.sha256(f"{name}\0{without_surrogates(text)}".encode()).digest() for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if text and key not in _VENDOR_COUNTS}

    def ask(text: str) -> int:
        message = {"role": "user", "content": without_surrogates(text)}
        number: int = client.messages.count_tokens(model=name, messages=[message]).input_tokens
        return number

    try:
        with progress_bar(len(missing), "counted", "text", shown=progress) as advance:
            for key, number in zip(missing, parallel_map(ask, missing.values()), strict=True):
                _VENDOR_COUNTS[key] = number
                advance(1)
    except Exception as error:  # of any client
        raise TokenizerError(
            f"the tokens of {quantity(len(texts), 'text')} of {name} are not counted: {type(error).__name__}: {error};"
            " what was counted before is kept, so that the same call goes on from there"
        ) from error
    return [_VENDOR_COUNTS[key] if text else 0 for key, text in zip(keys, texts, strict=True)]


def _encodings(tokenizers: Iterable[Tokenizer | None]) -> set[str]:
    return {each.encoding for each in tokenizers if each is not None}
