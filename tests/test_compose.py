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
from embedded.kafka_jars import VERSION
from pipeline.setting_names import setting_names
from pipeline.topics import STAGES

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
IMAGE = "feature-stream"
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PASSWORDS = "passwords"
"""The service that makes them, and the volume that they are in."""
OURS = [name for name, one in SERVICES.items() if one["image"] == IMAGE and name != PASSWORDS]
COMMANDS = [name for name in OURS if COMPOSE["services"][name]["command"][0] == "pipeline"]
WORKERS = [name for name in OURS if name not in COMMANDS]


def test_it_follows_the_compose_specification() -> None:
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema"]
    subprocess.run([*command, "vendor.compose-spec", ROOT / "docker-compose.yml"], check=True)


def test_one_build_serves_all() -> None:
    built = [name for name in OURS if "build" in COMPOSE["services"][name]]
    assert built == ["prepare"]


def test_all_workers_and_the_generator_are_in_it() -> None:
    assert {*STAGES, "compaction", "generator", "api"} <= set(OURS)


def test_kafka_is_the_embedded_one_s_version() -> None:
    assert SERVICES["kafka"]["image"].partition("@")[0] == f"apache/kafka:{VERSION}"


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_may_do_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & service.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_no_port_is_open_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", [*OURS, "redis"])
def test_the_password_is_read_from_a_volume_that_only_its_maker_may_write(name: str) -> None:
    assert f"{PASSWORDS}:/passwords:ro" in SERVICES[name]["volumes"]
    if name in OURS:
        assert SERVICES[name]["environment"]["PIPELINE_REDIS_PASSWORD_FILE"] == "/passwords/redis"


def test_the_password_is_made_once(tmp_path: Path) -> None:
    (shell, option, script) = SERVICES[PASSWORDS]["command"]
    command = [shell, option, script.replace("/passwords", str(tmp_path)).replace("$$", "$")]
    made = set()
    for _ in range(2):
        subprocess.run(command, check=True)
        made.add((tmp_path / "redis").read_text())
    (password,) = made
    assert len(password.strip()) == 48


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
