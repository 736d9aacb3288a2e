"""A manifest becomes parameters and metrics that MLflow takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlflow_bridge.figures import figures, parameters
from mlflow_bridge.tracking import Figure
from pipeline.manifest import Manifest, read_manifest
from tests.mlflow_bridge.shelf import SHIPPED


def manifest(**fields: Any) -> Manifest:
    nothing: dict[str, Any] = {"metrics": {}, "calibration": {}, "fairness": {}}
    return replace(read_manifest(SHIPPED), **(nothing | fields))


def test_a_number_is_a_metric_by_its_path() -> None:
    found = figures(manifest(metrics={"log_loss": 0.25, "optimum": {"auc": 1}}))
    assert found == [Figure("log_loss", 0.25), Figure("optimum.auc", 1.0)]


def test_what_is_not_known_is_no_metric() -> None:
    assert figures(manifest(metrics={"auc": None, "kind": "forest", "good": True})) == []


def test_a_list_becomes_curves_over_what_its_rows_name_first() -> None:
    rows = [{"scores": 1, "auc": 0.7}, {"scores": 5, "auc": 0.8}]
    found = figures(manifest(metrics={"how_early": rows}))
    assert found == [Figure("how_early.auc", 0.7, 1), Figure("how_early.auc", 0.8, 5)]


def test_groups_stand_in_the_names_as_far_as_mlflow_takes_them() -> None:
    groups = {"age": {"groups": [{"group": "30 to <45", "accuracy": 0.9}]}}
    assert figures(manifest(fairness=groups)) == [
        Figure("fairness.age.groups.30 to _45.accuracy", 0.9)
    ]


def test_calibration_and_fairness_are_metrics_too() -> None:
    found = figures(manifest(calibration={"slope": 1.01}, fairness={"gap": 0.1}))
    assert found == [Figure("calibration.slope", 1.01), Figure("fairness.gap", 0.1)]


def test_parameters_say_what_the_model_was_made_with() -> None:
    found = parameters(manifest(training={"users": 8000}, libraries={"onnx": "1.23"}))
    assert found["training.users"] == "8000"
    assert found["libraries.onnx"] == "1.23"
    assert found["features"].startswith("socioeconomic_idx,purchase_sum,")


def test_a_parameter_is_cut_to_what_mlflow_takes() -> None:
    assert len(parameters(manifest(training={"source": "x" * 10_000}))["training.source"]) == 6_000
