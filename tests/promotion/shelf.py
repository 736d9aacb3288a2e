"""A folder of models: the shipped one, and others that know less."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper

import use_cases
from pipeline.clock import FixedClock
from pipeline.manifest import model_folder, read_manifest, sha256_of, write_model
from promotion.registrar import Registrar

CASE = use_cases.load("first_day_churn")
SHIPPED = Path(__file__).parents[2] / "models" / CASE.name / "1"
NOW = 1_767_323_045_000_000


def registrar(models: Path) -> Registrar:
    """Acts at a moment of 2026."""
    return Registrar(models, CASE, FixedClock(NOW))


def shelve(models: Path, version: str) -> Path:
    """The shipped model under a version."""
    folder = model_folder(models, CASE.name, version)
    shutil.copytree(SHIPPED, folder)
    manifest = replace(read_manifest(SHIPPED), version=version)
    write_model(folder, manifest, (SHIPPED / "model.onnx").read_bytes(), "")
    return folder


def shelve_guess(models: Path, version: str, probability: float) -> Path:
    """A model that gives everyone the same probability."""
    folder = model_folder(models, CASE.name, version)
    content = guess(probability)
    manifest = replace(read_manifest(SHIPPED), version=version, sha256=sha256_of(content))
    write_model(folder, manifest, content, "")
    return folder


def guess(probability: float) -> bytes:
    width = len(CASE.inputs)
    zeros = np.zeros(2 * width).tolist()
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "zeros"], ["nothing"]),
            helper.make_node("Add", ["nothing", "both"], ["probabilities"]),
        ],
        "guess",
        [helper.make_tensor_value_info("features", TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, [None, 2])],
        [
            helper.make_tensor("zeros", TensorProto.DOUBLE, [width, 2], zeros),
            helper.make_tensor("both", TensorProto.DOUBLE, [2], [1 - probability, probability]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    content: bytes = model.SerializeToString()
    return content
