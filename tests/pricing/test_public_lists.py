"""LiteLLM's list as prices; genai-prices' has a test of its own, of the file that is made from it."""

import json
from pathlib import Path
from typing import Any

import pytest

import crashlens_frame as cf

LIST: dict[str, Any] = {
    "sample_spec": {"input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
    "gemini/tiered": {
        "litellm_provider": "gemini",
        "mode": "chat",
        "input_cost_per_token": 1.25e-06,
        "output_cost_per_token": 1e-05,
        "cache_read_input_token_cost": 1.25e-07,
        "input_cost_per_token_above_200k_tokens": 2.5e-06,
        "output_cost_per_token_above_200k_tokens": 1.5e-05,
        "input_cost_per_token_batches": 6.25e-07,
        "output_cost_per_token_batches": 5e-06,
        "input_cost_per_token_above_200k_tokens_priority": 4.5e-06,
        "input_cost_per_token_priority": 2.25e-06,
    },
    "claude": {
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
        "cache_creation_input_token_cost_above_200k_tokens": 7.5e-06,
    },
    "image-1": {"output_cost_per_image": 0.04, "mode": "image_generation"},
}


def test_litellms_list_is_a_price_book(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps(LIST), encoding="utf-8")
    kept = ["model", "provider", "variant", "above", "input", "output", "cached_input", "cache_write", "cache_write_1h"]
    frame = cf.PriceBook.from_litellm(path).to_frame()[kept]
    assert frame.astype(object).where(frame.notna(), None).to_numpy().tolist() == [
        ["gemini/tiered", "gemini", None, 0, 1.25, 10.0, 0.125, 1.25, 1.25],
        ["gemini/tiered", "gemini", None, 200_000, 2.5, 15.0, 0.125, 2.5, 2.5],
        ["gemini/tiered", "gemini", "batch", 0, 0.625, 5.0, 0.125, 0.625, 0.625],
        ["gemini/tiered", "gemini", "priority", 0, 2.25, 10.0, 0.125, 2.25, 2.25],
        ["gemini/tiered", "gemini", "priority", 200_000, 4.5, 15.0, 0.125, 4.5, 4.5],
        ["claude", None, None, 0, 3.0, 15.0, 3.0, 3.75, 6.0],
        ["claude", None, None, 200_000, 3.0, 15.0, 3.0, 7.5, 6.0],
    ]
    assert cf.PriceBook.from_litellm(path).source == "LiteLLM prices.json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read as JSON: [Errno 2] No such file or directory"),
        ("{", "cannot be read as JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "is not a JSON object of models, as LiteLLM publishes it"),
        ('{"m": 3}', "is not a JSON object of models, as LiteLLM publishes it"),
    ],
)
def test_another_file_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(cf.PriceFileError) as caught:
        cf.PriceBook.from_litellm(path)
    assert str(caught.value).startswith(f"{path}: {message}")
