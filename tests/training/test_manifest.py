from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import (
    MANIFEST,
    MODEL,
    Manifest,
    model_folder,
    newest_folder,
    read_manifest,
    sha256_of,
    verified_model,
    write_model,
)

CONTENT = b"a model"


@pytest.fixture
def manifest(case: UseCase) -> Manifest:
    return Manifest(
        use_case=case.name,
        version="3",
        algorithm="logistic_regression",
        features=case.inputs,
        probabilities="probabilities",
        threshold=0.5,
        sha256=sha256_of(CONTENT),
        seed=1,
        training={"users": 10},
        metrics={"auc": None, "by": [{"rows": 1}]},
        libraries={"onnx": "1"},
    )


@pytest.fixture
def folder(manifest: Manifest, tmp_path: Path) -> Path:
    folder = model_folder(tmp_path, manifest.use_case, manifest.version)
    write_model(folder, manifest, CONTENT, "# A card\n")
    return folder


def test_a_manifest_is_read_as_it_was_written(folder: Path, manifest: Manifest) -> None:
    assert read_manifest(folder) == manifest


def test_a_version_may_have_reports(manifest: Manifest, tmp_path: Path) -> None:
    write_model(tmp_path, manifest, CONTENT, "# A card\n", {"report.json": b"{}"})
    assert (tmp_path / "report.json").read_bytes() == b"{}"


def test_what_nobody_measured_may_be_missing(folder: Path, manifest: Manifest) -> None:
    path = folder / MANIFEST
    known = json.loads(path.read_bytes())
    for name in ("costs", "calibration", "fairness"):
        assert known.pop(name) == {}
    path.write_text(json.dumps(known))
    assert read_manifest(folder) == manifest


def test_a_version_is_three_files(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "card.md",
        "manifest.json",
        "model.onnx",
    ]


def test_the_verified_bytes_are_those_written(folder: Path, manifest: Manifest) -> None:
    assert verified_model(folder, manifest) == CONTENT


def test_one_changed_byte_is_refused(folder: Path, manifest: Manifest) -> None:
    (folder / MODEL).write_bytes(b"A model")
    with pytest.raises(Refusal, match="is not the file its manifest names"):
        verified_model(folder, manifest)


def test_a_missing_model_is_refused_with_the_command_that_mends_it(
    folder: Path, manifest: Manifest
) -> None:
    (folder / MODEL).unlink()
    with pytest.raises(Refusal, match="No such file") as refusal:
        verified_model(folder, manifest)
    assert "PIPELINE_USE_CASE=first_day_churn pipeline train --version 3" in refusal.value.remedy


def test_a_missing_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="No such file"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"{", b""),
        (b'"seed": 1', b'"seed": "one"'),
        (b'"seed": 1', b'"sed": 1'),
        (b'"threshold": 0.5', b'"threshold": 1.5'),
    ],
    ids=["no JSON", "a wrong type", "a field missing", "no threshold"],
)
def test_a_malformed_manifest_is_refused(folder: Path, was: bytes, becomes: bytes) -> None:
    path = folder / MANIFEST
    content = path.read_bytes()
    assert was in content
    path.write_bytes(content.replace(was, becomes, 1))
    with pytest.raises(Refusal, match="malformed"):
        read_manifest(folder)


def test_a_field_of_a_later_version_does_no_harm(folder: Path, manifest: Manifest) -> None:
    path = folder / MANIFEST
    path.write_bytes(path.read_bytes().replace(b"{", b'{"mood": {},', 1))
    assert read_manifest(folder) == manifest


def test_a_model_without_features_cannot_be(manifest: Manifest) -> None:
    with pytest.raises(ValueError, match="empty"):
        replace(manifest, features=())


def test_inputs_as_declared_are_accepted(manifest: Manifest, case: UseCase) -> None:
    manifest.check_inputs(case)


def test_another_order_of_features_is_refused(manifest: Manifest, case: UseCase) -> None:
    turned = replace(manifest, features=manifest.features[::-1])
    with pytest.raises(Refusal, match="the same names in another order"):
        turned.check_inputs(case)


def test_other_features_are_refused_by_name(manifest: Manifest, case: UseCase) -> None:
    other = replace(manifest, features=("age", *manifest.features[1:]))
    with pytest.raises(Refusal, match="it lacks socioeconomic_idx; it has age"):
        other.check_inputs(case)


def test_the_model_of_another_use_case_is_refused(manifest: Manifest, case: UseCase) -> None:
    with pytest.raises(Refusal, match="of 'telecom', not of 'first_day_churn'"):
        replace(manifest, use_case="telecom").check_inputs(case)


def test_the_newest_version_is_the_highest_number(folder: Path, tmp_path: Path) -> None:
    for name in ("9", "10", "draft"):
        model_folder(tmp_path, "first_day_churn", name).mkdir()
    assert newest_folder(tmp_path, "first_day_churn") == folder.with_name("10")


def test_where_there_is_no_version_the_refusal_says_how_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="PIPELINE_USE_CASE=no_such_case pipeline train"):
        newest_folder(tmp_path, "no_such_case")
