"""A model that is missing at the start is told to be so, and taken up once it is there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from serving.http.models import Models
from tests.serving.http.rig import MODELS, USER, Service, folded, reasons
from use_cases.first_day_churn import USE_CASE

NAME = USE_CASE.name
FORM = "telecom_churn"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped models, to be broken; there are no others."""
    monkeypatch.setattr("pipeline.manifest.SHIPPED", tmp_path / "none")
    shutil.copytree(MODELS, tmp_path / "models")
    return tmp_path / "models"


def torn(directory: Path, name: str, version: str) -> bytes:
    """Change a byte of a model; returns what it was."""
    path = directory / name / version / "model.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    return whole


def refused(name: str) -> dict[str, float]:
    """What of a case cannot be used, by the metric that `pipeline status` reads."""
    return {
        sample.labels["what"]: sample.value
        for metric in REGISTRY.collect()
        if metric.name == "pipeline_model_refused"
        for sample in metric.samples
        if sample.labels["model"] == name
    }


async def answered(service: Service, path: str) -> Any:
    async with service.caller() as caller:
        return await caller.get(path)


@pytest.mark.parametrize(
    "path", [f"/users/{USER}", f"/v2/models/{NAME}", f"/v2/models/{NAME}/ready"]
)
async def test_while_a_model_is_torn_its_routes_are_put_off_and_then_answered(
    directory: Path, path: str
) -> None:
    whole = torn(directory, NAME, "1")
    service = Service(models=Models.load(directory, NAME))
    await service.hold(USER, folded())
    answer = await answered(service, path)
    assert (answer.status_code, reasons(answer)) == (503, [("", "no_model")])
    assert answer.headers["retry-after"] == "5"
    (directory / NAME / "1" / "model.onnx").write_bytes(whole)
    service.models.follow()
    assert (await answered(service, path)).status_code == 200


async def test_the_service_is_not_ready_while_a_model_is_torn_and_says_which(
    directory: Path,
) -> None:
    whole = torn(directory, FORM, "2")
    service = Service(models=Models.load(directory, NAME))
    answer = await answered(service, "/v2/health/ready")
    assert (answer.status_code, reasons(answer)) == (503, [("", "not_ready")])
    assert FORM in answer.json()["error"]
    assert answer.headers["retry-after"] == "5"
    assert (await answered(service, "/")).json()["status"] == "not ready"
    assert (await answered(service, "/v2/health/live")).status_code == 200
    (directory / FORM / "2" / "model.onnx").write_bytes(whole)
    service.models.follow()
    assert (await answered(service, "/v2/health/ready")).status_code == 200
    assert (await answered(service, "/")).json()["missing"] == []


def test_a_model_that_is_torn_is_named_in_the_metric_until_it_is_mended(directory: Path) -> None:
    whole = torn(directory, FORM, "2")
    models = Models.load(directory, NAME)
    assert refused(FORM)["2"] == 1
    (directory / FORM / "2" / "model.onnx").write_bytes(whole)
    models.follow()
    assert refused(FORM)["2"] == 0


async def test_the_first_model_of_a_case_is_taken_up_when_it_comes(directory: Path) -> None:
    (directory / FORM).rename(directory.parent / "aside")
    service = Service(models=Models.load(directory, NAME))
    path = f"/v2/models/{FORM}/ready"
    assert (await answered(service, path)).status_code == 503
    (directory.parent / "aside").rename(directory / FORM)
    service.models.follow()
    assert (await answered(service, path)).status_code == 200


async def test_a_case_that_was_never_trained_keeps_only_its_own_pipeline_from_being_ready(
    directory: Path,
) -> None:
    shutil.rmtree(directory / FORM)
    others = Service(models=Models.load(directory, NAME))
    assert (await answered(others, "/v2/health/ready")).status_code == 200
    assert (await answered(others, "/")).json()["missing"] == [FORM]
    shutil.rmtree(directory / NAME)
    its_own = Service(models=Models.load(directory, NAME))
    answer = await answered(its_own, "/v2/health/ready")
    assert answer.status_code == 503
    assert NAME in answer.json()["error"]


async def test_aliases_that_cannot_be_read_are_a_model_that_is_missing(directory: Path) -> None:
    (directory / FORM / "aliases.json").write_text("{")
    service = Service(models=Models.load(directory, NAME))
    assert (await answered(service, "/v2/health/ready")).status_code == 503
    assert refused(FORM)["aliases.json"] == 1
    (directory / FORM / "aliases.json").unlink()
    service.models.follow()
    assert (await answered(service, "/v2/health/ready")).status_code == 200
    assert refused(FORM)["aliases.json"] == 0
