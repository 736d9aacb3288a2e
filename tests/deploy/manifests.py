"""The manifests of deploy/kubernetes, and what the image says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.setting_names import setting_names

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
IMAGE_ENVIRONMENT = dict(re.findall(r"\b(PIPELINE_\w+)=(\S+)", DOCKERFILE))
SETTINGS = setting_names()


@dataclass(frozen=True, slots=True)
class Manifest:
    """One resource of a file."""

    file: str
    content: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.content['kind']} {self.content['metadata']['name']}"

    @property
    def pod(self) -> dict[str, Any] | None:
        """The template of its pods: labels and specification."""
        spec = self.content.get("spec", {})
        template: dict[str, Any] | None = (
            spec.get("jobTemplate", {}).get("spec", spec).get("template")
        )
        return template

    @property
    def container(self) -> dict[str, Any]:
        """The one container of its pods."""
        assert self.pod
        [only] = self.pod["spec"]["containers"]
        found: dict[str, Any] = only
        return found


def read() -> list[Manifest]:
    return [
        Manifest(path.name, content)
        for path in sorted(FOLDER.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for content in yaml.safe_load_all(path.read_text())
    ]


MANIFESTS = read()
WITH_PODS = [one for one in MANIFESTS if one.pod]
WORKERS = [one for one in MANIFESTS if one.content["kind"] == "StatefulSet"]


def of(name: str) -> Manifest:
    """The manifest of this kind and name, such as `Service api`."""
    [found] = [one for one in MANIFESTS if one.name == name]
    return found
