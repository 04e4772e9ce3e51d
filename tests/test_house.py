"""The rules of the house, kept by tests: what may loop, what may be imported, what the docs must hold."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import crashlens_frame as cf

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "crashlens_frame"
MODULES = sorted(PACKAGE.rglob("*.py"))

ROW_LOOPS = {"apply", "iterrows", "itertuples", "applymap"}


def row_loops(tree: ast.AST) -> list[str]:
    """Name every call that walks a frame row by row."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        records = any(isinstance(a, ast.Constant) and a.value == "records" for a in node.args)
        records |= any(isinstance(k.value, ast.Constant) and k.value.value == "records" for k in node.keywords)
        if name in ROW_LOOPS or (name == "to_dict" and records):
            found.append(f"line {node.lineno}: {name}")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_walks_rows(module: Path) -> None:
    assert row_loops(ast.parse(module.read_text(encoding="utf-8"))) == []


def test_the_row_loop_check_sees_row_loops() -> None:
    code = "df.apply(f)\ndf.iterrows()\ndf.to_dict('records')\ndf.to_dict(orient='records')\ndf.to_dict()\n"
    assert row_loops(ast.parse(code)) == ["line 1: apply", "line 2: iterrows", "line 3: to_dict", "line 4: to_dict"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_over_400_lines(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


def test_importing_the_package_pulls_in_nothing_heavy() -> None:
    code = (
        "import sys, crashlens_frame\n"
        "heavy = {'matplotlib', 'ipywidgets', 'IPython', 'click', 'tiktoken', 'toktok', 'toktok_rs', 'genai_prices',"
        " 'dask'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_every_public_name_exists() -> None:
    assert [name for name in cf.__all__ if not hasattr(cf, name)] == []


PUBLIC = [(name, getattr(cf, name)) for name in cf.__all__ if inspect.isroutine(getattr(cf, name))]


@pytest.mark.parametrize(("name", "function"), PUBLIC, ids=[name for name, _ in PUBLIC])
def test_every_public_function_tells_its_parameters_result_and_an_example(name: str, function: object) -> None:
    text = inspect.getdoc(function) or ""
    sections = ["Parameters", "Returns", "Examples"]
    if str(inspect.signature(function).return_annotation) == "None":  # type: ignore[arg-type]
        sections.remove("Returns")
    assert [section for section in sections if f"{section}\n{'-' * len(section)}" not in text] == []


OF_CALLS = [(name, function) for name, function in PUBLIC if "calls" in inspect.signature(function).parameters]


@pytest.mark.parametrize(("name", "function"), OF_CALLS, ids=[name for name, _ in OF_CALLS])
def test_only_the_first_argument_may_be_given_by_place_in_functions_of_calls(name: str, function: object) -> None:
    parameters = list(inspect.signature(function).parameters.values())  # type: ignore[arg-type]
    assert parameters[0].name == "calls"
    by_place = [p.name for p in parameters[1:] if p.kind is p.POSITIONAL_OR_KEYWORD]
    allowed = {"prices", "findings", "target", "models", "trace_id"}  # the second noun of the verb
    assert set(by_place) <= allowed


def test_the_version_stands_in_one_way_everywhere() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f'version = "{cf.__version__}"' in project
    assert re.search(r"^## (\S+)", changelog, flags=re.MULTILINE).group(1) in ("Unreleased", cf.__version__)
