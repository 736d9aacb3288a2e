"""Puts the meaning of what is empty in front of a model, into its graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from pipeline.declaration.form import Form, Quantity
from training.conversion import INPUT

_MEANT, _EMPTY, _FILLED = "meant", "empty", "filled"


def filled_in(content: bytes, form: Form) -> bytes:
    """The model with each NaN among its inputs taken as what an empty field means.

    A field for which the form says nothing keeps its NaN. Other inputs give the answers of before.
    """
    model = onnx.load_model_from_string(content)
    graph = model.graph
    for node in graph.node:
        node.input[:] = [_FILLED if name == INPUT else name for name in node.input]
    nodes = [
        helper.make_node("IsNaN", [INPUT], [_EMPTY]),
        helper.make_node("Where", [_EMPTY, _MEANT, INPUT], [_FILLED]),
        *graph.node,
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    kind = helper.tensor_dtype_to_np_dtype(graph.input[0].type.tensor_type.elem_type)
    graph.initializer.append(numpy_helper.from_array(np.array([_meant(form)], kind), _MEANT))
    filled: bytes = model.SerializeToString(deterministic=True)
    return filled


def _meant(form: Form) -> Sequence[float]:
    return [
        one.empty if isinstance(one, Quantity) and one.empty is not None else np.nan
        for one in form.fields
    ]
