from __future__ import annotations

from pathlib import Path

import pytest
from redis import Redis

from cli.stack.servers import run_directory, servers
from embedded.runs import find_endpoints
from pipeline.errors import Refusal


def test_servers_that_the_environment_names_take_the_place_of_embedded_ones(
    tmp_path: Path,
) -> None:
    environ = {"PIPELINE_KAFKA": "broker:9092", "PIPELINE_REDIS": "redis://elsewhere"}
    with servers(environ, tmp_path / "run", print) as found:
        endpoints = found.endpoints
        assert (endpoints.kafka, endpoints.redis) == ("broker:9092", "redis://elsewhere")
    assert not (tmp_path / "run").exists()


def test_only_the_server_that_is_not_named_is_started(tmp_path: Path) -> None:
    with servers({"PIPELINE_KAFKA": "broker:9092"}, tmp_path / "outside", print) as found:
        endpoints = found.endpoints
        with Redis.from_url(endpoints.redis) as client:
            assert client.ping()
        assert endpoints.kafka == "broker:9092"
        assert find_endpoints(tmp_path) == endpoints
    assert not (tmp_path / "outside" / "kafka").exists()
    assert find_endpoints(tmp_path) is None


def test_every_run_of_an_embedded_kafka_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert run_directory({}, resume=False, root=tmp_path).parent == tmp_path


def test_where_there_is_no_run_none_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="Run `pipeline up` without --resume"):
        run_directory({}, resume=True, root=tmp_path)


@pytest.mark.parametrize("resume", [True, False])
def test_a_kafka_that_is_not_ours_keeps_its_folder(tmp_path: Path, *, resume: bool) -> None:
    directory = run_directory({"PIPELINE_KAFKA": "broker:9092"}, resume=resume, root=tmp_path)
    assert directory == tmp_path / "outside"
