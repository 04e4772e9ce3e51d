"""The door of the room: lazy names, and one clear line where a package is missing."""

import subprocess
import sys

import pytest

import crashlens_frame as cf

MISSING = {
    "SpanExporter": ("opentelemetry", "pip install 'crashlens-frame[live]'"),
    "LiteLLMLogger": ("litellm", "pip install litellm"),
    "LangChainHandler": ("langchain_core", "pip install langchain-core"),
}


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_package_is_named_with_the_command_that_installs_it(name: str) -> None:
    package, command = MISSING[name]
    code = f"""
import sys
sys.modules[{package!r}] = None  # as if it were not installed
import crashlens_frame as cf
try:
    cf.live.{name}
except cf.MissingExtraError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert command in done.stdout


def test_the_room_imports_nothing_of_other_projects_before_a_name_is_used() -> None:
    heavy = ("litellm", "langchain_core", "opentelemetry", "google.protobuf")
    code = f"""
import sys
import crashlens_frame as cf
cf.live.serve_otlp
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_names_of_the_room() -> None:
    assert dir(cf.live) == ["LangChainHandler", "LiteLLMLogger", "OtlpServer", "SpanExporter", "serve_otlp"]
    with pytest.raises(AttributeError, match="has no attribute 'whatever'"):
        cf.live.whatever  # noqa: B018
