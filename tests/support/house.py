"""Checks of the source of the package. Each takes files as texts or trees, so that a test can show it a violation."""

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

PACKAGE_NAME = "crashlens_frame"
ROW_LOOPS = {"apply", "iterrows", "itertuples", "applymap"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DOCUMENTED = (ast.Module, ast.ClassDef, *FUNCTIONS)
# an f-string is one token until Python 3.11, and several from 3.12 on
WORDED = {tokenize.COMMENT, tokenize.NAME, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


@dataclass(frozen=True)
class Package:
    """The files of a package, by the dotted name of each below it.

    "" is the `__init__` of the package, "io" that of a room, "io.csv" a file in the room.
    """

    texts: Mapping[str, str]
    trees: Mapping[str, ast.Module]
    rooms: frozenset[str]

    def door(self, room: str) -> dict[str, str]:
        """Return the names that the `__init__` of a room imports, each with the module that it is from."""
        statements = (node for node in self.trees[room].body if isinstance(node, ast.ImportFrom))
        return {name: module for node in statements for name, module in self.imported(room, node)}

    def imported(self, importer: str, node: ast.Import | ast.ImportFrom) -> list[tuple[str, str]]:
        """Return what a statement imports from this package: each name, and the module that it is imported from."""
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE_NAME}.")]
            return [("", module.removeprefix(f"{PACKAGE_NAME}.")) for module in modules]
        below = node.module.split(".") if node.module else []
        if node.level:
            parts = importer.split(".") if importer else []
            folders = parts if importer in self.rooms else parts[:-1]
            base = [*folders[: len(folders) - node.level + 1], *below]
        elif below[0] == PACKAGE_NAME:
            base = below[1:]
        else:
            return []
        pairs = [(alias.name, ".".join([*base, alias.name])) for alias in node.names]
        return [(name, inner if inner in self.trees else ".".join(base)) for name, inner in pairs]

    def imports(self) -> Iterator[tuple[str, int, str, str]]:
        """Yield each import from this package: importer, line, name, and the module that it is imported from."""
        for importer, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for name, module in self.imported(importer, node):
                        yield importer, node.lineno, name, module


def parse_package(files: Mapping[str, str]) -> Package:
    """Parse the files of a package, which are given by their paths below it."""
    texts, rooms = {}, set()
    for path, text in files.items():
        *folders, name = path.removesuffix(".py").split("/")
        module = ".".join(folders if name == "__init__" else [*folders, name])
        texts[module] = text
        if name == "__init__":
            rooms.add(module)
    return Package(texts, {module: ast.parse(text) for module, text in texts.items()}, frozenset(rooms))


def read_package(folder: Path) -> Package:
    """Read and parse the files of a package; what the stub of an `__init__` imports counts as imported there."""
    paths = sorted(folder.rglob("*.py"))
    files = {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    for stub in folder.rglob("__init__.pyi"):
        files[stub.with_suffix(".py").relative_to(folder).as_posix()] += stub.read_text(encoding="utf-8")
    return parse_package(files)


def is_inside(module: str, room: str) -> bool:
    """Whether a module is the room, or a file or folder in it."""
    return module == room or module.startswith(f"{room}.")


def folders_of(module: str) -> list[str]:
    """Return the folders that a module is in, the outermost first."""
    return list(accumulate(module.split(".")[:-1], lambda outer, inner: f"{outer}.{inner}"))


# -- how files import each other --------------------------------------------------------------------------------------


def imports_past_a_door(package: Package) -> list[str]:
    """List the imports from inside a room that are made outside it, and not from its `__init__`."""
    found = []
    for importer, line, name, module in package.imports():
        for room in folders_of(module):
            is_exported = module == f"{room}.{name}" and name in package.door(room)
            if not is_inside(importer, room) and not is_exported:
                found.append(f"{importer or '__init__'}, line {line}: {module} is behind the door of {room}")
    return found


def modules_of_one_room(package: Package) -> dict[str, str]:
    """Return the modules that are imported from one room only, and are not in it, each with that room.

    A name that is imported from a door counts as an import of the module that the door has it from. An import by the
    door of the module's own room counts only if the door uses the name, as a roster does.
    """
    importers: dict[str, set[str]] = defaultdict(set)
    for importer, _, name, module in package.imports():
        source = module
        while importer != source and source in package.rooms and package.door(source).get(name, source) != source:
            source = package.door(source)[name]
        is_own_door = importer in package.rooms - {""} and is_inside(source, importer)
        if not is_own_door or name in names_in([package.trees[importer]], ast.Load):
            importers[source].add(importer)
    return {
        module: room
        for module, users in sorted(importers.items())
        for room in sorted(package.rooms - {""})
        if all(is_inside(user, room) for user in users) and not is_inside(module, room)
    }


# -- names ------------------------------------------------------------------------------------------------------------


def names_in(nodes: Iterable[ast.AST], context: type[ast.expr_context]) -> set[str]:
    """Return the names that are set (`ast.Store`) or used (`ast.Load`) in some pieces of code."""
    inner = (name for node in nodes for name in ast.walk(node) if isinstance(name, ast.Name))
    return {name.id for name in inner if isinstance(name.ctx, context)}


def public_names(tree: ast.Module) -> set[str]:
    """Return the public names that a module defines: functions, classes, constants."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= names_in(targets, ast.Store)
    return {name for name in names if not name.startswith("_")}


def names_with_several_meanings(package: Package) -> dict[str, list[str]]:
    """Return the public names that several modules define, each with the modules."""
    modules: dict[str, list[str]] = defaultdict(list)
    for module, tree in package.trees.items():
        for name in sorted(public_names(tree)):
            modules[name].append(module)
    return {name: found for name, found in sorted(modules.items()) if len(found) > 1}


# -- words ------------------------------------------------------------------------------------------------------------


def docstrings(tree: ast.Module) -> list[tuple[ast.AST, str]]:
    """Return what has a docstring, with it."""
    documented = (node for node in ast.walk(tree) if isinstance(node, DOCUMENTED))
    return [(node, text) for node in documented if (text := ast.get_docstring(node))]


def banned_first_words(tree: ast.Module, banned: Iterable[str]) -> list[str]:
    """List the functions whose docstring begins with a banned word."""
    first = [(node, text.split()[0]) for node, text in docstrings(tree) if isinstance(node, FUNCTIONS)]
    return [f"line {node.lineno}: {node.name}: {word}" for node, word in first if word in banned]


def banned_words(text: str, banned: Iterable[str], data: Iterable[str] = ()) -> list[str]:
    """List the banned words in comments, names and strings (docstrings, messages) that are not some pieces of data."""
    pattern = re.compile(rf"(?<![a-z])(?:{'|'.join(banned)})(?![a-z])", flags=re.IGNORECASE)
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in WORDED and token.string.strip("\"'") not in data:
            for line, words in enumerate(token.string.splitlines(), start=token.start[0]):
                found += [f"line {line}: {word}" for word in pattern.findall(words)]
    return found


# -- code -------------------------------------------------------------------------------------------------------------


def row_loops(tree: ast.Module) -> list[str]:
    """List the calls that walk a frame row by row."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        records = any(isinstance(value, ast.Constant) and value.value == "records" for value in values)
        if name in ROW_LOOPS or (name == "to_dict" and records):
            found.append(f"line {node.lineno}: {name}")
    return found
