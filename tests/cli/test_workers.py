from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

import use_cases
from cli.stack.workers import KINDS, counts_of, kinds_of, worker_specs
from pipeline.errors import SettingsError
from pipeline.topics import STAGES

ENVIRON = {"PIPELINE_KAFKA": "broker:9092", "PATH": "/bin"}


def test_every_stage_has_a_worker_and_there_is_one_api_and_one_compaction() -> None:
    assert counts_of([]) == {**dict.fromkeys(STAGES, 1), "compaction": 1, "api": 1}


def test_a_case_without_a_model_has_no_serving_worker() -> None:
    stages = [kind.stage for kind in kinds_of(use_cases.load("player_activity"))]
    assert stages == ["event_handler", "stream_features", "inference_logger", "compaction", "api"]
    assert kinds_of(use_cases.load("first_day_churn")) == KINDS


def test_a_wish_changes_how_many_there_are() -> None:
    assert counts_of(["serving=2", "event_handler=0"])["serving"] == 2


@pytest.mark.parametrize("wish", ["serving", "serving=", "serving=two", "serving=-1", "cooking=1"])
def test_a_wish_that_makes_no_sense_is_refused(wish: str) -> None:
    with pytest.raises(SettingsError, match="stage=number"):
        counts_of([wish])


def test_every_process_has_a_name_and_a_port_of_its_own() -> None:
    specs = worker_specs(counts_of(["serving=3"]), ENVIRON, Path("logs"), port=count(1).__next__)
    assert len({spec.instance for spec in specs}) == len({spec.port for spec in specs}) == 8
    assert [spec.instance for spec in specs if spec.stage == "serving"] == [
        "serving-1",
        "serving-2",
        "serving-3",
    ]


def test_a_process_sees_what_all_share_and_what_is_its_own() -> None:
    (spec,) = worker_specs({"serving": 1}, ENVIRON, Path("logs"), KINDS[2:3], lambda: 17)
    assert spec.environ == {
        **ENVIRON,
        "PIPELINE_INSTANCE": "",
        "PIPELINE_METRICS_PORT": "17",
    }


def test_a_process_runs_its_stages_module() -> None:
    (spec,) = worker_specs({"serving": 1}, ENVIRON, Path("logs"), KINDS[2:3], lambda: 17)
    assert spec.argv[1:] == ("-m", "serving")


def test_the_first_api_answers_where_it_is_asked_to_and_others_wherever_it_is_free() -> None:
    asked = {**ENVIRON, "PIPELINE_HTTP_PORT": "8000"}
    specs = worker_specs(counts_of(["api=2"]), asked, Path("logs"), port=count(1).__next__)
    apis = {spec.instance: spec for spec in specs if spec.stage == "api"}
    assert (apis["api-1"].port, apis["api-2"].port) == (8000, 6)
    assert apis["api-2"].environ["PIPELINE_HTTP_PORT"] == "6"
    assert "PIPELINE_METRICS_PORT" not in apis["api-1"].environ


@pytest.mark.parametrize("environ", [ENVIRON, {**ENVIRON, "PIPELINE_HTTP_PORT": " "}])
def test_an_api_that_is_asked_for_nowhere_takes_any_free_port(environ: dict[str, str]) -> None:
    (spec,) = worker_specs({"api": 1}, environ, Path("logs"), KINDS[-1:], lambda: 17)
    assert spec.port == 17


def test_two_processes_of_a_stage_do_not_share_a_log() -> None:
    specs = worker_specs({"serving": 2}, ENVIRON, Path("logs"), KINDS[2:3], lambda: 17)
    assert [spec.log.name for spec in specs] == ["serving.log", "serving-2.log"]
