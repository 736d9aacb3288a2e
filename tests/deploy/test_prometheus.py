"""What Prometheus is told to ask is what answers."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.topics import STAGES
from tests.deploy.manifests import IMAGE_ENVIRONMENT, ROOT, WITH_PODS

FILE = ROOT / "deploy" / "prometheus" / "prometheus.yml"
JOBS: dict[str, dict[str, Any]] = {
    job["job_name"]: job for job in yaml.safe_load(FILE.read_text())["scrape_configs"]
}
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def checked(file: Path) -> subprocess.CompletedProcess[str]:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("there is no promtool here; Debian and Ubuntu have it in `prometheus`")
    command = [promtool, "check", "config", str(file)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_promtool_finds_nothing_wrong() -> None:
    result = checked(FILE)
    if "field kubernetes_sd_configs not found" in result.stderr:
        pytest.skip("this promtool was built without Kubernetes")
    assert result.returncode == 0, result.stderr


def test_promtool_finds_nothing_wrong_beside_where_pods_are_looked_for(tmp_path: Path) -> None:
    content = yaml.safe_load(FILE.read_text())
    for job in content["scrape_configs"]:
        job.pop("kubernetes_sd_configs", None)
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(content))
    result = checked(file)
    assert result.returncode == 0, result.stderr


def test_promtool_finds_a_misspelt_field(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.yml"
    file.write_text(FILE.read_text().replace("target_label", "target_lable"))
    assert checked(file).returncode != 0


def found(job: str) -> dict[str, Any]:
    """Where a job finds the services of the compose file."""
    [where] = JOBS[job]["dns_sd_configs"]
    place: dict[str, Any] = where
    return place


def test_every_worker_of_the_compose_file_is_asked_at_the_port_of_its_metrics() -> None:
    where = found("compose-workers")
    assert sorted(where["names"]) == sorted(STAGES)
    assert SERVICES.keys() >= set(where["names"])
    assert str(where["port"]) == IMAGE_ENVIRONMENT["PIPELINE_METRICS_PORT"]


def test_pods_are_found_by_the_labels_and_ports_that_they_have() -> None:
    rules = {
        rule["source_labels"][0]: rule["regex"]
        for rule in JOBS["kubernetes"]["relabel_configs"]
        if rule.get("action") == "keep"
    }
    part = rules["__meta_kubernetes_pod_label_app_kubernetes_io_part_of"]
    ports = rules["__meta_kubernetes_pod_container_port_name"].split("|")
    for manifest in WITH_PODS:
        assert manifest.pod
        assert manifest.pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == part
    named = {port["name"] for one in WITH_PODS for port in one.container.get("ports", [])}
    assert named == set(ports)
