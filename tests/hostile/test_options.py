"""Each option of functions that make, count, watch and show calls: what it refuses is refused by the package."""

import time

import pytest

import crashlens_frame as cf

from .options import CALLS, OPTIONS, option_walks, walk_option

EVERY = 7


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("part", range(4))
def test_no_option_raises_an_error_of_another_base(part: int) -> None:
    faults = [
        f"{name}({option}={value!r:.40}): {fault}"
        for place, (name, option, value) in enumerate(option_walks(EVERY))
        if place % 4 == part and (fault := walk_option(name, option, value))
    ]
    assert faults == []


def test_the_rooms_are_all_walked() -> None:
    from crashlens_frame import live, simulate, tokens, watch

    names = {name.rpartition(".")[2].partition(",")[0] for name in OPTIONS}
    public = {*simulate.__all__, *tokens.__all__, *watch.__all__, *live.__all__} & {*dir(cf), *live.__all__}
    # values of results, and loggers of packages that take long to import
    assert public - names == {"CostIncrease", "Budgets", "OtlpServer", "LangChainHandler", "LiteLLMLogger"} & public


# -- each kind of defect that the walk found ------------------------------


def test_numbers_that_no_machine_can_make_are_refused_at_once() -> None:
    begin = time.monotonic()
    for simulate, option in (
        (cf.simulate_retries, "retries"),
        (cf.simulate_fallback, "retries"),
    ):
        with pytest.raises(cf.InvalidOptionError, match=f"^{option} is {2**70}, expected a whole number from 0 to "):
            simulate("gpt-4", "p", retries=2**70)
    with pytest.raises(cf.InvalidOptionError, match=r"^traces is 10000001, .* from 0 to 10,000,000$"):
        cf.simulate_workload(10_000_001)
    with pytest.raises(cf.InvalidOptionError, match=r"^days is 36501, expected a whole number from 1 to 36,500$"):
        cf.simulate_workload(5, days=36_501)
    with pytest.raises(cf.InvalidOptionError, match=f"^window is {2**70}, expected at most 1,000 calls$"):
        cf.find_stuck_agents(CALLS, window=2**70)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: cf.summarize([1]), "calls are list, expected a DataFrame"),
        (lambda: cf.add_tokens(None), "calls are NoneType, expected a DataFrame"),
        (lambda: cf.count_tokens("text", model=None), "model is None, expected a text"),
        (lambda: cf.count_tokens(5, model="gpt-4"), "texts are 5, expected a text, or several"),
        (lambda: cf.PriceBook.load(5), "5 is no path, expected one, or a mapping of the same form"),
        (lambda: cf.to_jsonl(cf.LogBook().df, 5), "5 is no path, expected a path or a file object"),
        (lambda: cf.anomalies(cf.LogBook().df, by=5), "by is 5, expected a text, or several"),
        (lambda: cf.forecast(cf.LogBook().df, seed="x"), "seed is 'x', expected a whole number from 0 on, or several"),
        (lambda: cf.live.serve_otlp(None), "book is NoneType, expected a LogBook"),
        (lambda: cf.live.serve_otlp(cf.LogBook(), port=-1), "port is -1, expected a whole number from 0 to 65,535"),
        (
            lambda: cf.find_waste(CALLS, thresholds=5),
            "thresholds is 5, expected thresholds by the name of a detector",
        ),
        (lambda: cf.by(CALLS, "half \ud800"), "a key is 'half \\ud800', expected a text"),
    ],
)
def test_what_is_refused_is_named(call, text: str) -> None:
    with pytest.raises(cf.CrashlensFrameError) as refused:
        call()
    assert str(refused.value) == text


def test_a_port_in_use_is_an_error_of_the_package() -> None:
    with cf.live.serve_otlp(cf.LogBook(), port=0) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(cf.FileAccessError, match=f"^port {port} of 127.0.0.1: Address already in use$"):
            cf.live.serve_otlp(cf.LogBook(), port=port)
