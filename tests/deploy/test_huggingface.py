"""The Space's description is one that Hugging Face takes, and what it is built from is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import IMAGE_ENVIRONMENT, ROOT

README = ROOT / "deploy" / "huggingface" / "README.md"
_, FRONT_MATTER, TEXT = README.read_text().split("---\n", 2)
SPACE = yaml.safe_load(FRONT_MATTER)
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


def test_it_is_a_docker_space_at_the_port_of_the_image() -> None:
    assert SPACE["sdk"] == "docker"
    assert str(SPACE["app_port"]) == IMAGE_ENVIRONMENT["PIPELINE_HTTP_PORT"]


def test_its_card_is_one_that_hugging_face_takes() -> None:
    assert {SPACE["colorFrom"], SPACE["colorTo"]} <= COLOURS
    assert len(SPACE["short_description"]) <= 60
    assert SPACE["license"] == "apache-2.0"


def test_its_name_and_its_address_are_the_same_with_hyphens() -> None:
    names = set(re.findall(r"YOU/([\w-]+)", TEXT)) | set(re.findall(r"YOU-([\w-]+)\.hf", TEXT))
    assert names == {"churn-scores"}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the Space is made of what is committed")
def test_making_it_brings_all_that_the_image_is_built_from(tmp_path: Path) -> None:
    space = tmp_path / "churn-scores"
    subprocess.run(["make", "space", f"SPACE={space}"], cwd=ROOT, check=True)
    context = re.findall(r"^!(.+)$", (space / ".dockerignore").read_text(), re.MULTILINE)
    assert [name for name in ("Dockerfile", *context) if not (space / name).exists()] == []
    assert (space / "README.md").read_text() == README.read_text()
