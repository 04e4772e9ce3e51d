"""What is seen as a file that the browser saves: calls for a spreadsheet or for code, costs, or a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import ipywidgets as W  # noqa: N812
import pandas as pd

from .._core import scratch_folder
from ..errors import InvalidOptionError
from ..handout import write_report
from ..io import to_csv, to_jsonl, to_parquet
from ..watch import redact, to_focus
from ..words import quantity
from . import markup
from .browser import Page
from .panels import make_field, show_errors, toolbar
from .seen import Seen

_MOST_BYTES = 200_000_000  # that a browser is sent in one piece


class _Form(NamedTuple):
    title: str
    suffix: str
    kind: str
    write: Callable[[pd.DataFrame, Path, Seen], Any]


def _report(calls: pd.DataFrame, path: Path, seen: Seen) -> None:
    labelled = calls.assign(**{seen.by: seen.labels.to_numpy()})
    title = f"{seen.name}: what the calls of language models cost"
    write_report(labelled, path, by=seen.by, tz=seen.tz, title=title, prices=seen.view.study.prices)


FORMS = (
    _Form("CSV, for a spreadsheet", "csv", "text/csv", lambda calls, path, _: to_csv(calls, path)),
    _Form("Parquet", "parquet", "application/octet-stream", lambda calls, path, _: to_parquet(calls, path)),
    _Form("JSON Lines", "jsonl", "application/jsonl", lambda calls, path, _: to_jsonl(calls, path)),
    _Form("Costs as FOCUS (CSV)", "focus.csv", "text/csv", lambda calls, path, _: to_focus(calls, path)),
    _Form("Report (HTML, one file)", "html", "text/html", _report),
)


class ExportPanel(W.VBox):
    """Saves the calls that are seen, by the browser."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._seen: Seen | None = None
        forms = [(form.title, form) for form in FORMS]
        self.form = make_field(W.Dropdown, "Save as", options=forms, layout=W.Layout(width="300px", max_width="100%"))
        self.is_masked = W.Checkbox(
            description="Mask mail addresses, numbers of phones and cards, keys",
            value=False,
            indent=False,
            layout=W.Layout(width="auto"),
        )
        self.save = W.Button(description="Save", button_style="primary")
        self.save.on_click(lambda _: self.export())
        self.status = W.HTML()
        super().__init__([toolbar(self.form, self.is_masked, self.save), self.status])

    def show(self, seen: Seen) -> None:
        """Take the calls of a view."""
        self._seen = seen
        self.status.value = markup.note(f"{quantity(len(seen.view), 'call')}, as the filters are")

    @show_errors
    def export(self) -> None:
        """Send the file, which the browser saves."""
        name, content, kind = self.file()
        self._page.save(name, content, kind)
        assert self._seen is not None
        self.status.value = markup.note(f"saved {quantity(len(self._seen.view), 'call')} as {name}")

    def file(self) -> tuple[str, bytes, str]:
        """Return the file: its name, what is in it, and its media type."""
        assert self._seen is not None
        form: _Form = self.form.value
        calls = self._seen.view.logged.reset_index(drop=True)
        with scratch_folder() as folder:
            path = Path(folder) / f"{self._seen.file_name}.{form.suffix}"
            form.write(redact(calls) if self.is_masked.value else calls, path, self._seen)
            size = path.stat().st_size
            if size > _MOST_BYTES:
                raise InvalidOptionError(
                    f"the file has {size / 1e6:,.0f} MB, which is too much for a browser; choose fewer calls, or write"
                    " it in Python with df.crashlens.to_parquet"
                )
            return path.name, path.read_bytes(), form.kind
