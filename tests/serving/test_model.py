from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import use_cases
from pipeline.declaration import ModelInputs
from pipeline.errors import Refusal
from pipeline.manifest import MODEL, read_manifest, sha256_of, write_model
from serving.model import Model

SHIPPED = Path(__file__).parents[2] / "models" / "first_day_churn" / "1"
CASE = use_cases.load("first_day_churn")
WIDTH = len(CASE.inputs)
SHIPPED_MODEL = Model.load(SHIPPED, CASE)


def rows(count: int, seed: int = 1) -> npt.NDArray[np.float64]:
    """Rows like those of players, with sums and counts that belong to no one in particular."""
    dice = np.random.default_rng(seed)
    made = dice.uniform(0, 2_000, (count, WIDTH))
    made[:, 0] = dice.integers(0, 8, count)
    made[:, [3, 7, 11]] = dice.integers(0, 60, (count, 3))
    return made


ROWS = rows(600)
WHOLE = SHIPPED_MODEL.score(ROWS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "first_day_churn" / "1"
    shutil.copytree(SHIPPED, copy)
    return copy


def put(folder: Path, content: bytes) -> Path:
    """The folder with another model in it, and the hash that belongs to it."""
    manifest = replace(read_manifest(folder), sha256=sha256_of(content))
    write_model(folder, manifest, content, "")
    return folder


def constant(probability: float, element: int = TensorProto.FLOAT, width: int = WIDTH) -> bytes:
    """A model that gives every row the same probability."""
    zeros = [helper.make_node("MatMul", ["features", "zeros"], ["nothing"])]
    add = [helper.make_node("Add", ["nothing", "both"], ["probabilities"])]
    graph = helper.make_graph(
        zeros + add,
        "constant",
        [helper.make_tensor_value_info("features", element, [None, width])],
        [helper.make_tensor_value_info("probabilities", element, [None, 2])],
        [
            helper.make_tensor("zeros", element, [width, 2], [0.0] * (2 * width)),
            helper.make_tensor("both", element, [2], [1 - probability, probability]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def test_it_says_which_model_it_is() -> None:
    manifest = read_manifest(SHIPPED)
    model = SHIPPED_MODEL
    assert (model.name, model.version) == ("first_day_churn", "1")
    assert (model.hash, model.threshold) == (manifest.sha256, manifest.threshold)
    assert model.features == CASE.inputs


def test_scores_are_probabilities_one_for_each_row() -> None:
    assert WHOLE.shape == (600,)
    assert WHOLE.dtype == np.float64
    assert ((WHOLE >= 0) & (WHOLE <= 1)).all()


def test_no_rows_give_no_scores() -> None:
    assert SHIPPED_MODEL.score(np.zeros((0, WIDTH))).shape == (0,)


def test_a_row_alone_scores_as_in_a_batch_to_the_last_bit() -> None:
    alone = np.concatenate([SHIPPED_MODEL.score(ROWS[n : n + 1]) for n in range(len(ROWS))])
    assert alone.tobytes() == WHOLE.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, len(ROWS)), max_size=12))
def test_any_split_into_batches_gives_the_same_bits(cuts: list[int]) -> None:
    parts = np.split(ROWS, sorted(cuts))
    split = np.concatenate([SHIPPED_MODEL.score(part) for part in parts])
    assert split.tobytes() == WHOLE.tobytes()


def test_the_order_of_rows_in_memory_makes_no_difference() -> None:
    assert SHIPPED_MODEL.score(np.asfortranarray(ROWS)).tobytes() == WHOLE.tobytes()


def test_winning_speaks_against_churn() -> None:
    row = ROWS[:1].copy()
    row[0, [0, 9, 10, 11, 12]] = [4, 0, 0, 0, 0]
    winner = row.copy()
    winner[0, [9, 10, 11, 12]] = [600, 200, 3, 0]
    assert SHIPPED_MODEL.score(winner)[0] < SHIPPED_MODEL.score(row)[0]


def test_at_the_threshold_it_says_churn() -> None:
    assert SHIPPED_MODEL.decide(SHIPPED_MODEL.threshold) == "churn"
    assert SHIPPED_MODEL.decide(np.nextafter(SHIPPED_MODEL.threshold, 0)) == "no churn"


@pytest.mark.parametrize("element", [TensorProto.FLOAT, TensorProto.DOUBLE])
def test_models_of_both_precisions_score(folder: Path, element: int) -> None:
    model = Model.load(put(folder, constant(0.25, element)), CASE)
    assert model.score(ROWS[:3]).tolist() == [0.25, 0.25, 0.25]


def test_a_changed_file_is_refused_before_the_runtime_sees_it(folder: Path) -> None:
    (folder / MODEL).write_bytes(b"not a model at all")
    with pytest.raises(Refusal, match="is not the file its manifest names"):
        Model.load(folder, CASE)


def test_what_is_no_model_is_refused(folder: Path) -> None:
    with pytest.raises(Refusal, match="cannot score"):
        Model.load(put(folder, b"not a model at all"), CASE)


@pytest.mark.parametrize("probability", [float("nan"), 1.5, -0.1])
def test_a_model_that_gives_no_probability_is_refused(folder: Path, probability: float) -> None:
    with pytest.raises(Refusal, match="no probability"):
        Model.load(put(folder, constant(probability)), CASE)


def test_a_model_of_another_width_is_refused(folder: Path) -> None:
    with pytest.raises(Refusal, match="cannot score"):
        Model.load(put(folder, constant(0.5, width=WIDTH + 1)), CASE)


def test_a_model_without_the_named_output_is_refused(folder: Path) -> None:
    manifest = replace(read_manifest(folder), probabilities="elsewhere")
    write_model(folder, manifest, (folder / MODEL).read_bytes(), "")
    with pytest.raises(Refusal, match="cannot score"):
        Model.load(folder, CASE)


def test_a_declaration_with_other_inputs_is_refused(folder: Path) -> None:
    turned = replace(CASE, model=ModelInputs(CASE.inputs[::-1]))
    with pytest.raises(Refusal, match="another order"):
        Model.load(folder, turned)


def test_a_copy_under_another_version_is_refused(folder: Path) -> None:
    copy = folder.with_name("2")
    shutil.copytree(folder, copy)
    with pytest.raises(Refusal, match="its manifest is that of version 1"):
        Model.load(copy, CASE)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="No such file"):
        Model.load(tmp_path, CASE)
