"""Reading the log of a topic as one table, whatever files it is in.

Apart from `format`, because Arrow's datasets bring pandas with them: half of the time that the
logger would need to start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds

from pipeline.parquet.files import again_if_replaced, names
from pipeline.parquet.format import DATE, EVENT

ONCE = ~ds.field("replayed") & (ds.field("kind") == EVENT)
"""Keeps what the origin rule keeps, without control records."""


def open_topic(parquet_dir: Path, topic: str, schema: pa.Schema) -> ds.Dataset:
    """The files of a topic as they are now, with a `date` column; a missing column reads null.

    Reading it raises FileNotFoundError where files were replaced since: open it again. (Given the
    directory, Arrow would leave out what is replaced while it lists it.)
    """
    home = parquet_dir / topic
    files = sorted(f"{directory}/{name}" for name, directory in names(home))
    if not files:
        return ds.dataset(schema.append(DATE).empty_table())
    return ds.dataset(
        files,
        schema=schema.append(DATE),
        format="parquet",
        partitioning=ds.partitioning(pa.schema([DATE]), flavor="hive"),
        partition_base_dir=str(home),
    )


def read_once(
    parquet_dir: Path, topic: str, schema: pa.Schema, columns: Sequence[str] | None = None
) -> pa.Table:
    """Each event of a topic exactly once, in log order: by partition, then offset."""
    wanted = None if columns is None else [*dict.fromkeys((*columns, "partition", "offset"))]
    table = again_if_replaced(
        lambda: open_topic(parquet_dir, topic, schema).to_table(columns=wanted, filter=ONCE)
    )
    ordered = table.sort_by([("partition", "ascending"), ("offset", "ascending")])
    return ordered if columns is None else ordered.select(columns)
