"""Lines of JSON into columns. Never fails: what is not of the expected shape is kept as bytes.

Each line is decoded alone, so no line can shift another onto a wrong offset. The decoder refuses
whatever has another field or type than declared; only such a line is looked at a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
import pyarrow as pa

from inference_logger.split import Document, Misfit
from inference_logger.structs import Struct

Columns = dict[str, Any]  # of Arrow arrays


class Shape(Protocol):
    """One kind of JSON record."""

    @property
    def decode(self) -> Callable[[bytes], Struct]:
        """A line with the declared fields and no others, as a struct.

        Raises msgspec.DecodeError or UnicodeDecodeError for any other line.
        """
        ...

    @property
    def nothing(self) -> Struct:
        """What stands for a line that is not of this kind: it becomes nulls."""
        ...

    def split(self, document: Document) -> tuple[Struct, Document]:
        """A parsed line as a struct, and what has no place in it. Raises Misfit."""
        ...

    def columns(self, structs: Sequence[Struct]) -> Columns:
        """The typed columns. Raises pa.ArrowInvalid for a time or a count that is none."""
        ...


class _Odd(NamedTuple):
    """A line that the decoder refused: as a struct with JSON text of the rest, or as bytes."""

    struct: Struct
    extra: str | None = None
    raw: bytes | None = None


def decode(shape: Shape, lines: Sequence[bytes | None]) -> Columns:
    """A row for each line: the shape's columns, `extra` and `raw`; None gives nulls.

    `extra` is JSON text of the fields that have no column. A line that is not of this shape is
    kept as bytes in `raw`.
    """
    odd: dict[int, _Odd] = {}
    structs = _structs(shape, lines, odd)
    try:
        columns = shape.columns(structs)
    except pa.ArrowInvalid:
        odd = {index: _look_at(shape, line) for index, line in enumerate(lines)}
        columns = shape.columns([one.struct for one in odd.values()])
    extra = {index: one.extra for index, one in odd.items()}
    raw = {index: one.raw for index, one in odd.items()}
    return {
        **columns,
        "extra": sparse(extra, len(lines), pa.string()),
        "raw": sparse(raw, len(lines), pa.binary()),
    }


def _structs(shape: Shape, lines: Sequence[bytes | None], odd: dict[int, _Odd]) -> Sequence[Struct]:
    read = shape.decode
    structs: list[Struct] = []
    for index, line in enumerate(lines):
        try:
            structs.append(read(line))  # type: ignore[arg-type] # a None raises TypeError
        except (ValueError, TypeError, RecursionError):  # of JSON, of bytes, a None, of nesting
            odd[index] = _look_at(shape, line)
            structs.append(odd[index].struct)
    return structs


def _look_at(shape: Shape, line: bytes | None) -> _Odd:
    if line is None:
        return _Odd(shape.nothing)
    try:
        struct, extra = shape.split(_object(line))
        return _Odd(struct, orjson.dumps(extra).decode() if extra else None)
    except (Misfit, orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _Odd(shape.nothing, raw=line)


def _object(line: bytes) -> Document:
    document = orjson.loads(line)
    if not isinstance(document, dict):
        raise Misfit
    return document


def sparse(values: Mapping[int, Any], length: int, kind: pa.DataType) -> pa.Array:
    """A column of so many values, nearly all of which are null."""
    if not values:
        return pa.nulls(length, kind)
    return pa.array([values.get(index) for index in range(length)], kind)
