from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import use_cases
from cli.app import app
from pipeline.declaration import UseCase
from pipeline.kafka.admin import Admin
from pipeline.settings import Settings, read_settings
from pipeline.topics import Topics
from tests.cli.helpers import Ended, Run
from tests.support.kafka import Cluster
from tests.support.processes import World


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that says nothing of a pipeline."""
    monkeypatch.chdir(tmp_path)
    for name in ("KAFKA", "REDIS", "USE_CASE", "PARTITIONS", "DATA", "LOOKUPS", "MODELS"):
        monkeypatch.delenv(f"PIPELINE_{name}", raising=False)
    monkeypatch.setenv("PIPELINE_RUN", "")  # `--run` sets it, and it must not outlive the test
    return tmp_path


@pytest.fixture
def open_umask() -> Iterator[None]:
    """What is written may be read and changed by everyone, unless the writer sees to it."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def run(elsewhere: Path, open_umask: None) -> Run:  # noqa: ARG001 - they prepare what it runs in
    """Runs a command line in the empty directory."""

    def run(*arguments: str, stdin: bytes = b"") -> Ended:
        result = CliRunner().invoke(
            app, list(arguments), input=stdin, env={"COLUMNS": "200"}, prog_name="pipeline"
        )
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def case(topic_prefix: str, monkeypatch: pytest.MonkeyPatch) -> UseCase:
    """The default case under topics of its own; commands load it as well."""
    own = replace(use_cases.load("first_day_churn"), topic_prefix=topic_prefix)
    monkeypatch.setattr(use_cases, "load", lambda _name: own)
    return own


@pytest.fixture
def settings(
    elsewhere: Path, kafka: str, clean_redis: str, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """The settings on the real Kafka and an empty Redis, which commands find as well."""
    environ = {
        "PIPELINE_KAFKA": kafka,
        "PIPELINE_REDIS": clean_redis,
        "PIPELINE_PARTITIONS": "4",
        "PIPELINE_LOOKUPS": str(elsewhere / "lookups"),
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return read_settings(environ)


@pytest.fixture
def topics(case: UseCase, settings: Settings) -> Topics:
    """The case's topics, made on the real Kafka."""
    names = Topics.of(case)
    with Admin.connect(settings.kafka) as admin:
        admin.create(names, settings.partitions)
    return names


@pytest.fixture
def world(
    kafka: str, redis_url: str, topic_prefix: str, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A use case of the test's own, with its settings in the environment."""
    found = World(topic_prefix.rstrip("-")[-100:], Cluster(kafka), redis_url, elsewhere)
    found.settings |= {"DATA": str(elsewhere / "data"), "LOGGER_SECONDS": "0.2"}
    found.create_topics()
    for name, value in found.environ.items():
        if name.startswith("PIPELINE_"):
            monkeypatch.setenv(name, value)
    return found
