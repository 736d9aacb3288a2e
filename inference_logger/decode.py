"""Lines of JSON into columns: many at once where that is sound, else one by one. Never fails.

Arrow's reader takes a stream of documents, not lines. It is asked only when the lines joined have
a line break nowhere but between } and {. There a document ends, because inside one no } is
followed by white space and {, and text holds no raw line break. So every line holds at least one
document, and as many rows as lines means one document a line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from inference_logger.shapes import Shape
from inference_logger.split import Document, Misfit

_LINES_AT_ONCE = 16_384  # Arrow's reader takes at most 100,000 rows of one block


def decode(shape: Shape, lines: Sequence[bytes | None]) -> pa.Table:
    """One row for each line: `shape.typed`, then `extra` (JSON text of what has no column there).

    A line that is not of this shape is kept as bytes in the last column, `raw`. None gives nulls.
    """
    present = [line for line in lines if line is not None]
    chunks = [
        _decode_chunk(shape, present[start : start + _LINES_AT_ONCE])
        for start in range(0, len(present), _LINES_AT_ONCE)
    ]
    schema = pa.schema([*shape.typed, ("extra", pa.string()), ("raw", pa.binary())])
    table = pa.concat_tables([schema.empty_table(), *chunks])
    if len(present) == len(lines):
        return table
    return _spread(table, [line is not None for line in lines])


def _decode_chunk(shape: Shape, lines: list[bytes]) -> pa.Table:
    try:
        typed = shape.columns(read_together(shape.wire, lines))
        extra, raw = pa.nulls(len(lines), pa.string()), pa.nulls(len(lines), pa.binary())
    except (Misfit, pa.ArrowException):
        return decode_one_by_one(shape, lines)
    return typed.append_column("extra", extra).append_column("raw", raw)


def read_together(wire: pa.Schema, lines: Sequence[bytes]) -> pa.Table:
    """One row of `wire` for each line. Raises Misfit or an ArrowException when in any doubt."""
    joined = b"\n".join(lines)
    breaks = len(lines) - 1
    if not joined.startswith(b"{"):
        raise Misfit
    if joined.count(b"\n") != breaks or joined.count(b"}\n{") != breaks:
        raise Misfit
    table = pj.read_json(
        pa.BufferReader(joined),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(joined) + 1),
        parse_options=pj.ParseOptions(explicit_schema=wire, unexpected_field_behavior="error"),
    )
    if len(table) != len(lines):
        raise Misfit
    _refuse_what_json_forbids(table)
    return table


def decode_one_by_one(shape: Shape, lines: Sequence[bytes]) -> pa.Table:
    """The same as `decode`, line by line."""
    documents = [_parse(shape, line) for line in lines]
    good = [document for document in documents if document is not None]
    typed = shape.columns(pa.Table.from_pylist([known for known, _ in good], schema=shape.wire))
    extra = pa.array([text for _, text in good], pa.string())
    table = _spread(
        typed.append_column("extra", extra), [document is not None for document in documents]
    )
    raw = [None if document else line for line, document in zip(lines, documents, strict=True)]
    return table.append_column("raw", pa.array(raw, pa.binary()))


def _parse(shape: Shape, line: bytes) -> tuple[Document, str | None] | None:
    """A row of the wire schema and the JSON text of the rest; None if it is not of this shape."""
    try:
        document = orjson.loads(line)
        if not isinstance(document, dict):
            return None
        known, extra = shape.split(document)
        return known, orjson.dumps(extra).decode() if extra else None
    except (Misfit, orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None


def _refuse_what_json_forbids(table: pa.Table) -> None:
    """Arrow's reader lets text pass that is not UTF-8, and NaN and infinity."""
    table.validate(full=True)
    for column in table.flatten().itercolumns():
        if pa.types.is_floating(column.type) and not math.isfinite(pc.sum(column).as_py() or 0):
            raise Misfit


def _spread(table: pa.Table, filled: Sequence[bool]) -> pa.Table:
    """The rows of `table` where `filled`, in order, and rows of nulls elsewhere."""
    rows = iter(range(len(table)))
    return table.take(pa.array([next(rows) if one else None for one in filled], pa.int64()))
