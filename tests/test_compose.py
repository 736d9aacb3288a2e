"""The compose file, as far as it can be checked without an engine."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from pipeline.setting_names import setting_names

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMAGE = "feature-stream"
OURS = [name for name, service in COMPOSE["services"].items() if service["image"] == IMAGE]
COMMANDS = [name for name in OURS if COMPOSE["services"][name]["command"][0] == "pipeline"]
WORKERS = [name for name in OURS if name not in COMMANDS]


def test_it_follows_the_compose_specification() -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema"]
    subprocess.run([*command, "vendor.compose-spec", ROOT / "docker-compose.yml"], check=True)


def test_one_build_serves_all() -> None:
    built = [name for name in OURS if "build" in COMPOSE["services"][name]]
    assert built == ["prepare"]


def test_all_workers_and_the_generator_are_in_it() -> None:
    workers = {"event_handler", "stream_features", "serving", "inference_logger", "generator"}
    assert workers <= set(OURS)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    assert set(COMPOSE["services"][name]["environment"]) <= setting_names()


@pytest.mark.parametrize("name", WORKERS)
def test_every_worker_starts_as_far_as_its_help(name: str) -> None:
    command = [sys.executable, *COMPOSE["services"][name]["command"][1:], "--help"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("name", WORKERS)
def test_copies_of_a_worker_share_no_name(name: str) -> None:
    assert "PIPELINE_INSTANCE" not in COMPOSE["services"][name]["environment"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_knows_its_options(name: str) -> None:
    _, command, *options = COMPOSE["services"][name]["command"]
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    names = [option.partition("=")[0] for option in options]
    assert [option for option in names if option not in result.output] == []


@pytest.mark.parametrize("name", OURS)
def test_every_healthcheck_of_ours_is_an_entry_point(name: str) -> None:
    check = COMPOSE["services"][name]["healthcheck"]
    assert check.get("disable") or check["test"][1] in PROJECT["project"]["scripts"]


def test_every_variable_of_the_file_stands_in_the_example() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = (ROOT / ".env.example").read_text()
    used = set(re.findall(r"\$\{(\w+)", text))
    given = set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    assert used == given
