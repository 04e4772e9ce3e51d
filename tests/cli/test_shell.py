"""What a shell has of the program: completion, examples, the version, and no colours."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

import crashlens_frame as cf
from crashlens_frame.cli import main

ROOT = Path(__file__).parents[2]
COMMANDS = sorted(main.commands)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the program under its name in a folder of the path."""
    path = tmp_path / "bin" / "crashlens-frame"
    path.parent.mkdir()
    path.write_text(f"#!{sys.executable}\nfrom crashlens_frame.cli import main\nmain()\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    return path


def answer(program: Path, **environment: str) -> str:
    done = subprocess.run([program], capture_output=True, text=True, check=False, env=os.environ | environment)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_options(program: Path) -> None:
    script = """
eval "$(_CRASHLENS_FRAME_COMPLETE=bash_source crashlens-frame)"
complete -p crashlens-frame
for words in "crashlens-frame re" "crashlens-frame scan --fail"; do
    COMPREPLY=(); COMP_WORDS=($words); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _crashlens_frame_completion crashlens-frame
    echo "${COMPREPLY[@]}"
done
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    registered, commands, options = done.stdout.splitlines()
    assert registered == "complete -o nosort -F _crashlens_frame_completion crashlens-frame"
    assert commands.split() == ["report", "redact"]
    assert options.split() == ["--fail-on-waste"]


def test_zsh_and_fish_complete_with_what_each_command_does(program: Path) -> None:
    zsh = answer(program, _CRASHLENS_FRAME_COMPLETE="zsh_complete", COMP_WORDS="crashlens-frame foc", COMP_CWORD="1")
    assert zsh.splitlines()[:2] == ["plain", "focus"]
    assert zsh.splitlines()[2].startswith("Write the costs of the logs IN")
    fish = answer(
        program, _CRASHLENS_FRAME_COMPLETE="fish_complete", COMP_WORDS="crashlens-frame foc", COMP_CWORD="foc"
    )
    assert fish.startswith("plain,focus\tWrite the costs of the logs IN")
    assert "compdef _crashlens_frame_completion crashlens-frame" in answer(
        program, _CRASHLENS_FRAME_COMPLETE="zsh_source"
    )
    assert "complete --no-files --command crashlens-frame" in answer(program, _CRASHLENS_FRAME_COMPLETE="fish_source")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_commands_options_values_and_files(program: Path) -> None:
    Path("march.jsonl").touch()
    words = ["re", "scan --fail", "analyze --format ma", "analyze mar"]
    asked = "; ".join(f"complete -C 'crashlens-frame {each}'" for each in words)
    script = f"_CRASHLENS_FRAME_COMPLETE=fish_source crashlens-frame | source; {asked}"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "redact\tWrite the logs IN to OUT without e-mail addresses; phone and card numbers; keys and the like.",
        "report\tWrite LOGS as one HTML file to send and print: cost; change; waste and what to do.",
        "--fail-on-waste\tExit with 1 if more was wasted.",
        "markdown",
        "march.jsonl",
    ]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_completes_a_line_that_is_typed(program: Path) -> None:
    ours, its = pty.openpty()
    shell = subprocess.Popen(["zsh", "-f", "-i"], stdin=its, stdout=its, stderr=its, start_new_session=True)
    os.close(its)

    def typed(text: str, *, until: str) -> None:
        os.write(ours, text.encode())
        seen, end = "", time.monotonic() + 30
        while until not in seen:
            assert time.monotonic() < end, f"{until!r} is not in {seen!r}"
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 4096).decode(errors="replace")

    try:
        source = '"$(_CRASHLENS_FRAME_COMPLETE=zsh_source crashlens-frame)"'
        typed(f"autoload -Uz compinit; compinit -u -d dump; eval {source}; echo rea''dy\n", until="ready")
        typed("crashlens-frame scan --fail\t", until="-on-waste")
        typed("\x15crashlens-frame re\t", until="report  -- Write LOGS as one HTML file")
    finally:
        shell.kill()
        shell.wait()
        os.close(ours)


def test_names_of_logs_are_completed_as_files(program: Path) -> None:
    words = {"COMP_WORDS": "crashlens-frame analyze lo", "COMP_CWORD": "2"}
    assert answer(program, _CRASHLENS_FRAME_COMPLETE="bash_complete", **words) == "file,lo\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_an_example_that_is_one(name: str) -> None:
    lines = CliRunner().invoke(main, [name, "--help"]).stdout.splitlines()
    example = lines[lines.index("  Example:") + 1].strip()
    words = re.findall(r'"[^"]*"|\S+', example)
    assert words[:2] == ["crashlens-frame", name]
    options = {option for parameter in main.commands[name].params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_list_of_commands_cuts_no_summary() -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout.partition("Commands:\n")[2].partition("Example:")[0]
    summaries = [f"{name} {command.get_short_help_str(200)}" for name, command in main.commands.items()]
    assert " ".join(listed.split()) == " ".join(summaries)


def test_the_version_names_the_day_of_the_prices() -> None:
    prices = cf.PriceBook.default()
    expected = f"crashlens-frame {cf.__version__}, prices of {prices.checked} ({prices.source})\n"
    assert CliRunner().invoke(main, ["--version"]).stdout == expected


def test_nothing_is_coloured_on_a_terminal(program: Path) -> None:
    """So NO_COLOR is kept without being asked for."""
    cf.simulate_workload(20, seed=1, days=1).crashlens.to_jsonl("logs.jsonl")
    screen, terminal = pty.openpty()
    done = subprocess.Popen([program, "analyze", "logs.jsonl"], stdout=terminal, stderr=terminal, stdin=terminal)
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(screen, 65536):
            shown += part
    except OSError:  # the program has closed its end
        pass
    assert done.wait() == 0
    assert b"What wastes money" in shown
    assert re.search(rb"\x1b\[[\d;]*m", shown) is None
