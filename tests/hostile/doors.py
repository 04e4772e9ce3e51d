"""Every public function that takes calls, with arguments that bring it to work, by its public name."""

import contextlib
import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import crashlens_frame as cf
from crashlens_frame.plot import PLOTS

Door = Callable[[pd.DataFrame, Path], object]

LIMITS = {
    "budgets": [
        {"name": "all", "per": "month", "limit_usd": 1},
        {"name": "teams", "per": "6h rolling", "limit_usd": 1, "each": "team", "tz": "America/New_York"},
    ],
    "rules": [{"name": "large", "action": "warn", "when": "input_tokens > 500 and cost > 0.1"}],
}
INVOICE = [{"date": "2026-03-02", "model": "gpt-4", "input_tokens": 1000, "output_tokens": 100, "cost": 0.25}]


def _draw(draw: Callable[..., Any], **options: Any) -> Door:
    def door(calls: pd.DataFrame, _: Path) -> None:
        import matplotlib.pyplot as plt

        try:
            draw(calls, **options).figure.canvas.draw()
        finally:
            plt.close("all")

    return door


def _draw_trace(calls: pd.DataFrame, folder: Path) -> None:
    trace = calls["trace_id"].iloc[0] if len(calls) and "trace_id" in calls.columns else "t0"
    _draw(cf.plot_trace, trace_id=trace)(calls, folder)


def _report(calls: pd.DataFrame, _: Path) -> None:
    report = cf.summarize(calls, by="team")
    report.to_text(), report.to_json(), report.to_markdown(), repr(report), report._repr_html_()


def _findings(calls: pd.DataFrame, _: Path) -> None:
    findings = cf.find_waste(calls)
    repr(findings), cf.style_findings(findings).to_html()
    cf.summarize(calls, findings)


def _write(write: Callable[..., Any], name: str, read: Callable[[Path], Any], **options: Any) -> Door:
    def door(calls: pd.DataFrame, folder: Path) -> None:
        target = folder / name
        try:
            write(calls, target, **options)
        finally:
            # what was refused leaves nothing behind
            back = read(target) if target.exists() else None
        assert back is None or name == "focus.csv" or len(back) <= len(calls)

    return door


def _log_each(calls: pd.DataFrame, folder: Path) -> None:
    """Log each row to a file, and ask the book what it can be asked."""
    book = cf.LogBook(folder / "book.jsonl")
    refused = None
    for row in calls.head(4).to_dict("records"):
        try:
            book.log(**{str(name): value for name, value in row.items()})
        except cf.CrashlensFrameError as error:
            refused = error
        except TypeError as error:
            if "unexpected keyword" not in str(error) and "no column" not in str(error):
                raise
    with contextlib.suppress(cf.CrashlensFrameError):
        book.log_event(
            **{str(name): value for name, value in calls.head(1).to_dict("records")[0].items()} if len(calls) else {}
        )
    _ask(book)
    assert len(cf.LogBook(folder / "book.jsonl")) == len(book)
    if refused:
        raise refused


def _extend(calls: pd.DataFrame, folder: Path) -> None:
    book = cf.LogBook()
    book.extend(calls)
    _ask(book)
    book.to_jsonl(folder / "extended.jsonl")
    book.to_parquet(folder / "extended.parquet")
    assert len(cf.LogBook.from_jsonl(folder / "extended.jsonl")) == len(book)
    assert len(cf.LogBook.from_parquet(folder / "extended.parquet")) == len(book)


def _ask(book: cf.LogBook) -> None:
    assert repr(book).isprintable()
    book._repr_html_(), book.rejects, len(book), book.flush()
    for twin in (copy.copy(book), copy.deepcopy(book), pickle.loads(pickle.dumps(book))):
        pd.testing.assert_frame_equal(twin.df, book.df)


def _explore(calls: pd.DataFrame, _: Path) -> None:
    explorer = cf.Explorer(calls, budgets=LIMITS)
    for place in range(len(explorer.plots.titles)):
        explorer.plots.selected_index = place
    explorer.close()


DOORS: dict[str, Door] = {
    **{name: (lambda calls, _, name=name: getattr(cf, name)(calls)) for name in cf.__all__ if name.startswith("find_")},
    **{f"plot_{plot.name}": _draw(plot.draw) for plot in PLOTS},
    "plot_trace": _draw_trace,
    "Explorer": _explore,
    "LogBook": _log_each,
    "LogBook.extend": _extend,
    "add_cost": lambda calls, _: cf.add_cost(calls, reprice=True, explain=True),
    "add_tokens": lambda calls, _: cf.add_tokens(calls),
    "anomalies": lambda calls, _: cf.anomalies(calls, by="team", tz="Europe/Paris"),
    "as_calls": lambda calls, _: (cf.as_calls(calls), repr(calls)),
    "broken_rules": lambda calls, _: cf.broken_rules(calls, LIMITS),
    "budgets": lambda calls, _: cf.budgets(calls, LIMITS),
    "by": lambda calls, _: cf.by(calls, "model", "tags.customer", freq="W", tz="Europe/Paris", waste=True),
    "cache_report": lambda calls, _: cf.cache_report(calls),
    "change": lambda calls, _: cf.change(calls, "team", freq="D", tz="Asia/Tokyo"),
    "compare": lambda calls, _: cf.compare(calls, calls, by=["model", "team"]),
    "cost_increase": lambda calls, _: cf.cost_increase(calls, calls),
    "cost_parts": lambda calls, _: cf.cost_parts(calls),
    "explain_change": lambda calls, _: cf.explain_change(calls, calls, by="model", waste=True),
    "flag": lambda calls, _: cf.flag(calls),
    "forecast": lambda calls, _: cf.forecast(calls, by="team"),
    "reconcile": lambda calls, _: cf.reconcile(calls, INVOICE),
    "redact": lambda calls, _: [cf.redact(calls, content=content, key="k") for content in ("mask", "hash", "drop")],
    "reprice": lambda calls, _: cf.reprice(calls, {"gpt-4": "gpt-4o-mini"}),
    "reprice_calls": lambda calls, _: cf.reprice_calls(calls, {"gpt-4": "gpt-4o-mini"}),
    "style_findings": _findings,
    "summarize": _report,
    "to_csv": _write(cf.to_csv, "logs.csv", cf.read_csv),
    "to_excel": lambda calls, folder: cf.to_excel(calls, folder / "logs.xlsx"),
    "to_focus": _write(cf.to_focus, "focus.csv", pd.read_csv),
    "to_jsonl": _write(cf.to_jsonl, "logs.jsonl", cf.read_jsonl),
    "to_jsonl, flat and packed": _write(cf.to_jsonl, "logs.jsonl.zst", cf.read_logs, format="flat"),
    "to_parquet": _write(cf.to_parquet, "logs.parquet", cf.read_parquet, sort=True),
    "traces": lambda calls, _: cf.traces(calls),
    "unpriced": lambda calls, _: cf.unpriced(calls),
    "waste_by": lambda calls, _: cf.waste_by(calls, "route", "model"),
    "write_report": lambda calls, folder: cf.write_report(calls, folder / "report.html"),
    "write_dataset": _write(cf.write_dataset, "store", cf.read_parquet, buckets=2),
    "write_dataset, by day": _write(cf.write_dataset, "days", cf.partitions, by="day"),
}
