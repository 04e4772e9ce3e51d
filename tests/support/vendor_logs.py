"""One and the same call as each vendor tells it: built of the types of their own packages, dumped as they dump it."""

import json
import os
import warnings
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

Json = dict[str, Any]
TRACE = "ace913b830039cd93d2d6c7b50645d9a"
SPAN = "cf4628c777a0ba60"
START = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Call:
    """What happened."""

    model: str = "model-x"
    prompt: str = "What is 2+2?"
    response: str | None = "It is 4."
    input_tokens: int = 1200  # 1000 of them from a cache, 100 written to it
    cached_input_tokens: int = 1000
    cache_write_tokens: int = 100
    output_tokens: int = 50
    reasoning_tokens: int = 20
    latency_ms: int = 1500
    start: datetime = START
    error: str | None = None
    cost: float = 0.0125
    trace_id: str = TRACE
    number: int = 1  # what its ids end in

    @property
    def span_id(self) -> str:
        return f"{int(SPAN, 16) + self.number:016x}"

    @property
    def nanoseconds(self) -> int:
        """Give when it began, as OpenTelemetry counts."""
        return (self.start - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000

    @property
    def end(self) -> datetime:
        return self.start + timedelta(milliseconds=self.latency_ms)

    def row(self) -> Json:
        """Give the columns of CALLS that tell it."""
        return {
            "trace_id": self.trace_id,
            "timestamp": self.start,
            "model": self.model,
            "prompt": self.prompt,
            "response": self.response,
            "input_tokens": self.input_tokens,
            "cached_input_tokens": self.cached_input_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "output_tokens": self.output_tokens,
            "reasoning_tokens": self.reasoning_tokens,
            "latency_ms": self.latency_ms,
            "cost": self.cost,
            "type": "generation",
            "level": "error" if self.error else "info",
            "error": self.error,
            "token_source": "reported",
            "cost_source": "reported",
        }


@dataclass(frozen=True)
class Told:
    """A line of a log, and the columns that its format has no room for."""

    format: str
    line: Json
    untold: frozenset[str] = field(default_factory=frozenset)


def _told(format: str, line: Json, untold: str = "") -> Told:
    return Told(format, line, frozenset(untold.split()))


# -- OpenAI ------------------------------


def _chat(call: Call) -> Json:
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletion, ChatCompletionMessage
    from openai.types.chat.chat_completion import Choice
    from openai.types.completion_usage import CompletionTokensDetails, PromptTokensDetails

    message = ChatCompletionMessage(role="assistant", content=call.response)
    return ChatCompletion(
        id=f"chatcmpl-{call.number}",
        object="chat.completion",
        created=int(call.start.timestamp()),
        model=call.model,
        service_tier="default",
        choices=[Choice(index=0, finish_reason="stop", message=message)],
        usage=CompletionUsage(
            prompt_tokens=call.input_tokens,
            completion_tokens=call.output_tokens,
            total_tokens=call.input_tokens + call.output_tokens,
            prompt_tokens_details=PromptTokensDetails(
                cached_tokens=call.cached_input_tokens, cache_write_tokens=call.cache_write_tokens
            ),
            completion_tokens_details=CompletionTokensDetails(reasoning_tokens=call.reasoning_tokens),
        ),
    ).model_dump(mode="json")


def openai_chat(call: Call) -> Told:
    return _told("openai", _chat(call), "trace_id prompt latency_ms cost cost_source error")


def openai_chat_with_its_question(call: Call) -> Told:
    from openai.types.chat import ChatCompletionUserMessageParam

    asked = [ChatCompletionUserMessageParam(role="user", content=call.prompt)]
    line = {**_chat(call), "messages": asked, "trace_id": call.trace_id}
    return _told("openai", line, "latency_ms cost cost_source error")


def openai_response(call: Call) -> Told:
    from openai.types.responses import (
        Response,
        ResponseError,
        ResponseOutputMessage,
        ResponseOutputText,
        ResponseReasoningItem,
        ResponseUsage,
    )
    from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

    said = [ResponseOutputText(type="output_text", text=call.response, annotations=[])] if call.response else []
    answer = ResponseOutputMessage(id="msg_1", type="message", role="assistant", status="completed", content=said)
    thought = ResponseReasoningItem(id="rs_1", type="reasoning", summary=[{"type": "summary_text", "text": "Add."}])
    line = Response(
        id=f"resp_{call.number}",
        object="response",
        created_at=call.start.timestamp(),
        completed_at=call.end.timestamp(),
        status="failed" if call.error else "completed",
        error=ResponseError(code="server_error", message=call.error) if call.error else None,
        model=call.model,
        output=[thought, answer] if call.response else [],
        parallel_tool_calls=True,
        tool_choice="auto",
        tools=[],
        service_tier="default",
        usage=ResponseUsage(
            input_tokens=call.input_tokens,
            output_tokens=call.output_tokens,
            total_tokens=call.input_tokens + call.output_tokens,
            input_tokens_details=InputTokensDetails(
                cached_tokens=call.cached_input_tokens, cache_write_tokens=call.cache_write_tokens
            ),
            output_tokens_details=OutputTokensDetails(reasoning_tokens=call.reasoning_tokens),
        ),
    ).model_dump(mode="json")
    return _told("openai", line, "trace_id prompt cost cost_source")


def openai_batch(call: Call) -> Told:
    """Give a line of an output file; its form: https://platform.openai.com/docs/guides/batch."""
    body: Json = {"error": {"message": call.error, "type": "server_error"}} if call.error else _chat(call)
    answer = {"status_code": 500 if call.error else 200, "request_id": "req_1", "body": body}
    line = {"id": f"batch_req_{call.number}", "custom_id": call.trace_id, "response": answer, "error": None}
    untold = "prompt latency_ms cost cost_source"
    if call.error:
        untold += " timestamp model input_tokens output_tokens cached_input_tokens cache_write_tokens token_source"
        untold += " reasoning_tokens"
    return _told("openai", line, untold)


# -- Anthropic ------------------------------


def _message(call: Call) -> Any:
    from anthropic.types import Message, OutputTokensDetails, TextBlock, ThinkingBlock, Usage

    return Message(
        id=f"msg_{call.number}",
        type="message",
        role="assistant",
        model=call.model,
        content=[
            ThinkingBlock(type="thinking", thinking="Two and two.", signature="s"),
            TextBlock(type="text", text=call.response or ""),
        ],
        stop_reason="end_turn",
        stop_sequence=None,
        usage=Usage(
            input_tokens=call.input_tokens - call.cached_input_tokens - call.cache_write_tokens,
            cache_read_input_tokens=call.cached_input_tokens,
            cache_creation_input_tokens=call.cache_write_tokens,
            output_tokens=call.output_tokens,
            output_tokens_details=OutputTokensDetails(thinking_tokens=call.reasoning_tokens),
            service_tier="standard",
        ),
    )


def anthropic_message(call: Call) -> Told:
    line = _message(call).model_dump(mode="json")
    return _told("anthropic", line, "trace_id timestamp prompt latency_ms cost cost_source error")


def anthropic_batch(call: Call) -> Told:
    from anthropic.types import ErrorResponse
    from anthropic.types.messages import (
        MessageBatchErroredResult,
        MessageBatchIndividualResponse,
        MessageBatchSucceededResult,
    )

    if call.error:
        error = {"type": "api_error", "message": call.error}
        result: Any = MessageBatchErroredResult(
            type="errored", error=ErrorResponse.model_validate({"type": "error", "error": error, "request_id": "r"})
        )
    else:
        result = MessageBatchSucceededResult(type="succeeded", message=_message(call))
    line = MessageBatchIndividualResponse(custom_id=call.trace_id, result=result).model_dump(mode="json")
    untold = "timestamp prompt latency_ms cost cost_source"
    if call.error:
        untold += " model input_tokens output_tokens cached_input_tokens cache_write_tokens reasoning_tokens"
        untold += " token_source"
    return _told("anthropic", line, untold)


# -- LiteLLM ------------------------------


@cache
def _litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch one otherwise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
        import litellm.litellm_core_utils.litellm_logging
    return litellm


def litellm_payload(call: Call) -> Told:
    litellm = _litellm()
    logging = litellm.litellm_core_utils.litellm_logging
    messages = [{"role": "user", "content": call.prompt}]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger = logging.Logging(
            model=call.model,
            messages=messages,
            stream=False,
            call_type="completion",
            start_time=call.start,
            litellm_call_id=f"call-{call.number}",
            function_id="f",
            litellm_trace_id=call.trace_id,
        )
        usage = litellm.Usage(
            prompt_tokens=call.input_tokens,
            completion_tokens=call.output_tokens,
            total_tokens=call.input_tokens + call.output_tokens,
            prompt_tokens_details={
                "cached_tokens": call.cached_input_tokens,
                "cache_creation_tokens": call.cache_write_tokens,
            },
            completion_tokens_details={"reasoning_tokens": call.reasoning_tokens},
        )
        answer = litellm.ModelResponse(
            id=f"chatcmpl-{call.number}",
            model=call.model,
            created=int(call.start.timestamp()),
            choices=[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": call.response}}],
            usage=usage,
        )
        payload = logging.get_standard_logging_object_payload(
            kwargs={
                "model": call.model,
                "messages": messages,
                "response_cost": call.cost,
                "call_type": "completion",
                "custom_llm_provider": "openai",
                "litellm_trace_id": call.trace_id,
                "litellm_params": {"metadata": {}},
            },
            init_response_obj=answer if call.response else {},
            start_time=call.start,
            end_time=call.end,
            logging_obj=logger,
            status="failure" if call.error else "success",
            error_str=call.error,
            original_exception=None,
        )
    untold = "input_tokens output_tokens cached_input_tokens cache_write_tokens reasoning_tokens" if call.error else ""
    return _told("litellm", json.loads(json.dumps(payload, default=str)), untold)


# -- Langfuse ------------------------------


def _buckets(call: Call) -> dict[str, int]:
    return {
        "input": call.input_tokens - call.cached_input_tokens - call.cache_write_tokens,
        "input_cache_read": call.cached_input_tokens,
        "input_cache_creation": call.cache_write_tokens,
        "output": call.output_tokens - call.reasoning_tokens,
        "output_reasoning": call.reasoning_tokens,
        "total": call.input_tokens + call.output_tokens,
    }


def langfuse_v2(call: Call) -> Told:
    from langfuse.api import ObservationLevel, ObservationV2

    observation = ObservationV2(
        id=f"obs-{call.number}",
        trace_id=call.trace_id,
        start_time=call.start,
        end_time=call.end,
        project_id="p",
        type="GENERATION",
        name="answer",
        level=ObservationLevel.ERROR if call.error else ObservationLevel.DEFAULT,
        status_message=call.error,
        input=[{"role": "user", "content": call.prompt}],
        output={"role": "assistant", "content": call.response} if call.response else None,
        model=call.model,
        usage_details=_buckets(call),
        total_cost=call.cost,
        latency=call.latency_ms / 1000,
    )
    return _told("langfuse", json.loads(observation.json(by_alias=True)))


def langfuse_v1(call: Call) -> Told:
    """Give an observation with the names of ObservationsView, which newer packages than langfuse 3.10 leave out."""
    line = {
        "id": f"obs-{call.number}",
        "traceId": call.trace_id,
        "type": "GENERATION",
        "name": "answer",
        "startTime": call.start.isoformat(),
        "endTime": call.end.isoformat(),
        "completionStartTime": None,
        "model": call.model,
        "modelParameters": {"temperature": 0},
        "input": call.prompt,
        "output": call.response,
        "metadata": {"user": "ann"},
        "usage": {
            "input": call.input_tokens,
            "output": call.output_tokens,
            "total": call.input_tokens + call.output_tokens,
            "unit": "TOKENS",
        },
        "usageDetails": _buckets(call),
        "costDetails": {"total": call.cost},
        "level": "ERROR" if call.error else "DEFAULT",
        "statusMessage": call.error,
        "parentObservationId": None,
        "calculatedTotalCost": call.cost,
        "latency": call.latency_ms / 1000,
    }
    return _told("langfuse", line)


# -- OpenTelemetry ------------------------------


def _span(call: Call, attributes: Json, name: str = "chat") -> Any:
    """Give a finished span of the SDK, with the ids of the call."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.trace import Status, StatusCode

    class Ids(IdGenerator):
        def generate_trace_id(self) -> int:
            return int(call.trace_id, 16)

        def generate_span_id(self) -> int:
            return int(call.span_id, 16)

    exporter = InMemorySpanExporter()
    provider = TracerProvider(id_generator=Ids(), resource=Resource.create({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer("app").start_span(
        name,
        start_time=call.nanoseconds,
        attributes={k: v for k, v in attributes.items() if v is not None},
    )
    if call.error:
        span.record_exception(RuntimeError(call.error))
        span.set_status(Status(StatusCode.ERROR, call.error))
    span.end(end_time=call.nanoseconds + call.latency_ms * 10**6)
    (finished,) = exporter.get_finished_spans()
    return finished


def _gen_ai(call: Call) -> Json:
    from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as names

    asked = [{"role": "user", "parts": [{"type": "text", "content": call.prompt}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": call.response}], "finish_reason": "stop"}]
    return {
        names.GEN_AI_OPERATION_NAME: names.GenAiOperationNameValues.CHAT.value,
        names.GEN_AI_PROVIDER_NAME: "openai",
        names.GEN_AI_REQUEST_MODEL: "model-alias",
        names.GEN_AI_RESPONSE_MODEL: call.model,
        names.GEN_AI_RESPONSE_ID: f"chatcmpl-{call.number}",
        names.GEN_AI_RESPONSE_FINISH_REASONS: ["stop"],
        names.GEN_AI_INPUT_MESSAGES: json.dumps(asked),
        names.GEN_AI_OUTPUT_MESSAGES: json.dumps(said) if call.response else None,
        names.GEN_AI_USAGE_INPUT_TOKENS: call.input_tokens,
        names.GEN_AI_USAGE_OUTPUT_TOKENS: call.output_tokens,
        names.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: call.cached_input_tokens,
        names.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: call.cache_write_tokens,
        names.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: call.reasoning_tokens,
    }


def _open_inference(call: Call) -> Json:
    from openinference.semconv.trace import MessageAttributes as Part
    from openinference.semconv.trace import OpenInferenceSpanKindValues as Kind
    from openinference.semconv.trace import SpanAttributes as Names

    return {
        Names.OPENINFERENCE_SPAN_KIND: Kind.LLM.value,
        Names.LLM_MODEL_NAME: call.model,
        Names.INPUT_VALUE: json.dumps({"messages": [{"role": "user", "content": call.prompt}]}),
        f"{Names.LLM_INPUT_MESSAGES}.0.{Part.MESSAGE_ROLE}": "user",
        f"{Names.LLM_INPUT_MESSAGES}.0.{Part.MESSAGE_CONTENT}": call.prompt,
        f"{Names.LLM_OUTPUT_MESSAGES}.0.{Part.MESSAGE_ROLE}": "assistant",
        f"{Names.LLM_OUTPUT_MESSAGES}.0.{Part.MESSAGE_CONTENT}": call.response,
        Names.LLM_TOKEN_COUNT_PROMPT: call.input_tokens,
        Names.LLM_TOKEN_COUNT_COMPLETION: call.output_tokens,
        Names.LLM_TOKEN_COUNT_TOTAL: call.input_tokens + call.output_tokens,
        Names.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_READ: call.cached_input_tokens,
        Names.LLM_TOKEN_COUNT_PROMPT_DETAILS_CACHE_WRITE: call.cache_write_tokens,
        Names.LLM_TOKEN_COUNT_COMPLETION_DETAILS_REASONING: call.reasoning_tokens,
        Names.LLM_COST_TOTAL: call.cost,
    }


def span_of(call: Call) -> Any:
    """Give a call as a finished span of the SDK, with GenAI attributes."""
    return _span(call, _gen_ai(call))


def otlp(*spans: Any) -> Json:
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    return dict(MessageToDict(encode_spans(spans)))


def otel_otlp(call: Call) -> Told:
    return _told("otel", otlp(span_of(call)), "cost cost_source")


def otel_otlp_of_a_collector(call: Call) -> Told:
    """Give ids in hexadecimal digits, as the OTLP specification wants JSON to have them."""
    line = otlp(span_of(call))
    (span,) = line["resourceSpans"][0]["scopeSpans"][0]["spans"]
    span |= {"traceId": call.trace_id, "spanId": call.span_id}
    return _told("otel", line, "cost cost_source")


def otel_span(call: Call) -> Told:
    return _told("otel", json.loads(span_of(call).to_json()), "cost cost_source")


def openinference_span(call: Call) -> Told:
    return _told("otel", json.loads(_span(call, _open_inference(call)).to_json()))


def openinference_row(call: Call) -> Told:
    """Give a row of a frame of spans, with a column an attribute."""
    span = json.loads(_span(call, _open_inference(call)).to_json())
    line = {
        "name": span["name"],
        "span_kind": "LLM",
        "context.trace_id": call.trace_id,
        "context.span_id": call.span_id,
        "start_time": span["start_time"],
        "end_time": span["end_time"],
        "status_code": span["status"]["status_code"],
        "status_message": span["status"].get("description", ""),
        **{f"attributes.{name}": value for name, value in span["attributes"].items()},
    }
    return _told("otel", line)


def spans_of_other_work(call: Call) -> Json:
    """Give a line of one call among spans of a tool and of a request."""
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.request.model": "model-x", "gen_ai.tool.name": "sum"}
    chain = {"openinference.span.kind": "CHAIN", "llm.model_name": "model-x"}
    return otlp(
        _span(call, {"http.request.method": "GET"}),
        span_of(call),
        _span(call, tool),
        _span(call, chain),
    )


def claude_code_line(call: Call) -> Told:
    """Give a line of a transcript of an old version, which has cost and duration; the question is on another line."""
    answer = json.loads(json.dumps(anthropic_message(call).line))
    kept = {key: value for key, value in answer.items() if key in ("id", "type", "role", "model", "content", "usage")}
    line = {
        "parentUuid": "0b5e",
        "isSidechain": False,
        "cwd": "/repo",
        "sessionId": call.trace_id,
        "type": "assistant",
        "uuid": "6d1f",
        "timestamp": call.start.isoformat(),
        "message": kept,
        "costUSD": call.cost,
        "durationMs": call.latency_ms,
    }
    return _told("claude_code", line, "prompt error")


def claude_code_event(call: Call) -> Told:
    """Give the log record that Claude Code sends when a call has ended."""
    attributes = {
        "event.name": "api_request",
        "session.id": call.trace_id,
        "model": call.model,
        "input_tokens": call.input_tokens - call.cached_input_tokens - call.cache_write_tokens,
        "cache_read_tokens": call.cached_input_tokens,
        "cache_creation_tokens": call.cache_write_tokens,
        "output_tokens": call.output_tokens,
        "cost_usd": call.cost,
        "duration_ms": call.latency_ms,
        "request_id": f"req_{call.number}",
    }
    record = {
        "timeUnixNano": str(call.nanoseconds + 1_000_000 * call.latency_ms),
        "body": {"stringValue": "claude_code.api_request"},
        "attributes": [{"key": key, "value": {"stringValue": str(value)}} for key, value in attributes.items()],
    }
    line = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    return _told("otlp_logs", line, "prompt response reasoning_tokens error")


def cline_message(call: Call) -> Told:
    """Give the message of a task in which Cline keeps the counts of a request."""
    counts = {
        "tokensIn": call.input_tokens - call.cached_input_tokens - call.cache_write_tokens,
        "tokensOut": call.output_tokens,
        "cacheWrites": call.cache_write_tokens,
        "cacheReads": call.cached_input_tokens,
        "cost": call.cost,
    }
    line = {
        "ts": call.nanoseconds // 1_000_000,
        "type": "say",
        "say": "api_req_started",
        "text": json.dumps(counts),
        "modelInfo": {"modelId": call.model, "mode": "act"},
    }
    return _told("cline", line, "trace_id prompt response reasoning_tokens latency_ms error")


def aider_event(call: Call) -> Told:
    """Give the event that aider logs when a message was answered."""
    properties = {
        "main_model": call.model,
        "prompt_tokens": call.input_tokens,
        "completion_tokens": call.output_tokens,
        "total_tokens": call.input_tokens + call.output_tokens,
        "cost": call.cost,
        "total_cost": call.cost,
    }
    line = {
        "event": "message_send",
        "properties": properties,
        "user_id": "u",
        "time": call.nanoseconds // 1_000_000_000,
    }
    parts = "cached_input_tokens cache_write_tokens reasoning_tokens"
    return _told("aider", line, f"trace_id prompt response latency_ms error {parts}")


def pi_entry(call: Call) -> Told:
    """Give the entry that pi writes when an answer is whole."""
    usage = {
        "input": call.input_tokens - call.cached_input_tokens - call.cache_write_tokens,
        "output": call.output_tokens,
        "cacheRead": call.cached_input_tokens,
        "cacheWrite": call.cache_write_tokens,
        "totalTokens": call.input_tokens + call.output_tokens,
        "cost": {"total": call.cost},
    }
    start = call.nanoseconds // 1_000_000
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": call.response}],
        "model": call.model,
        "usage": usage,
        "stopReason": "stop",
        "timestamp": start,
    }
    line = {
        "type": "message",
        "id": "a1b2c3d4",
        "parentId": "00c0ffee",
        "timestamp": start + call.latency_ms,
        "message": message,
    }
    return _told("pi", line, "trace_id prompt reasoning_tokens error")


TELLERS = (
    openai_chat,
    openai_chat_with_its_question,
    openai_response,
    openai_batch,
    anthropic_message,
    anthropic_batch,
    litellm_payload,
    langfuse_v2,
    langfuse_v1,
    otel_otlp,
    otel_otlp_of_a_collector,
    otel_span,
    openinference_span,
    openinference_row,
    claude_code_line,
    claude_code_event,
    cline_message,
    aider_event,
    pi_entry,
)
# those that tell of calls that failed
FAILURES = tuple(
    teller
    for teller in TELLERS
    if teller
    not in (
        openai_chat,
        openai_chat_with_its_question,
        anthropic_message,
        claude_code_line,
        claude_code_event,
        cline_message,
        aider_event,
        pi_entry,
    )
)
