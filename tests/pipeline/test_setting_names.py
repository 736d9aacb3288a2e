"""A variable that looks like a setting and is none is told of."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pipeline.setting_names import ignored_variables, setting_names


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("PIPELINE_KAFKAA", "PIPELINE_KAFKA"),
        ("PIPELINE_PARTITION", "PIPELINE_PARTITIONS"),
        ("PIPELINE_RETENTION_DAY", "PIPELINE_RETENTION_DAYS"),
        ("PIPELINE_USECASE", "PIPELINE_USE_CASE"),
        ("PIPELINE_CHACHE", "PIPELINE_CACHE"),
        ("pipeline_kafka", "PIPELINE_KAFKA"),
    ],
)
def test_a_misspelt_one_is_named_with_what_was_meant(name: str, meant: str) -> None:
    (said,) = ignored_variables({name: "k:1"})
    assert said == f"{name} is no setting and is ignored; did you mean {meant}?"


def test_one_that_is_like_no_setting_is_named_alone() -> None:
    (said,) = ignored_variables({"PIPELINE_WORKSPACE": "/builds"})
    assert said == "PIPELINE_WORKSPACE is no setting and is ignored"


def test_a_value_is_never_shown() -> None:
    assert "secret" not in "".join(ignored_variables({"PIPELINE_KAFKA_PASWORD": "secret"}))


def test_settings_and_what_is_none_of_ours_are_not_named() -> None:
    assert ignored_variables({**dict.fromkeys(setting_names(), "1"), "PATH": "/bin"}) == []


@pytest.mark.parametrize("stage", ["event_handler", "inference_logger"])
def test_a_worker_says_it_in_its_log(stage: str) -> None:
    environ = {**os.environ, "PIPELINE_KAFKAA": "k:1", "PIPELINE_USE_CASE": "no_such_case"}
    command = [sys.executable, "-m", stage]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert ended.returncode == 3  # the case ends it, after the warning
    assert "did you mean PIPELINE_KAFKA?" in ended.stderr.splitlines()[0]
