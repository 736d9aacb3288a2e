"""The manifests are valid, and what they say of the code is so."""

from __future__ import annotations

import copy
import re
import tomllib
from importlib.util import find_spec
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped] # it has no types
import pytest
import yaml
from typer.testing import CliRunner

from cli.app import app
from cli.commands import api
from compaction.worker import SETTLED
from pipeline.settings import read_settings
from pipeline.times import MINUTE
from pipeline.topics import STAGES
from serving.http.service import described
from tests.deploy.manifests import (
    FOLDER,
    IMAGE_ENVIRONMENT,
    MANIFESTS,
    ROOT,
    SETTINGS,
    WITH_PODS,
    WORKERS,
    Manifest,
    of,
)

API = of("Deployment api")
VERSIONS = ("1.25", "1.37")
"""The oldest and the newest Kubernetes whose schemas we have."""

every_manifest = pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: one.name)
every_pod = pytest.mark.parametrize("manifest", WITH_PODS, ids=lambda one: one.name)
every_worker = pytest.mark.parametrize("manifest", WORKERS, ids=lambda one: one.name)


def validate(content: dict[str, Any], version: str) -> None:
    """As `kubernetes-validate --strict` does, but a kind it does not know is an error as well."""
    kubernetes_validate.validate(content, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@every_manifest
def test_a_manifest_is_valid(manifest: Manifest, version: str) -> None:
    validate(manifest.content, version)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_misspelt_field_is_refused(version: str) -> None:
    wrong = copy.deepcopy(API.content)
    wrong["spec"]["replica"] = wrong["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        validate(wrong, version)


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        validate(API.content | {"kind": "Deploiment"}, VERSIONS[-1])


def kustomization() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    return content


def test_the_kustomization_names_every_file() -> None:
    assert sorted(kustomization()["resources"]) == sorted({one.file for one in MANIFESTS})


def test_the_kustomization_gives_every_image_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    tags = {one["name"]: one["newTag"] for one in kustomization()["images"]}
    assert tags == {one.container["image"]: version for one in WITH_PODS}


@every_pod
def test_every_variable_is_a_setting(manifest: Manifest) -> None:
    names = {one["name"] for one in manifest.container.get("env", [])}
    assert {name for name in names if name.startswith("PIPELINE_")} <= SETTINGS


@every_pod
def test_settings_and_passwords_come_from_outside(manifest: Manifest) -> None:
    assert manifest.container["envFrom"] == [
        {"configMapRef": {"name": "pipeline"}},
        {"secretRef": {"name": "pipeline"}},
    ]
    assert {one.content["kind"] for one in MANIFESTS}.isdisjoint({"ConfigMap", "Secret"})


@every_pod
def test_no_pod_may_do_more_than_it_needs(manifest: Manifest) -> None:
    assert manifest.pod
    assert manifest.pod["spec"]["automountServiceAccountToken"] is False
    assert manifest.pod["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert manifest.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@every_pod
def test_every_container_says_what_it_takes(manifest: Manifest) -> None:
    resources = manifest.container["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


@every_pod
def test_every_mount_is_of_a_volume_and_every_claim_is_made(manifest: Manifest) -> None:
    assert manifest.pod
    volumes = {one["name"]: one for one in manifest.pod["spec"]["volumes"]}
    assert {one["name"] for one in manifest.container["volumeMounts"]} == volumes.keys()
    claims = {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in volumes.values()
        if "persistentVolumeClaim" in volume
    }
    assert {f"PersistentVolumeClaim {claim}" for claim in claims} <= {one.name for one in MANIFESTS}


@every_pod
def test_shared_folders_are_mounted_where_the_image_looks(manifest: Manifest) -> None:
    homes = {IMAGE_ENVIRONMENT[f"PIPELINE_{name}"] for name in ("DATA", "LOOKUPS", "MODELS")}
    mounted = {one["mountPath"] for one in manifest.container["volumeMounts"]}
    assert mounted <= homes | {"/tmp", "/keys"}


@every_pod
def test_a_command_exists(manifest: Manifest) -> None:
    command = manifest.container["command"]
    if command[:2] == ["python", "-m"]:
        assert find_spec(f"{command[2]}.__main__")
        return
    words = command[-1].partition("&& ")[2].split() if command[0] == "sh" else command
    assert words[0] == "pipeline"
    names = [word for word in words[1:] if re.fullmatch("[a-z]+", word)]
    result = CliRunner().invoke(app, [*names, "--help"])
    assert result.exit_code == 0
    options = [word for word in words if word.startswith("--")]
    assert [option for option in options if option not in result.output] == []


def test_every_stage_has_its_workers() -> None:
    assert sorted(one.container["command"][-1] for one in WORKERS) == sorted(STAGES)


@every_worker
def test_a_worker_is_a_member_by_the_name_of_its_pod(manifest: Manifest) -> None:
    assert {
        "name": "PIPELINE_INSTANCE",
        "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
    } in manifest.container["env"]


@every_worker
def test_a_worker_is_asked_at_the_port_of_its_metrics(manifest: Manifest) -> None:
    [port] = manifest.container["ports"]
    assert str(port["containerPort"]) == IMAGE_ENVIRONMENT["PIPELINE_METRICS_PORT"]
    assert manifest.container["livenessProbe"]["httpGet"] == {"path": "/live", "port": port["name"]}
    ready = manifest.container["readinessProbe"]["httpGet"]
    assert ready == {"path": "/ready", "port": port["name"]}


@every_worker
def test_a_worker_may_take_its_time_to_end(manifest: Manifest) -> None:
    assert manifest.pod
    assert manifest.pod["spec"]["terminationGracePeriodSeconds"] > 5


def test_the_api_is_asked_by_routes_that_it_has() -> None:
    routes = described(read_settings({}))["paths"]
    for probe in ("livenessProbe", "readinessProbe"):
        assert API.container[probe]["httpGet"]["path"] in routes


def test_the_api_listens_where_the_service_sends() -> None:
    [port] = API.container["ports"]
    [served] = of("Service api").content["spec"]["ports"]
    assert str(port["containerPort"]) == IMAGE_ENVIRONMENT["PIPELINE_HTTP_PORT"]
    assert served == {"name": "http", "port": 80, "targetPort": port["name"]}
    assert of("Service api").content["spec"]["type"] == "LoadBalancer"


def test_three_of_the_api_run_and_one_at_most_is_moved_at_a_time() -> None:
    assert API.content["spec"]["replicas"] == 3
    assert of("HorizontalPodAutoscaler api").content["spec"]["minReplicas"] == 3
    assert of("PodDisruptionBudget api").content["spec"]["maxUnavailable"] == 1


def test_the_api_may_finish_what_is_under_way() -> None:
    assert API.pod
    pause = int(API.container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert API.pod["spec"]["terminationGracePeriodSeconds"] > pause + api._END_SECONDS


@pytest.mark.parametrize(
    ("selects", "selector"),
    [
        *((one, one.content["spec"]["selector"]["matchLabels"]) for one in (API, *WORKERS)),
        (of("Service api"), of("Service api").content["spec"]["selector"]),
        (of("Service workers"), of("Service workers").content["spec"]["selector"]),
    ],
    ids=lambda one: one.name if isinstance(one, Manifest) else "",
)
def test_a_selector_finds_the_pods_that_are_meant(
    selects: Manifest, selector: dict[str, str]
) -> None:
    found = [
        one.name
        for one in WITH_PODS
        if one.pod and selector.items() <= one.pod["metadata"]["labels"].items()
    ]
    meant = {"Service api": [API.name], "Service workers": [one.name for one in WORKERS]}
    assert found == meant.get(selects.name, [selects.name])


def test_the_log_is_compacted_every_night_once_the_last_date_is_over() -> None:
    job = of("CronJob compact")
    minute, hour, *every = job.content["spec"]["schedule"].split()
    assert (int(hour), every) == (0, ["*", "*", "*"])
    assert int(minute) * MINUTE >= SETTLED
    assert job.container["command"][:2] == ["pipeline", "compact"]
    assert {"name": "data", "mountPath": "/data"} in job.container["volumeMounts"]
