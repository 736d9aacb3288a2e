"""The README's examples of the API, copied and tried: each gives the answer that is shown."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from embedded.ports import free_port
from embedded.software import Software
from tests.cli.helpers import eventually
from tests.cli.test_api import service
from tests.cli.test_demo import Pipeline, environment

SHOWN_AT = "http://127.0.0.1:8000"
README = (Path(__file__).parents[1] / "README.md").read_text()
MOMENTS = ("as_of", "age_seconds")
"""What is another at each asking."""

READY = "api: in 0, out 0, rejected 0, 0/s, lag 0, running"


class Example(NamedTuple):
    """A command, and the answer that stands below it."""

    command: str
    answer: str


def examples(block: str) -> list[Example]:
    """The examples in a block; a command goes on until its quotes are closed."""
    return [_split(part) for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def _split(part: str) -> Example:
    lines = part.splitlines()
    length = next(n for n in range(1, len(lines)) if _is_whole("\n".join(lines[:n])))
    return Example("\n".join(lines[:length]), "\n".join(lines[length:]))


def _is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


ALONE, STREAM = (
    examples(block) for block in re.findall(r"```console\n(\$ curl.*?)```", README, re.DOTALL)
)


def answer(example: Example, address: str) -> Any:
    """What the command gives when a newcomer pastes it, at the address of this test's service."""
    command = example.command.replace(SHOWN_AT, address)
    ended = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    return json.loads(ended.stdout)


def same(found: Any, shown: Any) -> bool:
    """Whether an answer is the one shown: figures to a millionth, moments apart."""
    if isinstance(shown, dict):
        return found.keys() == shown.keys() and all(
            same(found[name], value) for name, value in shown.items() if name not in MOMENTS
        )
    return bool(found == (pytest.approx(shown, abs=1e-6) if isinstance(shown, float) else shown))


def test_an_example_is_a_command_and_what_is_below_it() -> None:
    block = "$ curl -d '{\n}' x\n{}\n$ curl y\n1\n"
    assert examples(block) == [Example("curl -d '{\n}' x", "{}"), Example("curl y", "1")]


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        ({"p": 0.50000001, "as_of": "now"}, True),
        ({"p": 0.51, "as_of": "then"}, False),
        ({"p": 0.5}, False),
        ({"p": 0.5, "as_of": "then", "q": 1}, False),
    ],
)
def test_only_moments_and_last_digits_may_differ(found: dict[str, Any], is_same: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert same(found, {"p": 0.5, "as_of": "then"}) is is_same


def test_what_needs_no_stream_is_answered_as_shown(tmp_path: Path) -> None:
    with service(tmp_path) as (_, address):
        for example in ALONE:
            assert same(answer(example, address), json.loads(example.answer)), example
    assert len(ALONE) == 2


def eventually_answered(stream: Sequence[Example], address: str) -> None:
    """Try them in order, each until its answer is the one shown: events take their way."""
    for example in stream:
        shown = json.loads(example.answer)
        assert eventually(lambda: same(answer(example, address), shown), 60), example  # noqa: B023 - called at once


@pytest.mark.slow
def test_what_needs_the_stream_is_answered_as_shown(software: Software, tmp_path: Path) -> None:  # noqa: ARG001 - installed beforehand
    pipeline = Pipeline(tmp_path)
    with pipeline.started("up", environ=environment(PIPELINE_HTTP_PORT=str(free_port()))):
        assert eventually(lambda: pipeline.said(READY), 90)
        found = re.search(r"API (http://\S+)/docs", (tmp_path / "output").read_text())
        assert found, "the address is printed"
        eventually_answered(STREAM, found[1])
        assert f"api-1: ready, {found[1]}/docs" in pipeline.run("status")[1]
    assert len(STREAM) == 3
