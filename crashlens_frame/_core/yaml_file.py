"""YAML files that users write: their nodes, and errors that name file, line and key."""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import lru_cache
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ..errors import CrashlensFrameError

Node: TypeAlias = Any  # a node of YAML; PyYAML is imported where a file is read, because that takes long

_NULLS = ("", "~", "null", "Null", "NULL")  # without quotes
_LARGEST = 4 * 10**6  # bytes, which take some seconds; the prices of all models that are known take a tenth
_NULL_TAG = "tag:yaml.org,2002:null"
_T = TypeVar("_T")


def yaml_text(source: str | PathLike[str] | Mapping[str, Any], error: type[CrashlensFrameError]) -> tuple[str, str]:
    r"""Return the name and the text of a YAML file, or of a mapping of the same form.

    Raises
    ------
    CrashlensFrameError
        The source is neither, the file cannot be read, or the mapping holds what YAML cannot. It is of the given class.

    Examples
    --------
    >>> from crashlens_frame._core import yaml_text
    >>> from crashlens_frame.errors import PriceFileError
    >>> yaml_text({"currency": "USD"}, PriceFileError)
    ('mapping', 'currency: USD\n')
    """
    if isinstance(source, Mapping):
        return "mapping", _dumped(source, error)
    if not isinstance(source, str | PathLike):
        raise error(f"{source!r} is no path, expected one, or a mapping of the same form")
    name = fspath(source)
    try:
        with Path(name).open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as problem:
        raise error(f"{name}: cannot be read ({problem.strerror}); check the path") from problem
    except ValueError as problem:  # a name that no file can have
        raise error(f"{name}: cannot be read ({problem}); check the path") from problem
    if len(content) > _LARGEST:
        raise error(f"{name}: has more than {_LARGEST // 10**6} MB, which take too long; keep what is used")
    try:
        return name, content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise error(f"{name}: is not UTF-8 text at byte {problem.start}; save it as UTF-8") from problem


def _dumped(source: Mapping[str, Any], error: type[CrashlensFrameError]) -> str:
    import yaml

    try:
        return yaml.safe_dump(_builtin(source), sort_keys=False, allow_unicode=True)
    except yaml.YAMLError as problem:
        raise error(f"mapping: {problem}; expected text, numbers, dates, lists and mappings") from problem


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return a loader that looks for nulls alone: what a text means is known from its key."""
    import yaml

    parent: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def resolve(_self: Any, _kind: type, value: str | None, implicit: Any) -> str | None:
        return _NULL_TAG if value in _NULLS and implicit[0] else None

    return type("NullLoader", (parent,), {"resolve": resolve})


def _builtin(value: Any) -> Any:
    """Return a value with all mappings as dicts and all sequences as lists, which YAML can write."""
    if isinstance(value, Mapping):
        return {key: _builtin(item) for key, item in value.items()}
    return [_builtin(item) for item in value] if isinstance(value, (list, tuple)) else value


class YamlReader:
    """Read the nodes of one file. The class exists so that errors can name the file.

    Examples
    --------
    >>> from crashlens_frame._core import YamlReader
    >>> from crashlens_frame.errors import PriceFileError
    >>> reader = YamlReader("prices.yaml", PriceFileError)
    >>> root = reader.root("currency: EUR")
    >>> reader.mapping(root, "the file", allowed=("checked",))
    Traceback (most recent call last):
    crashlens_frame.errors.PriceFileError: prices.yaml:1: currency is an unknown key, expected one of checked
    """

    def __init__(self, name: str, error: type[CrashlensFrameError]) -> None:
        self._name = name
        self._error = error

    def error(self, node: Node, key: str, problem: str) -> CrashlensFrameError:
        """Return the error of a node: file, line, key and problem."""
        line = "" if self._name == "mapping" else f":{node.start_mark.line + 1}"
        return self._error(f"{self._name}{line}: {key}{' ' if key else ''}{problem}")

    def root(self, text: str) -> Node:
        """Return the node of the whole file; None if the file is empty."""
        import yaml

        try:
            return yaml.compose(text, Loader=_loader())
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise self._error(f"{self._name}{line}: is not YAML: {error.problem}") from error
        except yaml.YAMLError as error:
            raise self._error(f"{self._name}: is not YAML: {error}") from error

    def mapping(self, node: Node, key: str, allowed: Collection[str] = ()) -> dict[str, Node]:
        """Return the nodes of a mapping by their keys, which are some of the allowed ones if there are any."""
        if node.id != "mapping":
            raise self.error(node, key, f"is {node_kind(node)}, expected a mapping")
        fields: dict[str, Node] = {}
        for name_node, value in node.value:
            if name_node.id != "scalar" or not name_node.value:
                raise self.error(name_node, key, "has a key that is not text")
            name = name_node.value
            if name in fields:
                raise self.error(name_node, f"{key}.{name}", "is there twice; delete one of them")
            if allowed and name not in allowed:
                raise self.error(name_node, name, f"is an unknown key, expected one of {', '.join(allowed)}")
            fields[name] = value
        return fields

    def items(self, node: Node, key: str) -> list[Node]:
        """Return the nodes of a list."""
        if node.id != "sequence":
            raise self.error(node, key, f"is {node_kind(node)}, expected a list")
        return list(node.value)

    def texts(self, node: Node, key: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        return tuple(self.text(item, key) for item in self.items(node, key))

    def text(self, node: Node, key: str) -> str:
        """Return the text of a node."""
        return self.scalar(node, key, str, "text")

    def number(self, node: Node, key: str) -> float:
        """Return the number of a node, 0 or more."""
        number = self.scalar(node, key, float, "a number from 0 on", unquoted=True)
        if not 0 <= number < float("inf"):
            raise self.error(node, key, f"is {node.value}, expected a number from 0 on")
        return number

    def day(self, node: Node, key: str) -> date:
        """Return the day of a node."""
        return self.scalar(node, key, date.fromisoformat, "a day such as 2026-11-23")

    def scalar(
        self, node: Node, key: str, convert: Callable[[str], _T], expected: str, *, unquoted: bool = False
    ) -> _T:
        """Return what a node converts to; ``unquoted``: a text in quotation marks is an error."""
        if node.id != "scalar" or node.tag == _NULL_TAG:
            raise self.error(node, key, f"is {node_kind(node)}, expected {expected}")
        try:
            if unquoted and node.style:
                raise ValueError("quoted")
            return convert(node.value)
        except ValueError:
            raise self.error(node, key, f'is "{node.value}", expected {expected}') from None


def node_kind(node: Node) -> str:
    """Return what a node is, for people."""
    if node.id == "scalar":
        return "null" if node.tag == _NULL_TAG else f'"{node.value}"'
    return "a mapping" if node.id == "mapping" else "a list"
