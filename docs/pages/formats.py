"""A page for each log format of the roster: where the log lies, how it is exported, what is read of it, the source."""

import json
import warnings
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import yaml

import crashlens_frame as cf
from crashlens_frame.formats import FORMATS

from .markdown import block, contents, linked, table, write

_WHERE = Path(__file__).with_name("formats.yaml")
_UNKNOWN_FORMATS = ("crashlens", "flat")  # a line without any sign is of these, which no column names
_LONGEST = 70  # characters of a value on a page
# what other pages explain, and every row has
_NOT_READ = ("type", "log_format", "token_source", "cost_source", "extra")


def described_formats() -> dict[str, dict[str, Any]]:
    """Return what is known of each format besides its roster."""
    described: dict[str, dict[str, Any]] = yaml.safe_load(_WHERE.read_text(encoding="utf-8"))
    if described.keys() != FORMATS.keys():
        raise SystemExit(f"{_WHERE.name} and the roster of formats differ: {sorted(described.keys() ^ FORMATS.keys())}")
    return described


def write_pages(folder: Path, root: Path) -> None:
    """Write them into the folder ``formats``."""
    described = described_formats()
    kinds: dict[str, list[str]] = {}
    for name, facts in described.items():
        kinds.setdefault(facts["kind"], []).append(name)
        write(folder / "formats" / f"{name}.md", *_page(name, facts, root))
    rows = (
        (kind if place == 0 else "", f"[{described[name]['title']}]({name}.md)", f"`{described[name]['path']}`")
        for kind, names in kinds.items()
        for place, name in enumerate(names)
    )
    write(
        folder / "formats" / "index.md",
        "# Formats",
        "One door reads them all, in any mixture, and one row comes out for a call, wherever it was logged:",
        block('calls = cf.read_logs("~/.claude/projects", "exports/*.jsonl.gz", "usage.csv")', "python"),
        table(("kind", "format", "a path, for example"), rows),
        "CSV files, spreadsheets and frames with columns of any names: [Your own columns](own_columns.md).",
        contents(["own_columns", *(name for names in kinds.values() for name in names)], hidden=True),
    )


def _page(name: str, facts: dict[str, Any], root: Path) -> list[str]:
    record, row = read_sample(name, facts["sample"], root)
    read = ((f"`{column}`", _cell(value)) for column, value in row.items() if column not in _NOT_READ)
    return [
        f"# {facts['title']}",
        f"## Where it is\n\n{facts['where']}",
        f"## How to export it\n\n{facts['export']}" if "export" in facts else "",
        f"## One command\n\n{block('crashlens-frame analyze ' + facts['path'], 'sh')}",
        f'In Python: `cf.read_logs("{facts["path"]}")`. The format is detected; its name is `{name}`.',
        f"## What is read of it\n\n{facts.get('notes', '')}",
        "This is a record, as it is logged:" if record else "",
        f"```{{code-block}} json\n:class: record\n\n{record}\n```" if record else "",
        "And this is the row that it becomes. What has no column is kept in `extra`.",
        table(("column", "value"), read),
        f"## Source\n\n{linked(FORMATS[name].source)}",
    ]


def read_sample(name: str, sample: Any, root: Path) -> tuple[str, dict[str, Any]]:
    """Return the text of a sample, where it is short enough for a page, and the row that it becomes."""
    if isinstance(sample, str) and ":" not in sample:
        calls, text = _read(root / sample), _first_record(root / sample)
    else:
        found = sample
        if isinstance(sample, str):
            module, _, variable = sample.partition(":")
            found = getattr(import_module(module), variable)
        records = found if isinstance(found, list) else [found]
        text = "\n".join(_laid_out(record) for record in records)
        with TemporaryDirectory() as away:
            path = Path(away, "sample.jsonl")
            path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
            calls = _read(path)
    formats = calls["log_format"].astype("str").fillna(_UNKNOWN_FORMATS[0])
    expected = _UNKNOWN_FORMATS if name in _UNKNOWN_FORMATS else (name, name.removesuffix("_stream"))
    if not len(calls) or formats.iloc[0] not in expected:
        raise SystemExit(f"the sample of {name} was read as {formats.unique().tolist()}")
    first = calls.iloc[0]
    return text, {column: first[column] for column in calls.columns if pd.notna(first[column])}


def _read(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cf.CrashlensFrameWarning)
        return cf.read_logs(path)


def _first_record(path: Path) -> str:
    """Return the first record of a file of JSON; nothing where its calls are spread over lines or it is packed."""
    if path.is_dir() or path.suffix not in (".json", ".jsonl"):
        return ""
    text = path.read_text(encoding="utf-8")
    try:
        record = json.loads(text)
    except json.JSONDecodeError:
        record = json.loads(text.partition("\n")[0])
    return _laid_out(record)


def _laid_out(record: Any) -> str:
    text = json.dumps(record)
    return text if len(text) < 100 else json.dumps(record, indent=2)


def _cell(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value).replace("\n", " ⏎ ")
    return f"`{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}`"
