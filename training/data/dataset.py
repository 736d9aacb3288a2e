"""A dataset's two files: rows in Parquet, and beside it, as JSON, where they came from.

A row is one score as it was logged: its `id`, whose it is, `event_time`, `as_of`, the model's
inputs in the declaration's order, and `label`: 1 churned, 0 stayed. Where a rule gave the label,
`label_from` and `label_until` bound the time that decided it. `age` is in whole years, to tell
errors by and never for a model; null where it is not known. Rows are in log order.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.declaration import UseCase
from pipeline.disk import make_directory, write_whole
from pipeline.errors import Refusal
from pipeline.manifest import sha256_of
from pipeline.parquet.format import INSTANT, feature_fields, write
from training.data.ages import AGE_TYPE
from training.table import Floats, Table
from training.witness import AGE

ID, EVENT_TIME, AS_OF = "id", "event_time", "as_of"
LABEL, LABEL_FROM, LABEL_UNTIL = "label", "label_from", "label_until"
OWN = (ID, EVENT_TIME, AS_OF, LABEL, LABEL_FROM, LABEL_UNTIL)
"""The columns that are neither an input nor whose the score is."""

_NEEDED = {"use_case", "entity", "features", "sha256"}
_AGAIN = "Make it again: pipeline dataset"


@dataclass(frozen=True, slots=True)
class Dataset:
    """The rows to learn from, and where they came from: what the JSON file says."""

    table: Table
    source: Mapping[str, Any]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the input columns, in their order."""
        return tuple(self.source["features"])

    def check(self, case: UseCase) -> None:
        """Raises Refusal unless its rows are what the model of `case` reads."""
        if (self.source["use_case"], self.features) != (case.name, case.inputs):
            raise Refusal(
                f"the dataset holds inputs of {self.source['use_case']} that are not those of "
                f"{case.name} as it is declared now",
                "Make it again: pipeline dataset",
            )


def schema(case: UseCase) -> pa.Schema:
    """The columns of a dataset of `case`."""
    inputs = {one.name: one for one in feature_fields(case)}
    return pa.schema(
        [
            pa.field(ID, pa.string()),
            pa.field(case.entity, pa.string()),
            pa.field(EVENT_TIME, INSTANT),
            pa.field(AS_OF, INSTANT),
            *(inputs[name] for name in case.inputs),
            pa.field(LABEL, pa.int64()),
            pa.field(LABEL_FROM, INSTANT),
            pa.field(LABEL_UNTIL, INSTANT),
            pa.field(AGE, AGE_TYPE),
        ]
    )


def write_dataset(path: Path, rows: pa.Table, source: Mapping[str, Any]) -> None:
    """Write both files, each whole or not at all, the JSON last; adds the rows' SHA-256 to it."""
    buffer = io.BytesIO()
    write(rows, buffer)
    content = buffer.getvalue()
    make_directory(path.parent)
    write_whole(path, content)
    said = {**source, "sha256": sha256_of(content)}
    write_whole(source_path(path), f"{json.dumps(said, indent=2)}\n".encode())


def read_dataset(path: Path) -> Dataset:
    """The dataset at `path`. Raises Refusal where a file is missing, or not what the other says."""
    source = read_source(path)
    return Dataset(table_of(read_rows(path, source), source), source)


def read_source(path: Path) -> dict[str, Any]:
    """What the JSON file beside `path` says. Raises Refusal where either is missing."""
    if not path.is_file():
        raise Refusal(f"there is no dataset {path}", _AGAIN)
    beside = source_path(path)
    try:
        said = json.loads(_read(beside))
    except ValueError:
        said = None
    if not isinstance(said, dict) or not said.keys() >= _NEEDED:
        raise Refusal(f"{beside} does not say what a dataset is", _AGAIN)
    return said


def read_rows(path: Path, source: Mapping[str, Any]) -> pa.Table:
    """Every column of the Parquet file. Raises Refusal unless it is the one `source` names."""
    content = _read(path)
    if sha256_of(content) != source["sha256"]:
        raise Refusal(f"{path} is not the file that {source_path(path).name} names", _AGAIN)
    return pq.read_table(pa.BufferReader(content))


def table_of(rows: pa.Table, source: Mapping[str, Any]) -> Table:
    """The rows as training reads them; users are numbered in the order in which they come."""
    owners = pc.dictionary_encode(rows[source["entity"]].combine_chunks())
    columns = [rows[name].cast(pa.float64()).to_numpy() for name in source["features"]]
    return Table(
        inputs=np.ascontiguousarray(np.column_stack(columns)),
        labels=rows[LABEL].to_numpy(),
        users=owners.indices.cast(pa.int64()).to_numpy(),
        entities=tuple(owners.dictionary.to_pylist()),
        beside=_beside(rows),
    )


def _beside(rows: pa.Table) -> dict[str, Floats]:
    """Ages, which datasets of before do not have."""
    return {AGE: rows[AGE].cast(pa.float64()).to_numpy()} if AGE in rows.column_names else {}


def source_path(path: Path) -> Path:
    """Where the JSON file of the dataset at `path` is."""
    return path.with_suffix(".json")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror or 'it cannot be read'}", _AGAIN) from error
