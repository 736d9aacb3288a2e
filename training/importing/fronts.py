"""Puts in front of a graph what makes its columns of the declared inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from training.conversion import INPUT
from training.importing.columns import Columns, are_plain, levels

_PICKED, _FOUND, _ONES, _ENCODED = "columns_picked", "level_found", "level_ones", "columns_encoded"
_PLACES, _LEVELS, _PLAIN = "columns_places", "columns_levels", "columns_plain"
_PART, _TEXTS = "{} as a number", "texts of {}"


def with_columns(content: bytes, columns: Columns, width: int) -> bytes:
    """The graph, which reads `columns` in one matrix, for the matrix of all `width` inputs."""
    model = onnx.load_model_from_string(content)
    for node in model.graph.node:
        node.input[:] = [_ENCODED if name == INPUT else name for name in node.input]
    return _in_front(model, columns, width, [])


def with_named_columns(content: bytes, columns: Columns, names: Sequence[str], width: int) -> bytes:
    """The same for a graph that reads each column under a name of its own."""
    model = onnx.load_model_from_string(content)
    nodes = []
    for place, (name, one) in enumerate(zip(names, columns, strict=True)):
        part, index = (_PART.format(name) if one.texts else name), f"place of {name}"
        model.graph.initializer.append(numpy_helper.from_array(np.array([place]), index))
        nodes.append(helper.make_node("Gather", [_ENCODED, index], [part], axis=1))
        if one.texts:
            model.graph.initializer.append(_texts(name, one.texts))
            nodes.extend(_as_text(name))
    return _in_front(model, columns, width, nodes)


def _in_front(
    model: onnx.ModelProto, columns: Columns, width: int, more: Sequence[NodeProto]
) -> bytes:
    graph = model.graph
    kind = _number_kind(graph)
    nodes = [*_encoding(kind), *more, *graph.node]
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    graph.input.append(helper.make_tensor_value_info(INPUT, kind, [None, width]))
    graph.initializer.extend(_constants(columns, kind))
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _encoding(kind: int) -> list[NodeProto]:
    """As `training.importing.columns.encoded`."""
    return [
        helper.make_node("Gather", [INPUT, _PLACES], [_PICKED], axis=1),
        helper.make_node("Equal", [_PICKED, _LEVELS], [_FOUND]),
        helper.make_node("Cast", [_FOUND], [_ONES], to=kind),
        helper.make_node("Where", [_PLAIN, _PICKED, _ONES], [_ENCODED]),
    ]


def _constants(columns: Columns, kind: int) -> list[TensorProto]:
    places = np.array([one.place for one in columns], dtype=np.int64)
    dtype = helper.tensor_dtype_to_np_dtype(kind)
    return [
        numpy_helper.from_array(places, _PLACES),
        numpy_helper.from_array(levels(columns).astype(dtype), _LEVELS),
        numpy_helper.from_array(are_plain(columns), _PLAIN),
    ]


def _texts(name: str, texts: Sequence[str]) -> TensorProto:
    return numpy_helper.from_array(np.array(texts, dtype=np.object_), _TEXTS.format(name))


def _as_text(name: str) -> list[NodeProto]:
    """The text at the place that a column's number names; in operators that every version has."""
    whole = f"{name} as a whole number"
    return [
        helper.make_node("Cast", [_PART.format(name)], [whole], to=TensorProto.INT64),
        helper.make_node("Gather", [_TEXTS.format(name), whole], [name], axis=0),
    ]


def _number_kind(graph: onnx.GraphProto) -> int:
    """The type of the inputs that are numbers; doubles where all are texts."""
    kinds = [one.type.tensor_type.elem_type for one in graph.input]
    return next((kind for kind in kinds if kind != TensorProto.STRING), TensorProto.DOUBLE)
