from __future__ import annotations

import subprocess
import sys

import pytest

from cli.commands import doctor
from pipeline.errors import InfrastructureError, PipelineError, Refusal
from tests.cli.helpers import Run

COMMANDS = [
    ("demo",),
    ("up",),
    ("status",),
    ("runs", "list"),
    ("runs", "remove"),
    ("prepare",),
    ("generate",),
    ("ingest",),
    ("tail",),
    ("features",),
    ("train",),
    *(("model", name) for name in ("list", "show", "compare", "promote", "rollback")),
    *(("model", name) for name in ("challenge", "withdraw")),
    ("mlflow", "push"),
    ("mlflow", "pull"),
    ("mlflow", "follow"),
    ("retrain",),
    ("rejected", "list"),
    ("rejected", "show"),
    ("rejected", "replay"),
    ("resume",),
    ("lookup", "load"),
    ("rebuild",),
    ("backfill",),
    ("sql",),
    ("dataset",),
    ("describe",),
    ("inference",),
    ("predict",),
    ("forget",),
    ("topics", "create"),
    ("topics", "check"),
    ("doctor",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_by_an_example(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, "--help")
    assert ended.status == 0
    assert "Example:" in ended.words
    assert f"pipeline {' '.join(command)}" in ended.words.partition("Example:")[2]


@pytest.mark.parametrize("name", sorted({command[0] for command in COMMANDS}))
def test_the_help_lists_every_command_by_its_name(run: Run, name: str) -> None:
    assert f" {name} " in run("--help").words


def test_a_command_that_does_not_exist_is_wrong_usage(run: Run) -> None:
    ended = run("tial")
    assert ended.status == 2
    assert "'tail'" in ended.errors


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(_environ: object) -> list[object]:
        raise error

    monkeypatch.setattr(doctor, "examine", examine)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PipelineError("it failed"), 1),
        (Refusal("the state is another's", "Run `pipeline rebuild`"), 3),
        (InfrastructureError("Kafka is away"), 4),
    ],
)
def test_an_error_is_one_line_and_its_own_status(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: PipelineError, status: int
) -> None:
    fail_with(error, monkeypatch)
    ended = run("doctor")
    assert (ended.status, ended.errors) == (status, f"pipeline: {error}\n")


def test_an_error_that_nobody_expected_is_one_line_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(KeyError("x"), monkeypatch)
    ended = run("doctor")
    assert ended.status == 1
    assert ended.errors == "pipeline: unexpected KeyError: 'x'. `--debug` shows where\n"


def test_ctrl_c_ends_with_130_and_says_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(KeyboardInterrupt(), monkeypatch)
    ended = run("doctor")
    assert (ended.status, ended.errors) == (130, "")


@pytest.mark.usefixtures("run")  # it empties the environment
def test_a_traceback_comes_only_with_debug_wherever_that_stands() -> None:
    command = [sys.executable, "-m", "cli", "status", "--debug"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert "Run `pipeline up` in another terminal" in ended.stderr


@pytest.mark.parametrize(
    "command", [("status",), ("tail", "inferences"), ("features", "u1"), ("rejected", "list")]
)
def test_where_nothing_runs_it_says_how_to_start(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command)
    assert ended.status == 3
    assert "Run `pipeline up` in another terminal" in ended.errors
    assert ended.errors.count("\n") == 1


def test_a_setting_that_is_wrong_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("PIPELINE_PARTITIONS", "many")
    ended = run("tail", "inferences")
    assert ended.status == 3
    assert "PIPELINE_PARTITIONS" in ended.errors


def test_a_redis_that_is_not_there_is_said_to_be_unreachable(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_REDIS", "redis://127.0.0.1:1/0")
    assert run("features", "u1").status == 4


NO_STREAM = [("status",), ("keys", "list"), ("doctor",), ("schema", "--json"), ("model", "list")]
WRONG = [
    ("PARTITIONS", "abc", "PIPELINE_PARTITIONS is 'abc'. Set it to a number"),
    ("USE_CASE", "first_day_chrun", "there is no use case 'first_day_chrun'. Choose one of"),
]


@pytest.mark.parametrize("command", NO_STREAM, ids=" ".join)
@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_wrong_setting_is_refused_by_name_in_every_command(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(f"PIPELINE_{name}", value)
    ended = run(*command)
    assert ended.status == 3
    assert said in ended.errors


def test_a_misspelt_variable_is_told_before_the_command_runs(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_KAFKAA", "broker:9092")
    ended = run("schema", "--json")
    assert ended.status == 0
    assert "did you mean PIPELINE_KAFKA?" in ended.errors
    assert "KAFKAA" not in ended.output


def test_help_is_shown_in_a_wrong_environment_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_PARTITIONS", "abc")
    assert run("status", "--help").status == 0
