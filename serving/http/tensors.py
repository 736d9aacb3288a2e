"""Between the tensors of the Open Inference Protocol and the rows that a model scores. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.declaration import UseCase
from pipeline.declaration.form import Choice, Field, Form, Whole
from pipeline.declaration.form_reading import FormError, FormReader
from pipeline.declaration.possible import possible
from serving.http.problems import UNREADABLE, Issue, issues_of, wrong

MOST_ROWS = 10_000
MATRIX = "features"
_NUMBERS = ("FP64", "FP32", "INT64", "INT32")

Matrix = NDArray[np.float64]
_flat = msgspec.json.Decoder(list[float]).decode
_nested = msgspec.json.Decoder(list[list[float]]).decode
_texts = msgspec.json.Decoder(list[str]).decode


class Tensor(msgspec.Struct, frozen=True):
    """An input as it is sent: row-major, flat or nested."""

    name: str
    shape: list[int]
    datatype: str
    data: msgspec.Raw


class TensorShape(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a tensor must be; -1 is any number of rows. `columns` names those of a matrix."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    columns: tuple[str, ...] = ()


class Tensors(Protocol):
    """How the inputs of one model are sent."""

    @property
    def shapes(self) -> Sequence[TensorShape]:
        """The tensors it needs."""
        ...

    def rows(self, sent: Mapping[str, Tensor]) -> Matrix:
        """The rows to score. Raises Problem naming the tensor and what is wrong with it."""
        ...

    @property
    def example(self) -> list[dict[str, Any]]:
        """Tensors of one row, as JSON has them."""
        ...


class MatrixTensors:
    """One matrix of numbers, a column for each input of a case's model."""

    def __init__(self, case: UseCase) -> None:
        features, spans = case.inputs, possible(case)
        self._width = len(features)
        self._spans = [(name, spans[name]) for name in features]
        self._low = np.array([span.low for _, span in self._spans])
        self._high = np.array([span.high for _, span in self._spans])
        self._is_whole = np.array([span.is_whole for _, span in self._spans])
        self.shapes = (TensorShape(MATRIX, "FP64", (-1, self._width), tuple(features)),)

    @property
    def example(self) -> list[dict[str, Any]]:
        """A row of ones."""
        data = [1.0] * self._width
        return [{"name": MATRIX, "shape": [1, self._width], "datatype": "FP64", "data": data}]

    def rows(self, sent: Mapping[str, Tensor]) -> Matrix:
        """The matrix."""
        tensor = _only(sent, {MATRIX})[MATRIX]
        if len(tensor.shape) != 2 or tensor.shape[1] != self._width:  # noqa: PLR2004 - rows and columns
            raise _wrong(MATRIX, "wrong_shape", f"rows, {self._width}")
        _check_rows(tensor)
        if tensor.datatype not in _NUMBERS:
            raise _wrong(MATRIX, "wrong_datatype", ", ".join(_NUMBERS))
        values = np.asarray(_numbers(tensor), dtype=np.float64)
        _check_size(tensor, values.size)
        rows = values.reshape(tensor.shape)
        self._check(rows)
        return rows

    def _check(self, rows: Matrix) -> None:
        """Raises Problem naming each feature that cannot be so, and the first row where it is."""
        broken = self._is_whole & (rows != np.floor(rows))
        bad = (rows < self._low) | (rows > self._high) | broken
        if bad.any():
            raise wrong(
                *(
                    Issue("impossible_value", name, f"must be {span}", row=int(where.argmax()) + 1)
                    for (name, span), where in zip(self._spans, bad.T, strict=True)
                    if where.any()
                )
            )


class FormTensors:
    """One vector for each field: texts as BYTES, numbers as FP64 or whole ones as INT64."""

    def __init__(self, form: Form) -> None:
        self._reader = FormReader(form)
        self._fields = {field.name: field for field in form.fields}
        self.shapes = tuple(TensorShape(one.name, _datatype(one), (-1,)) for one in form.fields)

    @property
    def example(self) -> list[dict[str, Any]]:
        """The form's own example."""
        return [
            {"name": name, "shape": [1], "datatype": _datatype(one), "data": [one.example]}
            for name, one in self._fields.items()
        ]

    def rows(self, sent: Mapping[str, Tensor]) -> Matrix:
        """A row for each place in the vectors."""
        columns = {
            name: self._column(self._fields[name], tensor)
            for name, tensor in _only(sent, set(self._fields)).items()
        }
        if len({len(column) for column in columns.values()}) > 1:
            raise _wrong("inputs", "wrong_shape", "all of one length")
        requests = zip(*columns.values(), strict=True)
        return np.asarray(
            [
                self._row(dict(zip(columns, one, strict=True)), row)
                for row, one in enumerate(requests, 1)
            ],
            dtype=np.float64,
        )

    def _column(self, field: Field, tensor: Tensor) -> list[Any]:
        if tensor.shape not in ([prod(tensor.shape)], [prod(tensor.shape), 1]):
            raise _wrong(field.name, "wrong_shape", "rows, or rows, 1")
        _check_rows(tensor)
        text = isinstance(field, Choice)
        allowed = ("BYTES",) if text else _NUMBERS
        if tensor.datatype not in allowed:
            raise _wrong(field.name, "wrong_datatype", ", ".join(allowed))
        values = _strings(tensor) if text else _numbers(tensor)
        _check_size(tensor, len(values))
        return values

    def _row(self, request: Mapping[str, Any], row: int) -> Sequence[float]:
        try:
            return self._reader.row(request)
        except FormError as error:
            raise wrong(*issues_of(error, row)) from None


def _datatype(field: Field) -> str:
    if isinstance(field, Choice):
        return "BYTES"
    return "INT64" if isinstance(field, Whole) else "FP64"


def _only(sent: Mapping[str, Tensor], names: set[str]) -> Mapping[str, Tensor]:
    """What was sent, if it is all of these and nothing else."""
    issues = [
        *(Issue("missing_input", name) for name in sorted(names - sent.keys())),
        *([Issue("unknown_input", "inputs")] if sent.keys() - names else []),
    ]
    if issues:
        raise wrong(*issues)
    return sent


def _check_rows(tensor: Tensor) -> None:
    if not 1 <= tensor.shape[0] <= MOST_ROWS:
        raise _wrong(tensor.name, "wrong_number_of_rows", f"1 to {MOST_ROWS}")


def _check_size(tensor: Tensor, size: int) -> None:
    if size != prod(tensor.shape):
        raise _wrong(tensor.name, "wrong_number_of_values", f"{prod(tensor.shape)} by its shape")


def _numbers(tensor: Tensor) -> list[float]:
    try:
        return _flat(tensor.data)
    except UNREADABLE:
        pass
    try:
        return [value for row in _nested(tensor.data) for value in row]
    except UNREADABLE:
        raise _wrong(tensor.name, "not_numbers", "finite numbers, flat or row by row") from None


def _strings(tensor: Tensor) -> list[str]:
    try:
        return _texts(tensor.data)
    except UNREADABLE:
        raise _wrong(tensor.name, "not_texts", "a flat list of texts") from None


def _wrong(name: str, reason: str, detail: str) -> Exception:
    return wrong(Issue(reason, name, detail))
