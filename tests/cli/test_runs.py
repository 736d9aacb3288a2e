from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from cli.runs import RunNote, environment, find, read_note, settings_of, write_note
from embedded.stack import Endpoints, _own
from pipeline.errors import Refusal

KAFKA = {"PIPELINE_KAFKA": "broker:9092"}
HERE = Endpoints("127.0.0.1:15001", "redis://127.0.0.1:15002/0", 1)


@contextmanager
def running(directory: Path, endpoints: Endpoints = HERE) -> Iterator[None]:
    """A stack's folder, as it is while the stack runs."""
    (directory / "kafka").mkdir(parents=True)
    with _own(directory):
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


def test_a_kafka_that_is_not_ours_has_a_folder_of_its_own(tmp_path: Path) -> None:
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
    with pytest.raises(Refusal, match="pipeline up --resume"):
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
