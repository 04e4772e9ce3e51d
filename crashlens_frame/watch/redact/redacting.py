"""Redact calls: mask what is recognised, replace words by pseudonyms, or drop texts."""

import json
import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import InvalidOptionError, MissingExtraError, check_choice, several_texts
from ...frame import check_calls, checked_calls, selected_columns
from ...schema import LABEL, TEXT
from .patterns import KINDS, PATTERNS, Pattern
from .pseudonyms import Pseudonyms

CONTENTS = ("mask", "hash", "drop")
# columns that hold what people and models wrote
CONTENT_COLUMNS = ("prompt", "response", "error", "tool_calls", "extra", "tags")
_JSON = ("tool_calls", "extra", "tags")
_LONG_NUMBER = 7  # digits from which on a number may be that of somebody
# kinds that presidio-analyzer finds, and its names for them
PRESIDIO = {"name": "PERSON", "address": "LOCATION"}

Change = Callable[[str], str]


def redact(
    calls: pd.DataFrame,
    *,
    content: str = "mask",
    columns: Sequence[str] = CONTENT_COLUMNS,
    detectors: Collection[str] = KINDS,
    key: str | bytes | None = None,
) -> pd.DataFrame:
    """Return calls that others may see.

    Parameters
    ----------
    calls
        Frame of calls.
    content
        ``"mask"``: each e-mail address, card number and so on is replaced by its kind, such as ``[EMAIL]``. ``"hash"``:
        each word is replaced by another of the same length, by a key; equal texts stay equal, and the detectors of
        waste find the same. Who reads many hashed texts of a language can guess frequent words, which dropping rules
        out. ``"drop"``: the columns become null, and
        the text of an error ``[REDACTED]``.
    columns
        Columns to redact, out of those of CALLS that hold text.
    detectors
        Kinds to mask: ``"key"`` (keys and tokens of known vendors), ``"email"``, ``"iban"`` and ``"card"`` (both only
        with the right check digits), ``"ip"``, ``"phone"``. ``"name"`` and ``"address"`` need presidio-analyzer, which
        ``pip install crashlens-frame[redact]`` installs; without it they are not masked and not claimed to be.
    key
        Key of the hashes, which stays with you. The same key gives the same hashes in another log.

    Returns
    -------
    DataFrame
        The calls with the columns redacted; costs, counts, models and ids stay as they are.

    Raises
    ------
    InvalidOptionError
        An option has a value that is not allowed, or ``content="hash"`` has no key.
    MissingExtraError
        Names or addresses are asked for and presidio-analyzer is not installed.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> trace = book.log(model="gpt-4o", prompt="Write to ann@example.com from 10.0.0.7")
    >>> cf.redact(book.df)["prompt"].item()
    'Write to [EMAIL] from [IP]'
    """
    check_choice("content", content, CONTENTS)
    check_calls(calls, needs=())
    chosen = [column for column in selected_columns(columns) if column.name in calls.columns]
    for column in chosen:
        if column.arrow not in (TEXT, LABEL):
            raise InvalidOptionError(f"columns holds {column.name!r}, which holds no text")
    calls = checked_calls(calls, needs=[column.name for column in chosen])
    if content == "drop":
        return calls.assign(**{column.name: _dropped(calls[column.name]) for column in chosen})
    if content == "hash":
        if not key or not isinstance(key, str | bytes):
            raise InvalidOptionError("key is missing, expected a text that stays with you, for content='hash'")
        pseudonyms = Pseudonyms(key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key)
        changed = {column.name: _mapped(calls[column.name], _hasher(pseudonyms, column.name)) for column in chosen}
    else:
        masks, change = _masks(detectors)
        changed = {
            column.name: _masked(calls[column.name], masks, change, is_json=column.name in _JSON) for column in chosen
        }
    return calls.assign(**changed)


def _dropped(values: pd.Series) -> pd.Series:
    """Return nulls of the dtype of a column; an error stays one, because its text marks a failed call."""
    if values.name == "error":
        return _mapped(values, lambda _: "[REDACTED]")
    nulls = values.where(pd.Series(False, index=values.index))
    return nulls.cat.remove_unused_categories() if isinstance(nulls.dtype, pd.CategoricalDtype) else nulls


def _mapped(values: pd.Series, change: Change, chosen: Callable[[pa.Array], pa.Array] | None = None) -> pd.Series:
    """Return a column with each distinct text changed, or each that is chosen."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _mapped(values.astype("str"), change, chosen).astype("category")
    codes, distinct = pd.factorize(values)
    texts = pa.array(distinct, pa.large_string())
    rows = range(len(texts)) if chosen is None else pc.indices_nonzero(chosen(texts)).to_pylist()
    new = texts.to_pylist()
    for row in rows:
        new[row] = change(new[row])
    return pd.Series(pd.array([*new, None], dtype="str")[codes], index=values.index)


def _hasher(pseudonyms: Pseudonyms, name: str) -> Change:
    """Return what hashes the texts of a column."""
    if name not in _JSON:
        return pseudonyms.text
    return partial(_in_json, change=pseudonyms.text, kept=("name", "type") if name == "tool_calls" else ())


def _masked(values: pd.Series, masks: Sequence[Pattern], change: Change, *, is_json: bool) -> pd.Series:
    needles = [mask.needle for mask in masks]

    def suspicious(texts: pa.Array) -> pa.Array:
        found = pa.array([not needles] * len(texts), pa.bool_())
        for needle in needles:
            found = pc.or_(found, pc.match_substring_regex(texts, needle))
        return found

    return _mapped(values, (lambda text: _in_json(text, change)) if is_json else change, suspicious)


def _in_json(text: str, change: Change, kept: Collection[str] = ()) -> str:
    """Return JSON with each text in it changed; keys stay, and so do the texts under the kept ones."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return change(text)

    def walked(inner: Any, key: str = "") -> Any:
        if isinstance(inner, dict):
            return {name: walked(item, name) for name, item in inner.items()}
        if isinstance(inner, list):
            return [walked(item, key) for item in inner]
        if isinstance(inner, str):
            return inner if key in kept else change(inner)
        if isinstance(inner, int) and not isinstance(inner, bool) and len(str(abs(inner))) >= _LONG_NUMBER:
            new = change(str(inner))
            return inner if new == str(inner) else new
        return inner

    new = walked(value)
    # in the order of its keys, which detectors rely on; json keeps numbers of any size as they are
    return text if new == value else json.dumps(new, ensure_ascii=False, separators=(",", ":"))


def _masks(detectors: Collection[str]) -> tuple[list[Pattern], Change]:
    """Return the patterns of the kinds, and what masks a text by them."""
    kinds = several_texts("detectors", detectors)
    for kind in kinds:
        check_choice("detectors", kind, (*KINDS, *PRESIDIO))
    masks = [pattern for pattern in PATTERNS if pattern.kind in kinds]
    by_presidio = [kind for kind in PRESIDIO if kind in kinds]
    presidio = _presidio(by_presidio) if by_presidio else None

    def change(text: str) -> str:
        for pattern in masks:
            text = _substituted(pattern, text)
        return presidio(text) if presidio else text

    return ([] if presidio else masks), change


def _substituted(pattern: Pattern, text: str) -> str:
    mask = f"[{pattern.kind.upper()}]"
    check = pattern.check
    if check is None:
        return re.sub(pattern.regex, mask, text)
    return re.sub(pattern.regex, lambda found: mask if check(found[0]) else found[0], text)


def _presidio(kinds: Sequence[str]) -> Change:
    """Return what masks names and addresses, by presidio-analyzer and the language model that it loads."""
    try:
        from presidio_analyzer import AnalyzerEngine
    except ImportError as error:
        raise MissingExtraError(
            f"detectors holds {kinds[0]!r}, which needs presidio-analyzer: pip install crashlens-frame[redact]"
        ) from error
    engine = AnalyzerEngine()
    kind_of = {PRESIDIO[kind]: kind for kind in kinds}

    def change(text: str) -> str:
        found = engine.analyze(text, language="en", entities=list(kind_of))
        for each in sorted(found, key=lambda each: each.start, reverse=True):
            text = f"{text[: each.start]}[{kind_of[each.entity_type].upper()}]{text[each.end :]}"
        return text

    return change
