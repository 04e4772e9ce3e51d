"""The rules of the four detectors once more, call by call in plain Python, to hold the vectorised ones against."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

import pandas as pd

Call = dict[str, Any]
Finding = dict[str, Any]

SIMPLE = (
    "summarize|fix grammar|translate|explain|what is|hello|hi|thanks|thank you|yes|no|ok"
    "|what are|how to|define|definition|list|show me"
)
COMPLEX = r'\{"task":|"context":|"instructions":|```|def |class |import |function'
CHEAPER = ("gpt-3.5-turbo", "claude-3-haiku", "claude-instant-1")
DEARER = ("gpt-4", "claude-3-opus", "claude-3-sonnet", "claude-2.1", "claude-2.0")
OVERKILL = ("gpt-4", "claude-2", "claude-3-opus", "claude-3-sonnet")
SUGGESTED = {"claude-3-opus": "claude-3-haiku", "claude-3-sonnet": "claude-3-haiku", "claude-2.1": "claude-instant-1"}

Rate = Callable[[Call], float | None]


def traces(frame: pd.DataFrame) -> list[list[Call]]:
    """Turn a frame into calls with None for null, trace by trace, each in time order; untimed calls come last."""
    grouped: dict[str, list[Call]] = defaultdict(list)
    for record in frame.to_dict("records"):
        call = {name: None if pd.isna(value) else value for name, value in record.items()}
        grouped[call["trace_id"]].append(call)
    for calls in grouped.values():
        calls.sort(key=lambda call: (call["timestamp"] is None, call["timestamp"] or 0))
        for place, call in enumerate(calls):
            call["place"] = place
    return list(grouped.values())


def timed(calls: Iterable[Call]) -> list[Call]:
    return [call for call in calls if call["timestamp"] is not None]


def seconds(one: Call, other: Call) -> float:
    return (other["timestamp"] - one["timestamp"]).total_seconds()


def failed(call: Call) -> bool:
    return call["level"] == "error" or call["error"] is not None


def answered(call: Call) -> bool:
    return (call["response"] is not None or (call["output_tokens"] or 0) > 0) and not failed(call)


def total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def but_last_answer(calls: list[Call]) -> list[Call]:
    places = [place for place, call in enumerate(calls) if answered(call)]
    return [call for place, call in enumerate(calls) if not places or place != places[-1]]


def finding(
    detector: str, calls: list[Call], *, severity: str, wasted: list[Call] | None = None, **columns: Any
) -> Finding:
    first, last = calls[0], calls[-1]
    wasted = but_last_answer(calls) if wasted is None else wasted
    known = all(call["timestamp"] is not None for call in (first, last))
    models = dict.fromkeys(call["model"] for call in calls if call["model"] is not None)
    return {
        "finding_id": f"{detector}/{first['trace_id']}/{first['place']}",
        "detector": detector,
        "trace_id": first["trace_id"],
        "severity": severity,
        "model": first["model"],
        "models": " -> ".join(models) if models else None,
        "n_calls": len(calls),
        "start": first["timestamp"],
        "end": last["timestamp"],
        "span_s": seconds(first, last) if known else None,
        "cost": total(call["cost"] for call in calls),
        "waste_cost": total(call["cost"] for call in wasted),
        "waste_tokens": total(call[name] for call in wasted for name in ("input_tokens", "output_tokens")),
        "score": None,
        "suggested_model": None,
        **columns,
    }


def retry_loops(frame: pd.DataFrame, *, max_retries: int, max_gap_s: float, rules: str) -> list[Finding]:
    found = []
    for trace in traces(frame):
        calls = timed(trace)
        lines: dict[Any, list[Call]] = defaultdict(list)
        if rules == "default":
            for call in calls:
                if call["prompt"]:
                    lines[call["prompt"], call["model"]].append(call)
        else:
            lines[None] = calls
        for line in lines.values():
            for run in _runs(line, max_gap_s):
                if len(run) > max_retries and _is_loop(run, rules):
                    score = _score(run, rules)
                    severity = "high" if score >= 70 else "medium" if score >= 40 else "low"
                    found.append(finding("retry_loops", run, severity=severity, score=score))
    return found


def _runs(calls: list[Call], max_gap_s: float) -> list[list[Call]]:
    runs: list[list[Call]] = []
    for call in calls:
        last = runs[-1][-1] if runs else None
        same = last and (last["prompt"] or "", last["model"]) == (call["prompt"] or "", call["model"])
        if same and seconds(last, call) <= max_gap_s:
            runs[-1].append(call)
        else:
            runs.append([call])
    return runs


def _is_loop(run: list[Call], rules: str) -> bool:
    counts = [call["retry_count"] for call in run]
    rising = None not in counts and all(one < other for one, other in pairwise(counts))
    failing = all(failed(call) or call["response"] is None for call in run[:-1])
    gaps = _gaps(run)
    grown = [after >= before * 0.9 for before, after in pairwise(gaps)]
    return (
        _small_answers(run, rules)
        or _backoff(run)
        or (rules == "default" and (rising or failing))
        or not grown
        or sum(grown) / len(grown) >= 0.6
    )


def _gaps(run: list[Call]) -> list[float]:
    return [seconds(one, other) for one, other in pairwise(run)]


def _small_answers(run: list[Call], rules: str) -> bool:
    judged = run[:-1] if rules == "default" else run
    tokens = [call["output_tokens"] for call in judged if call["output_tokens"] is not None]
    if not tokens or max(tokens) > 50:
        return False
    return sum(tokens) == 0 or pstdev(tokens) / fmean(tokens) < 0.4


def _backoff(run: list[Call]) -> bool:
    ratios = [after / before for before, after in pairwise(_gaps(run)) if before > 0]
    if not ratios:
        return False
    doubled = sum(1.5 <= ratio <= 3 for ratio in ratios)
    steady = sum(ratio >= 0.95 for ratio in ratios)
    return doubled >= max(1, 0.7 * len(ratios)) and steady / len(ratios) >= 0.7


def _score(run: list[Call], rules: str) -> int:
    span = seconds(run[0], run[-1])
    if rules == "crashlens":
        span = round(span, 2)
    score = 15 if _backoff(run) else 30
    score += 25 if _small_answers(run, rules) else 0
    score += 25 if len(run) > 7 else 15 if len(run) > 5 else 0
    return score + (20 if span < 30 else 15 if span < 60 else 0)


def fallback_storms(
    frame: pd.DataFrame, *, min_calls: int, min_models: int, window_s: float, rules: str
) -> list[Finding]:
    found = []
    for trace in traces(frame):
        calls = timed(trace)
        if rules == "default":
            lines: dict[str, list[Call]] = defaultdict(list)
            for call in calls:
                if (call["prompt"] or "").strip():
                    lines[call["prompt"].strip()].append(call)
            bursts = [burst for line in lines.values() for burst in _bursts(line, window_s)]
        else:
            bursts = [calls] if calls and seconds(calls[0], calls[-1]) <= window_s else []
        for burst in bursts:
            models = {call["model"].lower() for call in burst if call["model"]}
            if len(burst) >= min_calls and len(models) >= min_models:
                severity = "high" if len(burst) > 5 else "medium"
                found.append(finding("fallback_storms", burst, severity=severity))
    return found


def _bursts(calls: list[Call], window_s: float) -> list[list[Call]]:
    bursts: list[list[Call]] = []
    for call in calls:
        if bursts and seconds(bursts[-1][-1], call) <= window_s:
            bursts[-1].append(call)
        else:
            bursts.append([call])
    return bursts


def fallback_failures(frame: pd.DataFrame, *, window_s: float, rules: str, rate: Rate) -> list[Finding]:
    found = []
    for trace in traces(frame):
        for first, second in pairwise(timed(trace)):
            if not first["prompt"] or not second["prompt"] or seconds(first, second) > window_s:
                continue
            if first["prompt"].strip() != second["prompt"].strip():
                continue
            if rules == "default":
                cheap, dear = rate(first), rate(second)
                unneeded = answered(first) and cheap is not None and dear is not None and cheap < dear
            else:
                unneeded = (first["model"] or "").startswith(CHEAPER) and (second["model"] or "").startswith(DEARER)
            if unneeded:
                high = rules == "default" and (second["cost"] or 0) > 0.01
                severity = "high" if high else "medium"
                found.append(
                    finding("fallback_failures", [first, second], severity=severity, wasted=[second])
                    | {"cost": second["cost"]}
                )
    return found


def overkill_models(
    frame: pd.DataFrame,
    *,
    max_prompt_tokens: int,
    max_prompt_chars: int,
    rules: str,
    cheaper: Callable[[str | None], str | None],
    cost_on: Callable[[Call, str], float | None],
) -> list[Finding]:
    found = []
    for trace in traces(frame):
        for call in trace:
            prompt, model = call["prompt"] or "", call["model"] or ""
            if rules == "default":
                suggested = cheaper(call["model"])
                short = call["input_tokens"] is not None and call["input_tokens"] <= max_prompt_tokens
                judged = suggested is not None and bool(prompt) and short and answered(call)
                length = len(prompt.strip())
                instead = cost_on(call, suggested) if judged else None
                waste = None if call["cost"] is None or instead is None else max(0.0, call["cost"] - instead)
            else:
                suggested = SUGGESTED.get(model.lower(), "gpt-3.5-turbo")
                words = len(prompt.split())
                judged = any(part in model.lower() for part in OVERKILL)
                judged &= (max(1, int(0.75 * words)) if prompt else 0) <= max_prompt_tokens
                length = len(prompt)
                waste = None if call["cost"] is None else 0.7 * call["cost"]
            if judged and _simple(prompt, length, max_prompt_chars, rules):
                columns = {"suggested_model": suggested, "waste_cost": waste}
                found.append(finding("overkill_models", [call], severity="medium", wasted=[call], **columns))
    return found


def _simple(prompt: str, length: int, max_chars: int, rules: str) -> bool:
    end = r"(?!\w)" if rules == "default" else ""
    begins = re.match(f"(?:{SIMPLE}){end}", prompt.strip().lower())
    complicated = prompt.count("\n") > 3 or re.search(COMPLEX, prompt)
    return bool(begins or length < max_chars) and not complicated
