"""The ways in which a model of scikit-learn may be given its rows, each with its way to ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from onnx import ModelProto
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

from training.candidates import Classifier
from training.conversion import INPUT, Unfit
from training.importing.columns import Column, Columns, encoded
from training.importing.fronts import with_columns, with_named_columns
from training.table import Floats

_OPSETS = {"": 21, "ai.onnx.ml": 3}
PRECISIONS = (DoubleTensorType, FloatTensorType)  # the more exact first

Precision = Callable[[list[int | None]], Any]
"""The numbers of a graph: doubles or single floats, in this shape."""


class Reading(Protocol):
    """How rows of the declared inputs come to a classifier."""

    def rows(self, inputs: Floats) -> Any:
        """What its `predict_proba` takes for inputs (rows, inputs)."""
        ...

    def graph(self, classifier: Classifier, width: int, precision: Precision) -> bytes:
        """It in ONNX, on a matrix of `width` inputs of this precision. Raises Unfit."""
        ...


@dataclass(frozen=True, slots=True)
class AsMatrix:
    """Rows of numbers, by position."""

    columns: Columns

    def rows(self, inputs: Floats) -> Floats:
        """The columns as a matrix."""
        return encoded(self.columns, inputs)

    def graph(self, classifier: Classifier, width: int, precision: Precision) -> bytes:
        """Its columns are made of the inputs in front of it."""
        types = [(INPUT, precision([None, len(self.columns)]))]
        return with_columns(_converted(classifier, types), self.columns, width)


@dataclass(frozen=True, slots=True)
class AsFrame:
    """A data frame with names, numbers and texts."""

    columns: Columns
    names: tuple[str, ...]

    def rows(self, inputs: Floats) -> pd.DataFrame:
        """The columns as a frame."""
        matrix = encoded(self.columns, inputs).T
        named = zip(self.names, self.columns, matrix, strict=True)
        return pd.DataFrame({name: _values(one, values) for name, one, values in named})

    def graph(self, classifier: Classifier, width: int, precision: Precision) -> bytes:
        """Its columns are made of the inputs, and its texts found, in front of it."""
        types = [
            (name, StringTensorType([None, 1]) if one.texts else precision([None, 1]))
            for name, one in zip(self.names, self.columns, strict=True)
        ]
        return with_named_columns(_converted(classifier, types), self.columns, self.names, width)


def readings(columns: Columns, names: tuple[str, ...] | None) -> tuple[Reading, ...]:
    """The ways that may fit, the simplest first. Texts come in frames only."""
    if names is None:
        return (AsMatrix(columns),)
    frame = AsFrame(columns, names)
    return (frame,) if any(one.texts for one in columns) else (AsMatrix(columns), frame)


def _values(column: Column, values: Floats) -> Any:
    if not column.texts:
        return values
    return np.array(column.texts, dtype=object)[values.astype(np.int64)]


def _converted(classifier: Classifier, types: list[tuple[str, Any]]) -> bytes:
    try:
        model: ModelProto = convert_sklearn(
            classifier,
            name="churn",  # it would take a random one
            initial_types=types,
            options={id(classifier): {"zipmap": False}},
            target_opset=_OPSETS,
        )
    except Exception as error:  # the converters' errors have no common class
        raise Unfit(f"no conversion to ONNX: {error}") from error
    model.opset_import.sort(key=lambda one: one.domain)  # they come out of a set
    content: bytes = model.SerializeToString(deterministic=True)
    return content
