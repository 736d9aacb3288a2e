"""The image holds all packages, and alone it is the API."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from pipeline.settings import read_settings
from tests.deploy.manifests import DOCKERFILE, IMAGE_ENVIRONMENT, ROOT, SETTINGS

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTEXT = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)


def test_every_package_is_sent_to_the_builder() -> None:
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(packages) <= set(CONTEXT)


def test_all_that_is_sent_to_the_builder_exists() -> None:
    assert [name for name in CONTEXT if not (ROOT / name).exists()] == []


def test_all_that_is_copied_is_sent_to_the_builder() -> None:
    copied = re.findall(r"^COPY (?!--from)(?:--chown=\S+ )?(\S+) ", DOCKERFILE, re.MULTILINE)
    [lock] = re.findall(r"^ARG LOCK=(\S+)$", DOCKERFILE, re.MULTILINE)
    sources = {lock if name == "${LOCK}" else name for name in copied} - {"."}
    assert sources <= set(CONTEXT)


def test_it_sets_nothing_that_is_no_setting() -> None:
    assert IMAGE_ENVIRONMENT.keys() <= SETTINGS


def test_alone_it_serves_everyone_at_the_port_of_a_space() -> None:
    http = read_settings(IMAGE_ENVIRONMENT).http
    assert (http.host, http.port) == ("0.0.0.0", 7860)
    assert DOCKERFILE.endswith('CMD ["pipeline", "api"]\n')


def test_it_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["1000"]
