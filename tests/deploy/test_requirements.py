"""What other tools install from says the same as the lock."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def pinned(lock: str) -> list[str]:
    """The packages of a lock with versions and conditions, without hashes."""
    text = (ROOT / lock).read_text()
    pins = [line.removesuffix("\\").strip() for line in re.findall(r"^\w.*$", text, re.MULTILINE)]
    assert all(Requirement(pin) for pin in pins)
    return pins


def test_requirements_are_those_of_the_image() -> None:
    assert pinned("requirements.txt") == pinned("requirements-image.lock")


def test_the_conda_environment_is_that_of_the_image() -> None:
    environment = yaml.safe_load((ROOT / "environment.yaml").read_text())
    assert environment["dependencies"][-1] == {"pip": pinned("requirements-image.lock")}


def test_the_lock_for_training_adds_to_that_of_the_image_out_of_the_lock() -> None:
    image, training, everything = (
        set(pinned(f"requirements{name}.lock")) for name in ("-image", "-training", "")
    )
    assert image < training < everything
