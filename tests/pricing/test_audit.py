"""The shipped prices beside both public lists: every difference is known, with its reason."""

import math
import subprocess
import sys

from crashlens_frame.pricing import PriceBook
from crashlens_frame.pricing.audit import differences, litellm_names, litellm_path
from crashlens_frame.pricing.regions import region_factor

PEAK_DAYS = "genai-prices has no dates and no weekdays of DeepSeek's peak hours"
MOVED = "the name moved to other models, with dates in the shipped prices"
MOVED_LATER = "the name moved on a day that we do not know; genai-prices has the older model"
TYPO = "LiteLLM has the price of another model, region or day"
AZURE_OLD = "Azure's price of a retired deployment; OpenAI's price is used"
ACCEPTED = {
    ("genai-prices", "deepseek-chat"): MOVED,
    ("genai-prices", "deepseek-flash"): PEAK_DAYS,
    ("genai-prices", "deepseek-reasoner"): MOVED,
    ("genai-prices", "deepseek-v4-flash"): PEAK_DAYS,
    ("genai-prices", "deepseek-v4-pro"): PEAK_DAYS,
    ("LiteLLM", "anthropic.claude-3-7-sonnet-20240620-v1:0"): "LiteLLM has us-gov's price for a name without region",
    ("LiteLLM", "azure/gpt-4-turbo"): AZURE_OLD,
    ("LiteLLM", "azure/gpt-4-turbo-2024-04-09"): AZURE_OLD,
    ("LiteLLM", "azure/mistral-large-latest"): TYPO,
    ("LiteLLM", "azure/model-router"): "a router, not a model: it has no one price",
    (
        "LiteLLM",
        "bedrock/us-gov-east-1/meta.llama3-8b-instruct-v1:0",
    ): "the output price is that of Llama 3 70B's input",
    ("LiteLLM", "deepseek-chat"): MOVED,
    ("LiteLLM", "deepseek-reasoner"): MOVED,
    ("LiteLLM", "deepseek/deepseek-chat"): MOVED,
    ("LiteLLM", "deepseek/deepseek-reasoner"): MOVED,
    ("LiteLLM", "deepseek/deepseek-v3.2"): "genai-prices has the price of another host of the model",
    ("LiteLLM", "mistral/magistral-medium-latest"): MOVED_LATER,
    ("LiteLLM", "mistral/magistral-small-latest"): MOVED_LATER,
    ("LiteLLM", "mistral/mistral-medium"): MOVED_LATER,
    ("LiteLLM", "mistral/mistral-small"): MOVED_LATER,
    ("LiteLLM", "mistral/open-mistral-nemo"): TYPO,
    ("LiteLLM", "openai.gpt-oss-safeguard-20b"): "an open model: each host has a price of its own",
    ("LiteLLM", "vertex_ai/claude-3-5-haiku"): TYPO,
    ("LiteLLM", "vertex_ai/claude-3-5-haiku@20241022"): TYPO,
    ("LiteLLM", "xai/grok-code-fast"): MOVED_LATER,
    ("LiteLLM", "xai/grok-code-fast-1"): MOVED_LATER,
    ("LiteLLM", "xai/grok-code-fast-1-0825"): MOVED_LATER,
}


def test_every_difference_is_accepted_with_a_reason() -> None:
    assert {(each.list_name, each.name) for each in differences()} == {*ACCEPTED}


def test_nearly_all_chat_names_of_litellm_have_a_price() -> None:
    path = litellm_path()
    assert path is not None
    names = litellm_names(PriceBook.from_litellm(path), path)
    unknown = [name for name in names if PriceBook.default().find(name) is None]
    assert len(names) > 1000
    assert len(unknown) / len(names) < 0.05
    without_region = [name for name in names if math.isnan(region_factor(PriceBook.default(), name, None, None))]
    assert without_region == ["bedrock/us-gov-east-1/meta.llama3-8b-instruct-v1:0"]


def test_the_command_prints_a_line_per_difference() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crashlens_frame.pricing.audit"], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr == ""
    assert {tuple(line.split("\t")[:2]) for line in done.stdout.splitlines()} == {*ACCEPTED}
