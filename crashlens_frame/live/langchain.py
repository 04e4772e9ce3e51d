"""Callbacks of LangChain -> the book, by the table that reads runs of LangSmith in files."""

import warnings
from typing import Any

from ..errors import MissingExtraError
from ..logbook import LogBook
from .intake import Intake

try:
    from langchain_core.load import dumpd
    from langchain_core.tracers.base import BaseTracer
    from langchain_core.tracers.schemas import Run
except ModuleNotFoundError as error:
    raise MissingExtraError(
        "LangChainHandler needs langchain-core, which is not installed: pip install langchain-core"
    ) from error


class LangChainHandler(BaseTracer):
    """Log each call of a model that chains and agents of LangChain make, with ``await`` or without.

    Parameters
    ----------
    book
        Where the calls are logged.

    Notes
    -----
    Use it as ``chain.invoke(..., config={"callbacks": [cf.live.LangChainHandler(book)]})``. The outermost run is the
    trace, the run around the call its parent; the agent is the node of LangGraph, or else the outermost run. What
    ``with_retry`` asks again is a call of its own; what the SDK of a vendor asks again is not seen.

    Examples
    --------
    >>> import crashlens_frame as cf
    >>> from langchain_core.language_models import FakeListChatModel
    >>> book = cf.LogBook()
    >>> model = FakeListChatModel(responses=["Paris"])
    >>> answer = model.invoke("Capital of France?", config={"callbacks": [cf.live.LangChainHandler(book)]})
    >>> book.df[["prompt", "response"]]
                   prompt response
    0  Capital of France?    Paris
    """

    run_inline = True  # in the thread of the call, in its order, also where that is asynchronous

    def __init__(self, book: LogBook) -> None:
        super().__init__(_schema_format="original+chat")  # with the messages, not a text made of them
        self._intake = Intake(book, "langsmith")

    def _persist_run(self, run: Run) -> None:
        """Keep nothing: each call is logged when it ends, not with the trace."""

    def _on_llm_end(self, run: Run) -> None:
        self._log(run)

    def _on_llm_error(self, run: Run) -> None:
        self._log(run)

    def _log(self, run: Run) -> None:
        try:
            self._intake.take(self._record(run))
        except Exception as error:  # whatever it is, the chain goes on
            warnings.warn(f"a call is not logged: {error!r}", RuntimeWarning, stacklevel=2)

    def _record(self, run: Run) -> dict[str, Any]:
        """Return a run as LangSmith stores it."""
        extra = run.extra or {}
        found: dict[str, Any] = {
            "id": str(run.id),
            "trace_id": str(run.trace_id),
            "parent_run_id": None if run.parent_run_id is None else str(run.parent_run_id),
            "name": run.name,
            "run_type": "llm",
            "start_time": run.start_time,
            "end_time": run.end_time,
            "inputs": run.inputs,
            "outputs": run.outputs,
            "extra": {"invocation_params": dumpd(extra.get("invocation_params")), "metadata": self._metadata(run)},
            "tags": run.tags,
            "error": run.error,
            "status": "error" if run.error else "success",
        }
        return {key: value for key, value in found.items() if value is not None}

    def _metadata(self, run: Run) -> dict[str, Any]:
        """Return what is known around a run, with the name of the outermost one as that of the agent."""
        metadata: dict[str, Any] = dumpd((run.extra or {}).get("metadata") or {})
        outermost = self.run_map.get(str(run.trace_id))
        if outermost is not None and outermost.id != run.id and "langgraph_node" not in metadata:
            metadata.setdefault("lc_agent_name", outermost.name)
        return metadata
