"""Every block of the README is tried as it is printed, in its order, beside a running pipeline.

Words in capitals that stand for something of the reader's are replaced by what there is here.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis

from cli.runs import find
from embedded.ports import free_port
from embedded.software import Software
from generator.stream import world_of
from pipeline.partitioner import partition_of
from pipeline.world import WorldSize
from tests.cli.helpers import eventually
from tests.cli.test_demo import Pipeline, environment

ROOT = Path(__file__).parents[1]
SIZE = WorldSize(users=300, events=40, seed=1)
PARTITION = 3
"""The one that README's keys of Redis name."""

SHOWN = ("text",)
"""Languages of what is only to be looked at."""

ELSEWHERE = {"console": "curl"}
"""What `test_readme` compares with the answer that is shown."""

STARTED = ".venv/bin/pipeline up --resume"
"""What the reader has started before the others are tried."""

ENDLESS = "pipeline generate --rate"
OF_THE_READER = "my_case"
"""A use case that nobody but the reader has: of its commands only the options can be tried."""


class Block(NamedTuple):
    """What stands between two fences, and the language behind the first."""

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines of a shell; of a console those behind a prompt."""
        if self.language == "console":
            return re.findall(r"^\$ (.*)$", self.text, re.MULTILINE)
        return [line for line in self.text.splitlines() if line.strip()]


README = (ROOT / "README.md").read_text()
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = [Block(*parts) for parts in FENCED.findall(README)]


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who pastes what is printed, in a folder with the project's `.venv`."""

    pipeline: Pipeline
    names: dict[str, str]

    def tries(self, block: Block) -> None:
        """Run a block; fails where it does not do what it says."""
        getattr(self, f"_{block.language}")(block)

    def _sh(self, block: Block) -> None:
        for command in block.commands:
            self._command(command)

    _console = _sh

    def _command(self, command: str) -> None:
        words = shlex.split(command, comments=True)
        if words[0] == "make":
            subprocess.run(["make", "-n", words[1]], cwd=ROOT, check=True, capture_output=True)
        elif OF_THE_READER in command:
            self._ends(f"{shlex.join(words[1:])} --help")
        elif ENDLESS in command:
            self._goes_on(command)
        elif shlex.join(words) == STARTED:
            assert self.pipeline.said("Run "), "it is started"
        else:
            self._ends(command)

    def _python(self, block: Block) -> None:
        program = Path(self.pipeline.directory / "sample.py")
        program.write_text(self._filled(block.text))
        output = program.with_suffix(".output")
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, program.name], cwd=program.parent, stdout=sink, stderr=sink
            )
        try:
            assert eventually(lambda: bool(output.read_text()) or process.poll() is not None, 60)
        finally:
            process.kill()
            assert process.wait() in (0, -signal.SIGKILL), output.read_text()
        assert "Traceback" not in output.read_text(), output.read_text()

    def _json(self, block: Block) -> None:
        (self.pipeline.directory / "one.ndjson").write_text(block.text)
        self._ends(".venv/bin/pipeline ingest one.ndjson")

    def _redis(self, block: Block) -> None:
        endpoints = find({}, self.pipeline.directory / ".pipeline").endpoints
        assert endpoints
        names = dict(self.names)
        with Redis.from_url(endpoints.redis) as client:
            for line in block.commands:
                words = line.split()
                answer = client.execute_command(*(_filled(word, names) for word in words))
                assert answer, line
                if words[0] == "HGET":
                    names[words[-1].upper()] = answer.decode()

    def _goes_on(self, command: str) -> None:
        """Whether it still runs, and ends well when it is interrupted."""
        process = subprocess.Popen(
            ["bash", "-c", f"exec {self._filled(command)}"],
            cwd=self.pipeline.directory,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(8)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=30)
        assert process.returncode in (0, 130), (command, output)

    def _ends(self, command: str) -> None:
        ended = subprocess.run(
            ["bash", "-c", self._filled(command)],
            cwd=self.pipeline.directory,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert ended.returncode == 0, (command, ended.stdout + ended.stderr)

    def _filled(self, text: str) -> str:
        return _filled(text, self.names)


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def tried_here(block: Block) -> bool:
    other = ELSEWHERE.get(block.language)
    return block.language not in SHOWN and not (other and block.text.startswith(f"$ {other}"))


def test_every_block_says_in_which_language_it_is_so_that_it_is_tried() -> None:
    known = {name.removeprefix("_") for name in dir(Reader)}
    assert [block for block in BLOCKS if block.language not in {*known, *SHOWN}] == []


def test_what_is_only_shown_is_no_command() -> None:
    shown = [block.text for block in BLOCKS if not tried_here(block) and block.language in SHOWN]
    assert [text for text in shown if re.search(r"(?m)^(\$|make|import|from) ", text)] == []


@pytest.fixture
def reader(software: Software, tmp_path: Path) -> Iterator[Reader]:  # noqa: ARG001 - installed beforehand
    """One who has run the demo and goes on with it."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    pipeline = Pipeline(tmp_path)
    status, output = pipeline.run("demo", "--users", str(SIZE.users), "--events", str(SIZE.events))
    assert status == 0, output
    (event,) = [block.text for block in BLOCKS if block.language == "json"]
    (tmp_path / "events.ndjson").write_text(event)
    (tmp_path / "table.csv").write_text("postcode,socioeconomic_idx\n12345,2.5\n")
    keys = (event.key or b"" for event in world_of("first_day_churn")(SIZE).events())
    user = next(key for key in keys if partition_of(key, 8) == PARTITION)
    port = {"PIPELINE_HTTP_PORT": str(free_port())}
    with pipeline.started(*STARTED.split()[1:], environ=environment(**port)):
        assert eventually(lambda: pipeline.said("api: in 0, out 0"), 90)
        run = find({}, tmp_path / ".pipeline").name
        yield Reader(pipeline, {"USER_ID": user.decode(), "RUN": run})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_does_what_it_says(reader: Reader) -> None:
    for block in filter(tried_here, BLOCKS):
        reader.tries(block)
