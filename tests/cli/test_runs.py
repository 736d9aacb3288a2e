from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from cli.runs import RunNote, environment, find, read_note, settings_of, write_note
from cli.stack.servers import demo_directory, introduction, run_directory
from embedded.stack import Endpoints, own
from pipeline.errors import Refusal
from tests.support.segments import batch

KAFKA = {"PIPELINE_KAFKA": "broker:9092"}
HERE = Endpoints("127.0.0.1:15001", "redis://127.0.0.1:15002/0", 1)


@contextmanager
def running(directory: Path, endpoints: Endpoints = HERE) -> Iterator[None]:
    """A stack's folder, as it is while the stack runs."""
    (directory / "kafka").mkdir(parents=True, exist_ok=True)
    with own(directory):
        (directory / "endpoints.json").write_text(json.dumps(asdict(endpoints)))
        yield


def test_the_environment_comes_first(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        environ = {**KAFKA, "PIPELINE_REDIS": "redis://elsewhere"}
        settings = settings_of(environ, "KAFKA", "REDIS", root=tmp_path)
    assert (settings.kafka.bootstrap, settings.redis.url) == ("broker:9092", "redis://elsewhere")


def test_else_the_running_stack_is_found(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        settings = settings_of({}, "KAFKA", "REDIS", root=tmp_path)
    assert (settings.kafka.bootstrap, settings.redis.url) == (HERE.kafka, HERE.redis)


def test_tables_and_files_are_those_of_the_running_stack(tmp_path: Path) -> None:
    (tmp_path / "2" / "kafka").mkdir(parents=True)
    with running(tmp_path / "1"):
        settings = settings_of({}, "KAFKA", root=tmp_path)
    assert settings.data_dir == tmp_path / "1" / "data"
    assert settings.lookups_dir == tmp_path / "1" / "lookups"


def test_folders_that_are_set_stay(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        settings = settings_of({"PIPELINE_DATA": "/mine"}, "KAFKA", root=tmp_path)
    assert settings.data_dir == Path("/mine")


def test_a_kafka_that_is_not_ours_has_a_folder_of_itsown(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        settings = settings_of(KAFKA, "KAFKA", root=tmp_path)
    assert settings.data_dir == tmp_path / "outside" / "data"


def test_a_stack_on_a_kafka_that_is_not_ours_gives_its_redis(tmp_path: Path) -> None:
    with running(tmp_path / "outside", Endpoints("broker:9092", HERE.redis, 1)):
        settings = settings_of(KAFKA, "KAFKA", "REDIS", root=tmp_path)
    assert settings.redis.url == HERE.redis


def test_another_stacks_redis_is_not_taken_for_a_kafka_that_is_not_ours(tmp_path: Path) -> None:
    with running(tmp_path / "1"), pytest.raises(Refusal, match="PIPELINE_REDIS"):
        settings_of(KAFKA, "KAFKA", "REDIS", root=tmp_path)


def test_a_stack_that_was_killed_is_not_running(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        pass
    with pytest.raises(Refusal, match="no pipeline runs here"):
        settings_of({}, "KAFKA", root=tmp_path)


def test_what_a_run_was_started_with_is_remembered(tmp_path: Path) -> None:
    write_note(tmp_path / "1", RunNote("first_day_churn", 3, {"serving-1": 17}))
    with running(tmp_path / "1"):
        settings = settings_of({}, "KAFKA", root=tmp_path)
    assert settings.partitions == 3


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = RunNote("first_day_churn", 3, {"serving-1": 17})
    write_note(tmp_path, note)
    assert read_note(tmp_path) == note


@pytest.mark.parametrize("text", ["", "[]", "{", '{"use_case": "x"}'])
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    assert read_note(tmp_path) is None


def test_a_variable_that_is_empty_says_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        found = find({"PIPELINE_KAFKA": " "}, tmp_path)
        assert environment({"PIPELINE_KAFKA": " "}, found)["PIPELINE_KAFKA"] == HERE.kafka


def written(directory: Path, records: int, used_at: float = 0) -> Path:
    """A run of the past with so many records in one topic."""
    log = directory / "kafka" / "data" / "generated-events-0"
    log.mkdir(parents=True)
    (log / "00000000000000000000.log").write_bytes(batch(0, records) if records else b"")
    (directory / ".lock").touch()
    os.utime(directory, (used_at, used_at))
    return directory


def names(root: Path, environ: dict[str, str], *, resume: bool = False) -> str:
    return run_directory(environ, resume=resume, root=root).name


def test_the_run_that_was_used_last_and_holds_data_is_resumed_and_read(tmp_path: Path) -> None:
    written(tmp_path / "z-old", 5, used_at=1)
    written(tmp_path / "a-new", 5, used_at=2)
    written(tmp_path / "empty", 0, used_at=3)
    assert names(tmp_path, {}, resume=True) == "a-new"
    assert find({}, tmp_path).name == "a-new"


def test_where_no_run_holds_data_none_is_resumed(tmp_path: Path) -> None:
    written(tmp_path / "empty", 0)
    with pytest.raises(Refusal, match="Run `pipeline up` without --resume"):
        names(tmp_path, {}, resume=True)


@pytest.mark.parametrize("resume", [True, False])
def test_beside_a_running_one_a_second_is_not_started_in_silence(
    tmp_path: Path, *, resume: bool
) -> None:
    written(tmp_path / "past", 5)
    with running(tmp_path / "1"), pytest.raises(Refusal, match="runs already") as refusal:
        names(tmp_path, {}, resume=resume)
    assert "pipeline up --run NAME" in refusal.value.remedy


def test_nor_beside_one_that_is_only_starting(tmp_path: Path) -> None:
    with own(tmp_path / "1"), pytest.raises(Refusal, match="runs already"):
        names(tmp_path, {})


def test_by_a_name_a_second_is_started_beside_it_and_says_so(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        directory = run_directory({"PIPELINE_RUN": "mine"}, resume=False, root=tmp_path)
        assert directory == tmp_path / "mine"
        said = introduction(directory)
    assert said == "Run mine is empty. 1 is running too: name this one, --run mine"


def test_a_run_that_goes_on_says_how_much_it_holds(tmp_path: Path) -> None:
    assert introduction(written(tmp_path / "1", 1_234)) == "Run 1 goes on with 1,234 records"


def test_only_a_run_that_there_is_can_be_resumed_by_name(tmp_path: Path) -> None:
    written(tmp_path / "mine", 5)
    assert names(tmp_path, {"PIPELINE_RUN": "mine"}, resume=True) == "mine"
    with pytest.raises(Refusal, match="there is no run mien"):
        names(tmp_path, {"PIPELINE_RUN": "mien"}, resume=True)


def test_a_command_asks_the_run_that_is_named(tmp_path: Path) -> None:
    other = Endpoints("127.0.0.1:15003", "redis://127.0.0.1:15004/0", 2)
    with running(tmp_path / "1"), running(tmp_path / "2", other):
        settings = settings_of({"PIPELINE_RUN": "1"}, "KAFKA", root=tmp_path)
        assert settings.kafka.bootstrap == HERE.kafka
        assert settings.data_dir == tmp_path / "1" / "data"
        with pytest.raises(Refusal, match="2 pipelines run here: "):
            settings_of({}, "KAFKA", root=tmp_path)


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "models", "outside", "", "x" * 65])
def test_a_name_leads_to_no_other_folder(tmp_path: Path, name: str) -> None:
    environ = {"PIPELINE_RUN": name or "é"}
    with pytest.raises(Refusal, match="is no name for a run"):
        names(tmp_path, environ)


def test_a_named_run_has_its_own_kafka(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="has a Kafka of its own"):
        names(tmp_path, {**KAFKA, "PIPELINE_RUN": "mine"})


def test_a_demo_is_a_new_run_whatever_runs(tmp_path: Path) -> None:
    with running(tmp_path / "1"):
        assert demo_directory({}, tmp_path).name != "1"


def test_in_an_empty_folder_the_first_hint_leads_to_a_running_pipeline(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="Run `pipeline up` in another terminal"):
        settings_of({}, "KAFKA", root=tmp_path)


@pytest.mark.parametrize(
    ("environ", "command"),
    [({}, "pipeline up --resume"), ({"PIPELINE_RUN": "past"}, "pipeline up --run past")],
)
def test_where_there_is_data_the_hint_goes_on_with_it(
    tmp_path: Path, environ: dict[str, str], command: str
) -> None:
    written(tmp_path / "past", 5)
    with pytest.raises(Refusal, match=f"Run `{command}` in another terminal"):
        settings_of(environ, "KAFKA", root=tmp_path)


def test_while_it_starts_a_command_says_so(tmp_path: Path) -> None:
    with own(tmp_path / "1"), pytest.raises(Refusal, match="run 1 is only starting"):
        settings_of({}, "KAFKA", root=tmp_path)


def test_the_redis_of_a_stack_on_another_kafka_is_not_taken(tmp_path: Path) -> None:
    with (
        running(tmp_path / "outside", Endpoints("another:9092", HERE.redis, 1)),
        pytest.raises(Refusal, match="PIPELINE_REDIS"),
    ):
        settings_of(KAFKA, "KAFKA", "REDIS", root=tmp_path)
