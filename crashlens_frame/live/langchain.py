"""LangChainHandler: the calls of models in chains and agents of LangChain and LangGraph."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd

from .._core import fork_safe_lock
from .context import check_book, columns_checked, columns_now
from .hooks import log_record

if TYPE_CHECKING:
    from ..logbook import LogBook


class LangChainHandler(BaseCallbackHandler):
    """Callback of LangChain that logs the calls of models to a book, in programs that wait and in those that do not.

    ``trace_id`` is the run at the root, ``parent_id`` the run that made the call, ``event_id`` the run of the call.

    Parameters
    ----------
    book
        Where the calls are logged.
    **columns
        Columns of CALLS that all calls share, such as ``team``; what a run says counts before them.

    Notes
    -----
    A call that the SDK of the vendor retries is one run, and so one row; ``watch`` logs each attempt.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from langchain_core.language_models import FakeListChatModel
    >>> book = cf.LogBook()
    >>> answer = FakeListChatModel(responses=["4"]).invoke("2+2?", {"callbacks": [cf.live.LangChainHandler(book)]})
    >>> book.df[["prompt", "response"]]
      prompt response
    0   2+2?        4
    """

    run_inline = True  # in the task that runs, so that calls are logged in their order

    def __init__(self, book: "LogBook", **columns: Any) -> None:
        check_book(book)
        self._book = book
        self._columns = columns_checked(columns)
        self._lock = fork_safe_lock()
        self._roots: dict[Any, Any] = {}  # run -> the run at its root, of runs that are not over
        self._open: dict[Any, dict[str, Any]] = {}  # calls that are not over

    # -- the tree of runs ---------------------------------------------------------------------------------------------

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any
    ) -> None:
        """Note the run of a chain or an agent."""
        self._begin(run_id, parent_run_id)

    def on_tool_start(
        self, serialized: Any, input_str: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any
    ) -> None:
        """Note the run of a tool, which may call models."""
        self._begin(run_id, parent_run_id)

    def on_chain_end(self, outputs: Any, *, run_id: Any, **kwargs: Any) -> None:
        """Forget the run."""
        self._roots.pop(run_id, None)

    def on_chain_error(self, error: Any, *, run_id: Any, **kwargs: Any) -> None:
        """Forget the run."""
        self._roots.pop(run_id, None)

    def on_tool_end(self, output: Any, *, run_id: Any, **kwargs: Any) -> None:
        """Forget the run."""
        self._roots.pop(run_id, None)

    def on_tool_error(self, error: Any, *, run_id: Any, **kwargs: Any) -> None:
        """Forget the run."""
        self._roots.pop(run_id, None)

    def _begin(self, run_id: Any, parent_run_id: Any) -> Any:
        with self._lock:
            root = self._roots.get(parent_run_id, parent_run_id or run_id)
            self._roots[run_id] = root
        return root

    # -- calls --------------------------------------------------------------------------------------------------------

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any
    ) -> None:
        """Note what is sent."""
        inputs = {"messages": [[dumpd(message) for message in each] for each in messages]}
        self._sent(inputs, run_id, parent_run_id, kwargs)

    def on_llm_start(
        self, serialized: Any, prompts: Any, *, run_id: Any, parent_run_id: Any = None, **kwargs: Any
    ) -> None:
        """Note what is sent."""
        self._sent({"prompts": prompts}, run_id, parent_run_id, kwargs)

    def on_llm_end(self, response: Any, *, run_id: Any, **kwargs: Any) -> None:
        """Log the call."""
        generations = [[_generation(generation) for generation in each] for each in response.generations]
        outputs = {"generations": generations, "llm_output": response.llm_output}
        self._log(run_id, {"outputs": outputs, "status": "success"})

    def on_llm_error(self, error: BaseException, *, run_id: Any, **kwargs: Any) -> None:
        """Log the call that failed."""
        self._log(run_id, {"error": f"{type(error).__name__}: {error}", "status": "error"})

    def _sent(self, inputs: Mapping[str, Any], run_id: Any, parent_run_id: Any, about: Mapping[str, Any]) -> None:
        root = self._begin(run_id, parent_run_id)
        run = {
            "run_type": "llm",
            "id": str(run_id),
            "trace_id": str(root),
            "parent_run_id": None if parent_run_id is None else str(parent_run_id),
            "start_time": datetime.now(UTC).isoformat(),
            "extra": {"invocation_params": about.get("invocation_params"), "metadata": about.get("metadata")},
            "inputs": inputs,
            "name": about.get("name"),
        }
        self._open[run_id] = {key: value for key, value in run.items() if value is not None}

    def _log(self, run_id: Any, end: Mapping[str, Any]) -> None:
        self._roots.pop(run_id, None)
        run = self._open.pop(run_id, None)
        if run is not None:
            ended = {**run, **end, "end_time": datetime.now(UTC).isoformat()}
            log_record(self._book, ended, "langsmith", self._columns, lambda row: {**row, **columns_now()})


def _generation(generation: Any) -> dict[str, Any]:
    """Return a generation as LangSmith has it; its own dump leaves the usage of the message out."""
    message = getattr(generation, "message", None)
    found = {"text": generation.text, "generation_info": generation.generation_info}
    return found if message is None else {**found, "message": dumpd(message)}
