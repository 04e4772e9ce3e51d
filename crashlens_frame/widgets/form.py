"""LogForm: a form that logs calls and simulates retries and fallbacks."""

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as W  # noqa: N812
import pandas as pd

from ..errors import InvalidOptionError
from ..frame import as_calls
from ..jsonvalues import without_surrogates
from ..logbook import LogBook
from ..pricing import add_cost
from ..report import calls_table
from ..tokens import add_tokens
from ..words import digits, money, quantity
from . import markup
from .closing import close_parts
from .panels import make_field, make_row, short_texts, toolbar
from .pause import Pause

_LAST_CALLS = 10
_PATTERNS = ("one call", "retries", "fallback")
_TOOLTIPS = ("Log one call", "Simulate a client that tries again", "Simulate a client that changes to another model")
_EXPECTED = {"model": "the name of a model", "prompt": "the text that was sent"}


class LogForm(W.VBox):
    """A form that logs calls into a book, or simulates retries and fallbacks.

    While you type, the tokens and the cost of the call are shown. The last ten calls of the book and its total cost are
    shown below, including calls that other code or another form logged.

    Parameters
    ----------
    book
        The LogBook that calls are logged into. If it has a file, each call is appended to it.

    Raises
    ------
    InvalidOptionError
        ``book`` is no LogBook.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> book = cf.LogBook()
    >>> form = cf.LogForm(book)
    >>> form.model.value, form.prompt.value, form.response.value = "gpt-4o", "Hello, world!", "Hi there!"
    >>> form.submit()
    >>> book.df[["model", "input_tokens", "output_tokens", "cost"]]
        model  input_tokens  output_tokens     cost
    0  gpt-4o             4              3  0.00004
    """

    _ends: tuple[Callable[[], object], ...] = ()  # what close() ends; none if the form was refused

    def __init__(self, book: LogBook) -> None:
        if not isinstance(book, LogBook):
            raise InvalidOptionError(
                f"book is a {type(book).__name__}, expected a LogBook; make one of a frame of calls with"
                " book = cf.LogBook(); book.extend(df)"
            )
        self.book = book
        # each keystroke is sent, so that tokens and cost are those of what is typed
        typed: dict[str, Any] = {"continuous_update": True}
        wide = {**typed, "layout": W.Layout(width="560px", max_width="100%", height="84px")}
        slider = W.Layout(width="340px", max_width="100%")
        models = list(book.prices.models)
        self.model = make_field(W.Combobox, "Model", options=models, placeholder="type to search", **typed)
        self.prompt = make_field(W.Textarea, "Prompt", placeholder="text sent to the model", **wide)
        self.response = make_field(W.Textarea, "Response", placeholder="the answer; empty: the call failed", **wide)
        self.trace = make_field(W.Text, "Trace", placeholder="a new trace")
        self.team = make_field(W.Text, "Team", placeholder="who pays")
        self.route = make_field(W.Text, "Route", placeholder="/api/chat")
        self.pattern = W.ToggleButtons(options=_PATTERNS, tooltips=_TOOLTIPS)
        self.pattern.style.button_width = "84px"
        self.retries = make_field(
            W.IntSlider, "Retries", value=3, min=1, max=10, continuous_update=False, layout=slider
        )
        self.fallback_model = make_field(
            W.Combobox, "Fallback to", options=models, placeholder="the default fallback", **typed
        )
        self.preview = W.HTML()
        self.button = W.Button(description="Log", button_style="primary")
        self.status = W.HTML()
        self.total = W.HTML()
        self.last = W.HTML()
        self.errors = {name: W.HTML() for name in _EXPECTED}

        self._typing = Pause(self._preview, seconds=0.3)
        # a click can arrive before the text typed before it, which the browser holds back while the kernel is busy
        self._clicked = Pause(self.submit, seconds=0.3)
        self._changed = Pause(self._show, seconds=0.1)
        for each in (self.model, self.prompt, self.response, self.retries, self.fallback_model, self.pattern):
            each.observe(lambda _: self._typing.begin(), names="value")
        for name in _EXPECTED:
            getattr(self, name).observe(partial(self._on_edit, name), names="value")
        self.pattern.observe(lambda _: self._show_fields(), names="value")
        self.button.on_click(lambda _: self._clicked.begin())
        self._ends = (book.watch(self._changed.begin), self._typing.end, self._clicked.end, self._changed.end)

        left = W.VBox([self._with_error("model"), self.trace, self.team, self.route])
        right = W.VBox([self._with_error("prompt"), self.response])
        simulated = toolbar(self.pattern, self.retries, self.fallback_model)
        last = [W.HTML(markup.heading("Last calls")), self.total, self.last]
        super().__init__(
            [
                W.HTML(markup.STYLE), make_row(left, right), simulated, toolbar(self.button, self.preview), self.status,
                *last,
            ]
        )  # fmt: skip
        self.add_class("crashlens")
        self._show_fields()
        self._preview()
        self._show()

    def __repr__(self) -> str:
        return f"LogForm of a book of {quantity(len(self.book), 'call')}, which a notebook shows"

    def submit(self) -> None:
        """Log the call of the fields, as a click on the button does."""
        self._clicked.end()
        self.status.value = ""
        for each in self.errors.values():
            each.value = ""
        empty = [name for name in _EXPECTED if not getattr(self, name).value.strip()]
        for name in empty:
            self.errors[name].value = markup.alert(f"{name} is empty, expected {_EXPECTED[name]}")
        if empty:
            return
        before = len(self.book)
        try:
            trace = self._log()
        except Exception as error:  # a notebook does not show an error raised by a click
            self.status.value = markup.alert(str(error) or type(error).__name__)
            return
        logged = quantity(len(self.book) - before, "call")
        self.status.value = markup.note(f"logged {logged} in trace {trace}")
        self.prompt.value = self.response.value = ""
        self._show()

    def close(self) -> None:
        """Remove the form from the screen, and stop watching the book."""
        ends, self._ends = self._ends, ()
        for end in ends:
            end()
        close_parts(self)
        super().close()

    def _log(self) -> str:
        """Log the call, or the simulation that was chosen."""
        model, prompt = self._typed("model"), self._typed("prompt")
        response = self._typed("response") or None
        context: dict[str, Any] = {name: self._typed(name) or None for name in ("team", "route")}
        context["trace_id"] = self._typed("trace") or None
        simulated = {"retries": self.retries.value, "answers": response is not None}
        if self.pattern.value == "retries":
            return self.book.simulate_retries(model, prompt, response, **simulated, **context)
        if self.pattern.value == "fallback":
            fallback = self._typed("fallback_model") or None
            return self.book.simulate_fallback(model, prompt, response, fallback_model=fallback, **simulated, **context)
        level = "info" if response else "error"
        return self.book.log(model=model, prompt=prompt, response=response, level=level, **context)

    def _typed(self, name: str) -> str:
        """Return the text of a field; a browser may send half a surrogate pair, which no call can hold."""
        text = without_surrogates(getattr(self, name).value)
        return text if name in ("prompt", "response") else text.strip()

    def _on_edit(self, name: str, _: object) -> None:
        """Remove the error beside a field that is being mended, and the note about the call before."""
        if getattr(self, name).value:  # a call that was logged empties the fields, and its note stays
            self.errors[name].value = self.status.value = ""

    def _show_fields(self) -> None:
        """Show the fields that the pattern needs."""
        pattern = self.pattern.value
        self.retries.layout.display = "none" if pattern == "one call" else "flex"
        self.retries.description = "Retries" if pattern == "retries" else "Retries first"
        self.fallback_model.layout.display = "flex" if pattern == "fallback" else "none"

    def _preview(self) -> None:
        """Show tokens and cost of what is being typed."""
        model = self._typed("model")
        if not model:
            self.preview.value = markup.note("Choose a model to see tokens and cost.")
            return
        typed = {"trace_id": "typed", "model": model, "prompt": self._typed("prompt")}
        typed |= {"response": self._typed("response")} if self.response.value else {"level": "error"}
        call = add_cost(add_tokens(as_calls(pd.DataFrame([typed]))), self.book.prices).iloc[0]
        sent, back = digits(call["input_tokens"]), digits(call["output_tokens"])
        about = "about " if call["token_source"] == "estimated" else ""
        cost = f"{money(call['cost'])} per call" if pd.notna(call["cost"]) else "no price is known"
        self.preview.value = markup.note(f"{about}{sent} tokens in, {back} out, {cost}")

    def _show(self) -> None:
        """Show the last calls and the total of the book."""
        calls = self.book.df
        unknown = int(calls["cost"].isna().sum())
        unpriced = f", {quantity(unknown, 'call')} without a known cost" if unknown else ""
        saved = f", saved in {self.book.path}" if self.book.path else ""
        total = f"{quantity(len(calls), 'call')}, {money(calls['cost'].sum())} in total"
        self.total.value = markup.note(f"{total}{unpriced}{saved}")
        last = short_texts(calls.tail(_LAST_CALLS).iloc[::-1])
        self.last.value = markup.scrolled(calls_table(last)) if len(last) else ""

    def _with_error(self, name: str) -> W.VBox:
        return W.VBox([getattr(self, name), self.errors[name]])
