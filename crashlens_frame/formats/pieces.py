"""The pieces of a streamed answer -> the answer as it would have come whole.

Sources: chunks of chat completions (https://platform.openai.com/docs/api-reference/chat-streaming), events of responses
(https://platform.openai.com/docs/api-reference/responses-streaming), events of messages
(https://docs.claude.com/en/docs/build-with-claude/streaming), events of chats of Cohere
(https://docs.cohere.com/v2/docs/streaming), answers and interactions of Gemini
(https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/interactions), and answers of
Ollama (https://docs.ollama.com/api), each with what is new.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ..jsonvalues import is_object
from .table import Record

CHUNK = "chat.completion.chunk"
CHUNKS = (CHUNK, "chat.completion.done")  # Perplexity names its last piece otherwise
TEXTS = ("text_completion", "text.completion")  # pieces and whole answers; the second of Together
MESSAGE_EVENTS = (
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop",
)  # fmt: skip
RESPONSE_EVENTS = ("response.created", "response.in_progress", "response.queued")  # a stream begins with them
LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed", "response.done")
_COHERE_EVENTS = (
    "message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start",
    "tool-call-delta", "tool-call-end", "citation-start", "citation-end", "message-end",
)  # fmt: skip
_TEXTS = ("content", "text", "refusal", "reasoning_content", "reasoning", "thinking", "arguments")  # that pieces add to


_IN_PARTS = ("content", "thinking")  # that some vendors send as lists of parts: Mistral where a model thinks


class Answer(NamedTuple):
    """An answer, and whether its pieces were there to the last."""

    record: dict[str, Any]
    is_complete: bool


def put_together(pieces: Iterable[Record]) -> Answer:
    """Return the answer that the pieces of one stream are together.

    Parameters
    ----------
    pieces
        Decoded events of the stream, in their order.

    Returns
    -------
    Answer
        ``record``, in the form of an answer that was not streamed, empty without any piece; and ``is_complete``.

    Examples
    --------
    >>> from crashlens_frame.formats.pieces import put_together
    >>> delta = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    >>> last = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    >>> put_together([delta, last])
    Answer(record={'object': 'chat.completion', 'choices': [{'index': 0, 'message': {'content': 'Hi'},
    'finish_reason': 'stop'}]}, is_complete=True)
    """
    events = list(pieces)
    kind = next((kind for kind in map(_kind, events) if kind is not None), None)
    return Answer({}, False) if kind is None else kind(events)


def closed(answer: Answer) -> dict[str, Any]:
    """Return the record of an answer; one that was cut says so, and leaves its output to be counted."""
    if answer.is_complete or not answer.record:
        return answer.record
    usage = {key: count for key, count in _mapping(answer.record.get("usage")).items() if key != "output_tokens"}
    reason = "stop_reason" if answer.record.get("type") == "message" else "finish_reason"
    return {**answer.record, **({"usage": usage} if usage else {}), reason: "aborted", "billed": "estimated"}


class Streams:
    """Memory of the streams of one file: their pieces by the id that they have, or that of the stream they are in."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, list[Record]]] = {}
        self._last = ""

    def read(self, record: Record, line: int) -> Iterator[tuple[int, Record]]:
        """Take the next record; an answer that is whole is yielded at once, a stream where a later one takes over."""
        if _kind(record) is None and not _is_event(record):
            yield line, record
            return
        if _is_preamble(record):
            return
        holder = record if "id" in record else _mapping(record.get("message")) or _mapping(record.get("response"))
        begun = holder.get("id")
        if isinstance(begun, str) and begun and (begun in self._open or not self._goes_on(record)):
            self._last = begun
        self._open.setdefault(self._last, (line, []))[1].append(record)
        if len(self._open) > _MOST_OPEN:
            yield self._close(next(iter(self._open)))

    def finish(self) -> Iterator[tuple[int, Record]]:
        """Yield the answers of all streams."""
        for key in list(self._open):
            yield self._close(key)

    def _goes_on(self, event: Record) -> bool:
        """Whether an event is the next of the last stream by its number: Copilot gives each event another id."""
        before = self._open.get(self._last, (0, [{}]))[1][-1].get("sequence_number")
        return isinstance(before, int) and event.get("sequence_number") == before + 1

    def _close(self, key: str) -> tuple[int, Record]:
        line, pieces = self._open.pop(key)
        return line, closed(put_together(pieces))


_MOST_OPEN = 1000  # streams that are written to one file at the same time


def _is_event(record: Record) -> bool:
    return record.get("type") in ("ping", "error") and (len(record) <= 2 or "sequence_number" in record)


def _is_preamble(record: Record) -> bool:
    """Whether a piece is what Azure says of the question before the answer: it names no stream."""
    return record.get("choices") == [] and not record.get("id") and not record.get("usage")


def _kind(piece: Record) -> Callable[[list[Record]], Answer] | None:
    """Return the function for pieces of a kind; None where the piece does not show it."""
    event = piece.get("type")
    if piece.get("object") in (*CHUNKS, "text_completion", "text.completion") or (
        "choices" in piece and not piece.get("object")
    ):
        return _completion
    if isinstance(event, str) and event.startswith("response."):
        return _response
    if event in MESSAGE_EVENTS:
        return _message
    if event in _COHERE_EVENTS:
        return _chat
    if isinstance(piece.get("done"), bool):
        return _lines
    if str(piece.get("event_type")).startswith(("interaction.", "step.")):
        return _interaction
    return _candidates if "candidates" in piece or "usageMetadata" in piece else None


# -- completions of OpenAI, and of all who answer in their form --------------------------------------------------------


def _completion(pieces: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for piece in pieces:
        whole |= {key: value for key, value in piece.items() if value is not None and key != "choices"}
        for choice in _mappings(piece.get("choices")):
            _add_choice(choices.setdefault(_place(choice), {}), choice)
    if whole.get("object") in CHUNKS:
        whole["object"] = "chat.completion"
    for place in (_mapping(whole.get("x_groq")), *choices.values()):  # of Groq, of Kimi
        whole = {**({"usage": place["usage"]} if is_object(place.get("usage")) else {}), **whole}
    whole["choices"] = [choices[index] for index in sorted(choices)]
    return Answer(whole, bool(choices) and all(choice.get("finish_reason") for choice in choices.values()))


def _add_choice(choice: dict[str, Any], piece: Record) -> None:
    choice |= {key: value for key, value in piece.items() if value is not None and key not in ("delta", "text")}
    if isinstance(text := piece.get("text"), str):
        choice["text"] = choice.get("text", "") + text
    elif is_object(delta := piece.get("delta")):
        choice["message"] = dict(_mapping(choice.get("message")))
        _add_delta(choice["message"], delta)


def _add_delta(message: dict[str, Any], delta: Record) -> None:
    """Add texts to texts, and each call of a tool to that with its index."""
    for key, value in delta.items():
        if value is None:
            continue
        if key == "tool_calls":
            calls = message[key] = [dict(call) for call in _mappings(message.get(key))]
            for call in _mappings(value):
                place = min(_place(call, len(calls)), len(calls))
                if place == len(calls):
                    calls.append({})
                _add_delta(calls[place], {name: each for name, each in call.items() if name != "index"})
        elif is_object(value):
            message[key] = dict(_mapping(message.get(key)))
            _add_delta(message[key], value)
        elif key in _IN_PARTS and (isinstance(value, list) or isinstance(message.get(key), list)):
            message[key] = _added_parts(message.get(key), value)
        elif isinstance(value, str) and key in _TEXTS:
            before = message.get(key)
            message[key] = before + value if isinstance(before, str) else value
        else:
            message[key] = value


def _added_parts(before: Any, new: Any) -> list[Any]:
    """Add parts of a content to those before; a text goes on in the part that it began in."""
    parts = _parts(before)
    for part in _parts(new):
        if parts and is_object(part) and is_object(parts[-1]) and part.get("type") == parts[-1].get("type"):
            going_on = dict(parts.pop())
            _add_delta(going_on, {key: value for key, value in part.items() if key != "type"})
            parts.append(going_on)
        else:
            parts.append(part)
    return parts


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content) if isinstance(content, list) else []


# -- responses of OpenAI -----------------------------------------------------------------------------------------------


def _response(events: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    items: dict[int, dict[str, Any]] = {}
    for event in events:
        if is_object(event.get("response")):
            whole = dict(event["response"])
        if event.get("type") in LAST_EVENTS:
            return Answer(whole, True)
        if event.get("type") == "error":
            whole |= {"error": event.get("error") or event.get("message"), "status": "failed"}
        index = _place(event, 0, "output_index")
        if is_object(event.get("item")):
            items[index] = dict(event["item"])
        elif event.get("type") == "response.output_text.delta" and isinstance(event.get("delta"), str):
            item = items.setdefault(index, {"type": "message"})
            texts = [part["text"] for part in _mappings(item.get("content")) if isinstance(part.get("text"), str)]
            item["content"] = [{"type": "output_text", "text": "".join([*texts, event["delta"]])}]
    if items:
        whole["output"] = [items[index] for index in sorted(items)]
    return Answer(whole, False)


# -- messages of Anthropic ---------------------------------------------------------------------------------------------


def _message(events: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    blocks: dict[int, dict[str, Any]] = {}
    is_complete = False
    for event in events:
        kind, delta = event.get("type"), _mapping(event.get("delta"))
        if kind == "message_start":
            whole = dict(_mapping(event.get("message")))
            is_complete = whole.get("stop_reason") is not None  # so do answers of tools within a run of code
            blocks = {place: dict(block) for place, block in enumerate(_mappings(whole.get("content")))}
        elif kind == "content_block_start":
            blocks[_place(event)] = dict(_mapping(event.get("content_block")))
        elif kind == "content_block_delta":
            _add_block_delta(blocks.setdefault(_place(event), {"type": "text"}), delta)
        elif kind == "message_delta":
            whole |= {key: value for key, value in delta.items() if value is not None}
            is_complete = is_complete or delta.get("stop_reason") is not None
            # its counts are those of the whole message so far
            new = {key: value for key, value in _mapping(event.get("usage")).items() if value is not None}
            whole["usage"] = {**_mapping(whole.get("usage")), **new}
        elif kind == "error":
            whole["error"] = event.get("error")
    whole["content"] = [_with_input(blocks[index]) for index in sorted(blocks)]
    return Answer(whole, is_complete)


_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "json",
}


def _add_block_delta(block: dict[str, Any], delta: Record) -> None:
    key = _DELTAS.get(str(delta.get("type")))
    value = delta.get("partial_json" if key == "json" else str(key))
    if key is not None and isinstance(value, str):
        block[key] = (block[key] if isinstance(block.get(key), str) else "") + value


def _with_input(block: dict[str, Any]) -> dict[str, Any]:
    """Return a block with the input of its tool, which comes as pieces of JSON text."""
    text = block.pop("json", None)
    return {**block, "input": text} if text else block


# -- answers of Gemini -------------------------------------------------------------------------------------------------


def _candidates(pieces: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    candidates: dict[int, dict[str, Any]] = {}
    for piece in pieces:
        whole |= {key: value for key, value in piece.items() if value is not None and key != "candidates"}
        for candidate in _mappings(piece.get("candidates")):
            there = candidates.setdefault(_place(candidate), {})
            content = _mapping(candidate.get("content"))
            parts = [*_mapping(there.get("content")).get("parts", []), *_mappings(content.get("parts"))]
            there |= {key: value for key, value in candidate.items() if value is not None}
            there["content"] = {**content, "parts": _joined_parts(parts)}
    whole["candidates"] = [candidates[index] for index in sorted(candidates)]
    return Answer(whole, bool(candidates) and all(each.get("finishReason") for each in candidates.values()))


def _joined_parts(parts: list[Record]) -> list[Record]:
    """Join neighbours that are text alone: the pieces of one text are no lines of it."""
    joined: list[Record] = []
    for part in parts:
        pair = [*joined[-1:], part]
        if len(pair) == 2 and all(each.keys() == {"text"} and isinstance(each["text"], str) for each in pair):
            joined[-1] = {"text": joined[-1]["text"] + part["text"]}
        else:
            joined.append(part)
    return joined


# -- interactions of Gemini --------------------------------------------------------------------------------------------


def _interaction(events: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    steps: dict[int, dict[str, Any]] = {}
    is_complete = False
    for event in events:
        whole |= _mapping(event.get("interaction"))
        is_complete = is_complete or event.get("event_type") == "interaction.completed"
        if is_object(event.get("step")):
            steps[_place(event)] = dict(event["step"])
        elif is_object(delta := event.get("delta")):
            step = steps.setdefault(_place(event), {"type": "model_output"})
            if delta.get("type") == "arguments_delta":
                before = step["arguments"] if isinstance(step.get("arguments"), str) else ""
                step["arguments"] = before + str(delta.get("arguments"))
            else:
                step["content"] = _added_parts(step.get("content"), [delta])
    if steps:
        whole["steps"] = [steps[index] for index in sorted(steps)]
    return Answer(whole, is_complete)


# -- chats of Cohere ---------------------------------------------------------------------------------------------------


def _chat(events: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {"role": "assistant"}
    texts: list[str] = []
    calls: dict[int, dict[str, Any]] = {}
    is_complete = False
    for event in events:
        kind, delta = event.get("type"), _mapping(event.get("delta"))
        new = _mapping(delta.get("message"))
        if kind == "message-start":
            whole["id"] = event.get("id")
        elif kind == "content-delta" and isinstance(text := _mapping(new.get("content")).get("text"), str):
            texts.append(text)
        elif kind in ("tool-call-start", "tool-call-delta"):
            _add_delta(calls.setdefault(_place(event), {}), _mapping(new.get("tool_calls")))
        elif kind == "message-end":
            is_complete = True
            whole |= {key: delta[key] for key in ("finish_reason", "usage", "error") if delta.get(key) is not None}
    if texts:
        message["content"] = [{"type": "text", "text": "".join(texts)}]
    if calls:
        message["tool_calls"] = [calls[index] for index in sorted(calls)]
    return Answer({**whole, "message": message}, is_complete)


# -- lines of Ollama ---------------------------------------------------------------------------------------------------


def _lines(pieces: list[Record]) -> Answer:
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {}
    text = ""
    for piece in pieces:
        whole |= {key: value for key, value in piece.items() if key not in ("message", "response")}
        _add_delta(message, _mapping(piece.get("message")))
        text += piece["response"] if isinstance(piece.get("response"), str) else ""
    whole |= {"message": message} if message else {"response": text}
    return Answer(whole, whole.pop("done", None) is True)


def _mapping(value: Any) -> Record:
    return value if is_object(value) else {}


def _mappings(value: Any) -> list[Record]:
    return [each for each in value if is_object(each)] if isinstance(value, list) else []


def _place(piece: Record, otherwise: int = 0, key: str = "index") -> int:
    place = piece.get(key)
    return place if isinstance(place, int) and place >= 0 else otherwise
