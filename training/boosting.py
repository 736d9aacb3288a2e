"""Histogram gradient boosting in ONNX: skl2onnx cannot hold what today's scikit-learn learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, TensorProto, helper, numpy_helper

from pipeline.errors import PipelineError

OPSETS = {"": 21, "ai.onnx.ml": 5}  # 5 has trees in double precision

_SUM, _LEQ = 1, 0  # TreeEnsemble's numbers for its way to aggregate, and for `value <= split`
_IR = 10


class Unsupported(PipelineError):
    """A boosted model that holds what the conversion does not know."""


class _Branch(NamedTuple):
    """An inner node; a child is a leaf's number, or a branch's, among all of the model's."""

    feature: int
    split: float
    missing_left: bool
    left: int
    left_is_leaf: bool
    right: int
    right_is_leaf: bool


def boosting_to_onnx(model: Any, width: int, names: tuple[str, str]) -> ModelProto:
    """The graph of a fitted HistGradientBoostingClassifier of two classes without categories.

    Takes `width` doubles a row as `names[0]`; gives both classes' probabilities as `names[1]`.
    """
    if model.is_categorical_ is not None or model.n_trees_per_iteration_ != 1:
        raise Unsupported("only numbers and two classes can be held")
    features, probabilities = names
    graph = helper.make_graph(
        [
            _trees([one for (one,) in model._predictors], features),  # noqa: SLF001 - nowhere else
            helper.make_node("Add", ["sums", "baseline"], ["log_odds"]),
            helper.make_node("Softmax", ["log_odds"], [probabilities], axis=1),
        ],
        "churn",
        [helper.make_tensor_value_info(features, TensorProto.DOUBLE, [None, width])],
        [helper.make_tensor_value_info(probabilities, TensorProto.DOUBLE, [None, 2])],
        [_doubles("baseline", [[0.0, model._baseline_prediction.item()]])],  # noqa: SLF001 - as above
    )
    opsets = [helper.make_opsetid(domain, number) for domain, number in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=_IR)


def _trees(predictors: Sequence[Any], features: str) -> Any:
    """The node that sums the leaves which a row falls into, for class 1; class 0 stays 0."""
    trees = [predictor.nodes for predictor in predictors]
    branches, leaves, roots = list[_Branch](), list[float](), list[int]()
    for nodes in trees:
        if nodes[0]["is_leaf"]:
            raise Unsupported("a tree without a split cannot be held")
        roots.append(len(branches))
        branches.extend(_branches(nodes, len(branches), len(leaves)))
        leaves.extend(nodes["value"][nodes["is_leaf"] == 1].tolist())
    return helper.make_node(
        "TreeEnsemble",
        [features],
        ["sums"],
        domain="ai.onnx.ml",
        aggregate_function=_SUM,
        n_targets=2,
        tree_roots=roots,
        nodes_modes=numpy_helper.from_array(np.full(len(branches), _LEQ, dtype=np.uint8)),
        nodes_featureids=[one.feature for one in branches],
        nodes_splits=_doubles("splits", [one.split for one in branches]),
        nodes_missing_value_tracks_true=[int(one.missing_left) for one in branches],
        nodes_truenodeids=[one.left for one in branches],
        nodes_trueleafs=[int(one.left_is_leaf) for one in branches],
        nodes_falsenodeids=[one.right for one in branches],
        nodes_falseleafs=[int(one.right_is_leaf) for one in branches],
        leaf_weights=_doubles("weights", leaves),
        leaf_targetids=[1] * len(leaves),
    )


def _branches(nodes: npt.NDArray[Any], branches: int, leaves: int) -> Iterator[_Branch]:
    """A tree's inner nodes; so many `branches` and `leaves` of the model stand before its own."""
    is_leaf = nodes["is_leaf"] == 1
    place = np.where(is_leaf, leaves + is_leaf.cumsum(), branches + (~is_leaf).cumsum()) - 1
    for node in nodes[~is_leaf]:
        left, right = int(node["left"]), int(node["right"])
        yield _Branch(
            feature=int(node["feature_idx"]),
            split=float(node["num_threshold"]),
            missing_left=bool(node["missing_go_to_left"]),
            left=int(place[left]),
            left_is_leaf=bool(is_leaf[left]),
            right=int(place[right]),
            right_is_leaf=bool(is_leaf[right]),
        )


def _doubles(name: str, values: Any) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype=np.float64), name)
