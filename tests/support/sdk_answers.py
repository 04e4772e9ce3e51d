"""The same answer as the package of each vendor returns it, and the arguments of its call."""

from collections.abc import Callable
from typing import Any

from tests.support.vendor_logs import Call, _message, openai_response
from tests.support.vendor_logs import _chat as openai_chat_line

Answer = Callable[[], Any]
CALL = Call()


def openai_chat() -> Any:
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate(openai_chat_line(CALL))


def openai_responses() -> Any:
    from openai.types.responses import Response

    return Response.model_validate(openai_response(CALL).line)


def openai_embeddings() -> Any:
    from openai.types import CreateEmbeddingResponse, Embedding
    from openai.types.create_embedding_response import Usage

    usage = Usage(prompt_tokens=1200, total_tokens=1200)
    data = [Embedding(embedding=[0.1, 0.2], index=0, object="embedding")]
    return CreateEmbeddingResponse(
        data=data, model="text-embedding-3-small", object="list", usage=usage, id="emb-1", trace_id="t-emb"
    )


def anthropic_message() -> Any:
    return _message(CALL)


def gemini_answer() -> Any:
    from google.genai import types

    said = types.Content(role="model", parts=[types.Part(text="It is 4.")])
    usage = types.GenerateContentResponseUsageMetadata(
        prompt_token_count=1200,
        cached_content_token_count=1000,
        candidates_token_count=30,
        thoughts_token_count=20,
        total_token_count=1250,
    )
    return types.GenerateContentResponse(
        response_id="resp-1",
        model_version="gemini-2.5-flash",
        candidates=[types.Candidate(content=said, finish_reason=types.FinishReason.STOP)],
        usage_metadata=usage,
    )


def mistral_chat() -> Any:
    from mistralai.client.models import ChatCompletionResponse

    return ChatCompletionResponse.model_validate(
        {
            "id": "cmpl-1",
            "object": "chat.completion",
            "model": "mistral-small-latest",
            "created": 1772442000,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It is 4."}}],
            "usage": {"prompt_tokens": 1200, "completion_tokens": 50, "total_tokens": 1250},
        }
    )


def cohere_chat() -> Any:
    from cohere import V2ChatResponse

    return V2ChatResponse.model_validate(
        {
            "id": "chat-1",
            "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "It is 4."}]},
            "usage": {
                "billed_units": {"input_tokens": 1200, "output_tokens": 50},
                "tokens": {"input_tokens": 1210, "output_tokens": 52},
            },
        }
    )


def bedrock_converse() -> Any:
    """Return what boto3 returns, which is a dict."""
    return {
        "ResponseMetadata": {"RequestId": "req-1", "HTTPStatusCode": 200, "RetryAttempts": 0},
        "output": {"message": {"role": "assistant", "content": [{"text": "It is 4."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1200, "outputTokens": 50, "totalTokens": 1250},
        "metrics": {"latencyMs": 1500},
    }


ANSWERS: tuple[Answer, ...] = (
    openai_chat,
    openai_responses,
    openai_embeddings,
    anthropic_message,
    gemini_answer,
    mistral_chat,
    cohere_chat,
    bedrock_converse,
)


def _openai_request() -> Any:
    from openai import NOT_GIVEN

    messages = [{"role": "user", "content": "What is 2+2?"}]
    return {"model": "gpt-4o", "messages": messages, "temperature": 0.5, "top_p": NOT_GIVEN}


def _responses_request() -> Any:
    return {"model": "gpt-4o", "input": "What is 2+2?", "temperature": 0.5}


def _gemini_request() -> Any:
    from google.genai import types

    asked = types.Content(role="user", parts=[types.Part(text="What is 2+2?")])
    config = types.GenerateContentConfig(temperature=0.5)
    return {"model": "gemini-2.5-flash", "contents": asked, "config": config}


def _bedrock_request() -> Any:
    messages = [{"role": "user", "content": [{"text": "What is 2+2?"}]}]
    return {"modelId": "us.anthropic.claude-x", "messages": messages, "inferenceConfig": {"temperature": 0.5}}


REQUESTS = (
    (openai_chat, _openai_request),
    (openai_responses, _responses_request),
    (anthropic_message, _openai_request),
    (gemini_answer, _gemini_request),
    (mistral_chat, _openai_request),
    (cohere_chat, _openai_request),
    (bedrock_converse, _bedrock_request),
)
