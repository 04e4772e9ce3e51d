"""The default rules once more, call by call in plain Python: the US dollars that each detector claims of each call.

Every function takes the calls as dictionaries, with None for null and ``row`` for their place in the frame, and returns
dollars by row. The rule of the retry loops is in ``oracle.py``.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median, pstdev
from typing import Any

import pandas as pd

Call = dict[str, Any]
Dollars = dict[int, float]

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
PLANNED = re.compile("confiden|quality|escalat|uncertain|unsure|too hard|complexity", re.IGNORECASE)


def rows(frame: pd.DataFrame) -> list[Call]:
    """Turn a frame into calls in time order, with their start and end in seconds; calls without a time are left out."""
    calls = []
    for row, record in enumerate(frame.to_dict("records")):
        call = {name: None if pd.isna(value) else value for name, value in record.items()} | {"row": row}
        if call["timestamp"] is not None:
            call["at"] = call["timestamp"].timestamp()
            call["end"] = call["at"] + (call.get("latency_ms") or 0) / 1000
            calls.append(call)
    return sorted(calls, key=lambda call: call["at"])


def failed(call: Call) -> bool:
    silent = call["output_tokens"] == 0 and call["response"] is None and call.get("tool_calls") is None
    silent = silent and call.get("type") != "embedding"
    return call["level"] == "error" or call["error"] is not None or silent


def answered(call: Call) -> bool:
    some = call["response"] is not None or call.get("tool_calls") is not None or (call["output_tokens"] or 0) > 0
    return some and not failed(call)


def paid(call: Call) -> float | None:
    return 0.0 if call.get("billed") == "no" else call["cost"]


def asked(call: Call) -> Any:
    """Return what was asked; None where neither a prompt nor its hash is known."""
    prompt = call["prompt"] if (call["prompt"] or "").strip() else None
    return None if prompt is None and call.get("prompt_hash") is None else (prompt, call.get("prompt_hash"))


def conversation(call: Call) -> Any:
    return call["session_id"] or (call["trace_id"],) if "session_id" in call else call["trace_id"]


def grouped(calls: Iterable[Call], key: Callable[[Call], Any]) -> list[list[Call]]:
    groups: dict[Any, list[Call]] = defaultdict(list)
    for call in calls:
        groups[key(call)].append(call)
    return list(groups.values())


def alike(one: Call, other: Call, name: str = "input_tokens") -> bool:
    """Whether two counts are known and differ by no more than 2."""
    return None not in (one[name], other[name]) and abs(one[name] - other[name]) <= 2


def periodic(calls: Sequence[Call]) -> bool:
    gaps = [other["at"] - one["at"] for one, other in pairwise(calls)]
    return len(gaps) >= 4 and median(gaps) >= 10 and pstdev(gaps) < 0.15 * fmean(gaps)


def cut_answers(calls: Sequence[Call]) -> Dollars:
    found: Dollars = {}
    for call in calls:
        if call["finish_reason"] not in ("length", None) or paid(call) == 0:
            continue
        thought, out = call.get("reasoning_tokens") or 0, call["output_tokens"]
        empty = not (call["response"] or "").strip() and thought > 0 and out is not None and thought >= 0.9 * out
        if call["finish_reason"] is None:
            if empty and thought == out and (call["prompt"] or "").strip() and not failed(call):
                found[call["row"]] = paid(call)
            continue
        if empty or _asked_again(call, calls, within=True) or _asked_again(call, calls, within=False):
            found[call["row"]] = paid(call)
    return found


def _asked_again(call: Call, calls: Sequence[Call], *, within: bool) -> bool:
    """Whether the next call with this question, in the conversation or anywhere, comes soon; if anywhere, has more."""

    def question(of: Call) -> Any:
        """Return what was asked; in a conversation its number of tokens, where the log does not show it."""
        return of["input_tokens"] if within and asked(of) is None else asked(of)

    hidden = asked(call) is None
    same = [
        other
        for other in calls
        if question(other) is not None
        and (asked(other) is None) == hidden
        and (question(other), other["model"]) == (question(call), call["model"])
        and (not within or conversation(other) == conversation(call))
    ]
    later = same[same.index(call) + 1 :] if call in same else []
    if not later:
        return False
    following = later[0]
    wait = following["at"] - call["end"]
    if not (0 <= wait <= (2 * MINUTE if within else HOUR) and alike(call, following)):
        return False
    outputs = (call["output_tokens"], following["output_tokens"])
    return (within and not hidden) or (
        following["finish_reason"] != "length" and None not in outputs and outputs[1] > outputs[0]
    )


# -- several models ---------------------------------------------------------------------------------------------------


def _bursts(calls: Sequence[Call], window: float) -> list[list[Call]]:
    """Return the paid calls of one trace and question on several models, without longer pauses than the window."""
    known = [call for call in calls if asked(call) is not None and paid(call) != 0 and call["model"]]
    bursts = []
    for group in grouped(known, lambda call: (call["trace_id"], asked(call))):
        if len({call["model"].lower() for call in group}) < 2:
            continue
        parts = [[group[0]]]
        for one, other in pairwise(group):
            parts[-1].append(other) if other["at"] - one["at"] <= window else parts.append([other])
        bursts += [part for part in parts if len(part) > 1]
    return bursts


def _changes(burst: Sequence[Call]) -> list[tuple[Call, Call]]:
    return [pair for pair in pairwise(burst) if pair[0]["model"].lower() != pair[1]["model"].lower()]


def _marked(burst: Sequence[Call]) -> list[Call]:
    changed = [second for _, second in _changes(burst)]
    return [call for call in changed if call["fallback_reason"] or call["fallback_attempted"]]


def _planned(burst: Sequence[Call]) -> bool:
    return any(PLANNED.search(call["fallback_reason"] or "") for call in _marked(burst))


def _grows(burst: Sequence[Call]) -> bool:
    """Whether the calls are steps of an agent: their input grows by more than the tokenizers of models differ."""
    counts = [call["input_tokens"] for call in burst if call["input_tokens"] is not None]
    if counts and max(counts) > 2 * min(counts):
        return True
    for group in grouped(burst, lambda call: call["model"].lower()):
        own = [call["input_tokens"] for call in group if call["input_tokens"] is not None]
        if own and max(own) - min(own) > 2:
            return True
    return False


def _overlap(burst: Sequence[Call]) -> bool:
    return any(other["at"] < one["end"] for one, other in _changes(burst))


def _panels(bursts: Sequence[list[Call]]) -> list[bool]:
    """Return which bursts ask the same models, each once and unmarked, in five traces or more; two of them at once."""
    sets = [frozenset(call["model"].lower() for call in burst) for burst in bursts]
    once = [
        len(models) == len(burst)
        and not _marked(burst)
        and (len(burst) >= 3 or max(two["at"] - one["at"] for one, two in pairwise(burst)) <= 0.25)
        for models, burst in zip(sets, bursts, strict=True)
    ]
    number = Counter(models for models, alone in zip(sets, once, strict=True) if alone)
    return [alone and number[models] >= 5 for models, alone in zip(sets, once, strict=True)]


def fallback_storms(calls: Sequence[Call]) -> Dollars:
    found: Dollars = {}
    bursts = [burst for burst in _bursts(calls, 3 * MINUTE) if not _grows(burst)]
    for burst, panel in zip(bursts, _panels(bursts), strict=True):
        several = len({call["model"].lower() for call in burst}) >= 2
        hedged = _overlap(burst) and (len(burst) >= 3 or not _marked(burst))
        if not several or panel or _planned(burst) or not (hedged or len(burst) >= 3):
            continue
        answers = [call for call in burst if answered(call)] or [burst[-1]]
        ended = [call for call in burst if answered(call)] or burst
        needed = min(ended, key=lambda call: call["end"]) if _overlap(burst) else answers[-1]
        found |= {call["row"]: paid(call) for call in burst if call is not needed}
    return found


def fallback_failures(calls: Sequence[Call]) -> Dollars:
    found: Dollars = {}
    for burst in _bursts(calls, 5 * MINUTE):
        if len(burst) == 2 and len(_changes(burst)) == 1 and not _grows(burst):
            first, second = burst
            if answered(first) and _marked(burst) and not _planned(burst):
                found[second["row"]] = paid(second)
    return found


# -- steps of agents --------------------------------------------------------------------------------------------------


def stuck_agents(calls: Sequence[Call], window: int = 8, allowed: int = 2) -> Dollars:
    found: Dollars = {}
    for agent in grouped([call for call in calls if paid(call) != 0], conversation):
        if len(agent) < 6:
            continue
        steps = [_step(call) for call in agent]
        results = [_result(agent, place) for place in range(len(agent))]
        stuck, vain = [], []
        for place, call in enumerate(agent):
            before = [n for n in range(max(0, place - window), place) if steps[n] == steps[place] is not None]
            seen = any(_same_result(results[n], results[place]) for n in before)
            if place == len(agent) - 1 and before:  # its result is not in the log
                seen = vain[before[-1]]
            vain.append(seen)
            grown = all(_more(agent[n], call) for n in before)
            regular = periodic([each for each, step in zip(agent, steps, strict=True) if step == steps[place]])
            if len(before) >= allowed and seen and grown and not regular:
                stuck.append(call)
        if len(stuck) >= 3:
            found |= {call["row"]: paid(call) for call in stuck}
    return found


def _more(one: Call, other: Call) -> bool:
    counts = (one["input_tokens"], other["input_tokens"])
    return None not in counts and counts[1] > counts[0]


def _step(call: Call) -> Any:
    if call["tool_calls"] is not None:
        return ("tool", call["tool_calls"])
    return ("text", re.sub(r"\d+", "0", call["response"])) if (call["response"] or "").strip() else None


def _result(agent: Sequence[Call], place: int) -> Any:
    """Return what the next prompt ends with, or how many tokens were added where no prompt is logged; None if unknown.

    A log that shows the same prompt for neighbouring steps shows only the question, but for what follows a tool call.
    """
    if place + 1 == len(agent):
        return None
    call, following = agent[place], agent[place + 1]
    prompt, tool = following["prompt"], call["tool_calls"] is not None
    if not (prompt or "").strip():
        if not tool or re.search(r"status|poll|wait|sleep|progress|check|next|more|continue", call["tool_calls"], re.I):
            return None
        counts = (following["input_tokens"], call["input_tokens"], call["output_tokens"])
        if None in counts:
            return None
        return counts[0] - counts[1] - counts[2] + (call.get("reasoning_tokens") or 0)
    begin = end = place + 1
    while begin > 0 and agent[begin - 1]["prompt"] == prompt:
        begin -= 1
    while end + 1 < len(agent) and agent[end + 1]["prompt"] == prompt:
        end += 1
    after_tool = begin > 0 and agent[begin - 1]["tool_calls"] is not None
    answered = not tool and call.get("finish_reason") == "stop"
    if end > begin and not after_tool and not answered:
        return None
    return prompt[-200:] if tool else re.sub(r"\d+", "0", prompt[-200:])


def _same_result(one: Any, other: Any) -> bool:
    if isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return None not in (one, other) and abs(one - other) <= 2


def growing_context(calls: Sequence[Call], rates: tuple[float, float, float]) -> Dollars:
    """``rates``: input, reading and writing, in US dollars per token; the prefix must have 1,024 tokens or more."""
    found: Dollars = {}
    base, reading, writing = rates
    known = [call for call in calls if paid(call) != 0 and (call["input_tokens"] or 0) > 0 and call["prompt"]]
    for talk in grouped(known, lambda call: (conversation(call), call["model"])):
        sent = [call["input_tokens"] for call in talk]
        read = sum(call["cached_input_tokens"] or 0 for call in talk)
        grows = sum(_more(one, two) and len(two["prompt"]) > len(one["prompt"]) for one, two in pairwise(talk))
        if len(talk) < 5 or grows < 0.8 * (len(talk) - 1) or sent[-1] < 2 * sent[0] or read >= 0.3 * sum(sent):
            continue
        for one, two in pairwise(talk):
            if two["at"] - one["at"] <= 5 * MINUTE and one["input_tokens"] >= 1024:
                again = max(min(one["input_tokens"], two["input_tokens"]) - (two["cached_input_tokens"] or 0), 0)
                more = max(two["input_tokens"] - one["input_tokens"], 0) * (writing - base)
                found[two["row"]] = max(again * (base - reading) - more, 0.0)
    return found


# -- the same again ---------------------------------------------------------------------------------------------------


def repeated_calls(calls: Sequence[Call]) -> Dollars:
    """Calls have no hashes; jobs that start again are not looked for."""
    found: Dollars = {}
    known = [call for call in calls if asked(call) is not None and paid(call) != 0 and not failed(call)]
    known = [call for call in known if call["tool_calls"] is None and len(call["prompt"]) >= 20]
    for same in grouped(known, lambda call: (call["model"], call["prompt"])):
        gaps = [other["at"] - one["at"] for one, other in pairwise(same)]
        flood = len(same) > 50 and median([0.0, *gaps]) < 6
        sizes = len({call["input_tokens"] or 0 for call in same})
        if len(same) < 2 or periodic(same) or flood or sizes > max(2, 0.5 * len(same)):
            continue
        near = [
            two["at"] - one["at"] <= HOUR and alike(one, two) and one["trace_id"] != two["trace_id"]
            for one, two in pairwise(same)
        ]
        soon = [close and _clicked_again(*pair) for close, pair in zip(near, pairwise(same), strict=True)]
        for n, (one, two) in enumerate(pairwise(same)):
            twice = soon[n] and not any(soon[max(n - 1, 0) : n] + soon[n + 1 : n + 2])
            if near[n] and (twice or _would_have_done(one, two)):
                found[two["row"]] = paid(two)
    return found


def _clicked_again(one: Call, two: Call) -> bool:
    by_one = one["user_id"] is not None and one["user_id"] == two["user_id"]
    return by_one and (two["at"] - one["at"] <= 3 or two["at"] < one["end"])


def _would_have_done(one: Call, two: Call) -> bool:
    users = (one["user_id"], two["user_id"])
    others = None not in users and users[0] != users[1]
    degrees = (one["temperature"], two["temperature"])
    cold = None not in degrees and max(degrees) <= 0.2 and (max(degrees) == 0 or not others)
    answer = bool((one["response"] or "").strip()) and one["response"] == two["response"]
    return cold or answer or two.get("type") == "embedding"


# -- candidates -------------------------------------------------------------------------------------------------------


def labels(calls: Sequence[Call], large: set[str]) -> set[int]:
    """Return the calls of large models that only give labels; all prompts of a task begin with the same 60 bytes."""
    found: set[int] = set()
    known = [call for call in calls if call["model"] in large and answered(call) and paid(call) != 0]
    known = [call for call in known if call["tool_calls"] is None and call["output_tokens"] is not None]
    for task in grouped(known, lambda call: (call["route"], call["name"], call["model"], call["prompt"][:60])):
        brief = sum(call["output_tokens"] - (call["reasoning_tokens"] or 0) <= 8 for call in task)
        kinds = len({call["response"] for call in task if (call["response"] or "").strip()})
        prompts = len({call["prompt"] for call in task})
        thought = fmean(call["reasoning_tokens"] or 0 for call in task)
        few = 0 < kinds <= max(3, 0.2 * len(task))
        if len(task) >= 10 and brief >= 0.9 * len(task) and few and prompts >= 0.5 * len(task) and thought < 1024:
            found |= {call["row"] for call in task}
    return found


def batchable_calls(calls: Sequence[Call], least: int) -> set[int]:
    """Return the calls of jobs that run at the same time of two days or more."""
    found: set[int] = set()
    size = Counter(call["trace_id"] for call in calls)
    known = [call for call in calls if paid(call) != 0 and size[call["trace_id"]] == 1]
    known = [call for call in known if call["user_id"] is None and not call["stream"]]
    for job in grouped(known, lambda call: (call["route"], call["name"], call["model"])):
        bursts = [[job[0]]]
        for one, other in pairwise(job):
            bursts[-1].append(other) if other["at"] - one["at"] <= 15 * MINUTE else bursts.append([other])
        large = [burst for burst in bursts if len(burst) >= least]
        if not large:
            continue
        # how much later or earlier than the first night, by the clock on the wall
        late = [(burst[0]["at"] - large[0][0]["at"] + DAY / 2) % DAY - DAY / 2 for burst in large]
        nightly = [burst for burst, by in zip(large, late, strict=True) if abs(by - median(late)) <= 30 * MINUTE]
        inside = [call for burst in nightly for call in burst]
        days = {round((burst[0]["at"] - large[0][0]["at"]) / DAY) for burst in nightly}
        if len(job) >= 2 * least and len(days) >= 2 and len(inside) >= 0.8 * len(job):
            found |= {call["row"] for call in inside}
    return found


# -- caches -----------------------------------------------------------------------------------------------------------


def cache_misses(calls: Sequence[Call], rates: tuple[float, float, float, float]) -> dict[int, tuple[str, float]]:
    """Return cause and dollars by row, of conversations with one model whose prompts are not logged.

    ``rates``: input, reading, writing for 5 minutes and for an hour, in US dollars per token. A prefix has 1,024 tokens
    or more. Places in the application differ from conversation to conversation, and have less than 5 calls each.
    Where neither prompts nor hashes are logged, a prefix of the very same number of tokens is the same prefix.
    """
    base, reading, writing, writing_1h = rates
    found: dict[int, tuple[str, float]] = {}
    known = [call for call in calls if paid(call) != 0 and (call["input_tokens"] or 0) > 0]
    for lane in grouped(known, conversation):
        if len(lane) < 2:
            continue
        claims = _claims(lane, base, reading, writing, writing_1h)
        for cause in ("expired", "fan-out", "broken prefix", "TTL too long", "not asked for"):
            for row, dollars in claims[cause].items():
                if dollars > 0 and row not in found:
                    found[row] = (cause, dollars)
    free = [call for call in known if call["row"] not in found and _read(call) <= 0.1 * call["input_tokens"]]
    for lane in grouped(free, lambda call: (call["route"], call["cache_write_tokens"])):
        size = lane[0]["cache_write_tokens"] or 0
        for one, other in pairwise(lane if size >= 1024 else []):
            if other["at"] - one["at"] <= 10 and _not_ended(one, other):
                rate = writing_1h if (other["cache_write_1h_tokens"] or 0) > 0.5 * size else writing
                found[other["row"]] = ("fan-out", size * (rate - reading))
    return found


def _not_ended(one: Call, other: Call) -> bool:
    """Whether the second call begins before the first has ended; without a latency, within two seconds."""
    if one["latency_ms"] is None:
        return round(other["at"] - one["at"], 6) <= 2
    return bool(other["at"] < one["end"])


def _read(call: Call) -> int:
    return call["cached_input_tokens"] or 0


def _claims(lane: Sequence[Call], base: float, reading: float, writing: float, hour: float) -> dict[str, Dollars]:
    read = [call["cached_input_tokens"] or 0 for call in lane]
    written = [call["cache_write_tokens"] or 0 for call in lane]
    long = [call["cache_write_1h_tokens"] or 0 for call in lane]
    by_hour = [longer > 0.5 * all_of_it for longer, all_of_it in zip(long, written, strict=True)]
    claims: dict[str, Dollars] = defaultdict(dict)
    broken, losses = {}, 0.0
    gaps = [0.0, *(two["at"] - one["at"] for one, two in pairwise(lane))]
    for n in range(len(lane)):
        row, first = lane[n]["row"], n == 0
        prefix = read[n - 1] + written[n - 1]
        saving = min(written[n], prefix) * ((hour if by_hour[n] else writing) - reading)
        lapsed = not first and prefix >= 1024 and 5 * MINUTE < gaps[n] <= HOUR
        lapsed = lapsed and written[n] >= 0.5 * prefix and long[n] == 0
        if lapsed:
            claims["expired"][row] = saving
        losses += (hour - writing) * (max(written[n] - prefix, 0) if lapsed else written[n])
        cold = not first and prefix >= 1024 and written[n] > 3 * read[n]
        cold = cold and gaps[n] <= (HOUR if by_hour[n - 1] else 5 * MINUTE)
        close = abs(written[n] - written[n - 1]) <= 0.05 * max(written[n], written[n - 1])
        if cold and gaps[n] <= 10 and close and read[n] < 0.1 * written[n] and _not_ended(lane[n - 1], lane[n]):
            claims["fan-out"][row] = saving
        elif cold:
            broken[row] = saving
        if sum(read) > 0 and max(gaps) <= 5 * MINUTE:
            claims["TTL too long"][row] = long[n] * (hour - writing)
    if len(broken) >= max(3, 0.5 * (len(lane) - 1)):
        claims["broken prefix"] = broken
    claims["expired"] = _net(claims["expired"], losses)
    if sum(read) + sum(written) == 0 and len(lane) >= 3:
        claims["not asked for"] = _unasked(lane, gaps, base, reading, writing)
    return claims


def _unasked(lane: Sequence[Call], gaps: Sequence[float], base: float, reading: float, writing: float) -> Dollars:
    gains, losses = {}, 0.0
    for n, call in enumerate(lane):
        sent, before = call["input_tokens"], lane[n - 1]["input_tokens"]
        warm = n > 0 and gaps[n] <= 5 * MINUTE and sent >= before >= 1024
        gains[call["row"]] = before * (base - reading) if warm else 0.0
        if sent >= 1024:
            losses += (sent - (before if warm else 0)) * (writing - base)
    return _net(gains, losses)


def _net(gains: Dollars, losses: float) -> Dollars:
    whole = sum(gains.values())
    share = max(0.0, (whole - losses) / whole) if whole > 0 else 0.0
    return {row: gain * share for row, gain in gains.items()}
