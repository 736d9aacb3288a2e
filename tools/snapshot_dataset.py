"""A snapshot's scores as a dataset, as `pipeline dataset` would write it: a step of dvc.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer

import use_cases
from pipeline.declaration import UseCase
from tools.snapshot import About, Snapshot, read_about
from training.data.dataset import ID, LABEL, schema, write_dataset
from training.source import table_of_world
from training.table import Table


def main(
    folder: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="The snapshot's folder.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file.")],
) -> None:
    """Fold a snapshot, and write its scores with their labels. The same one gives the same bytes.

    Example: python -m tools.snapshot_dataset snapshot churn.parquet
    """
    about = read_about(folder)
    case = use_cases.load(about.use_case)
    table = table_of_world(case, Snapshot(folder, case), about.end)
    write_dataset(out, rows_of(case, table), source_of(case, about, table))
    typer.echo(f"{out}: {len(table.labels):,} scores of {table.count_users():,} users")


def rows_of(case: UseCase, table: Table) -> pa.Table:
    """The table's rows in its order; of what only a log tells, nothing."""
    known: dict[str, Any] = {
        ID: [str(number) for number in range(len(table.labels))],
        case.entity: np.array(table.entities, dtype=object)[table.users],
        LABEL: table.labels,
        **{name: table.inputs[:, place] for place, name in enumerate(case.inputs)},
    }
    columns = [
        pa.array(known[one.name]).cast(one.type)
        if one.name in known
        else pa.nulls(len(table.labels), one.type)
        for one in schema(case)
    ]
    return pa.Table.from_arrays(columns, schema=schema(case))


def source_of(case: UseCase, about: About, table: Table) -> dict[str, Any]:
    """What stands beside the rows in JSON."""
    return {
        "source": about.source,
        "use_case": case.name,
        "fingerprint": case.fingerprint,
        "entity": case.entity,
        "features": list(case.inputs),
        "rows": len(table.labels),
        "users": table.count_users(),
    }


if __name__ == "__main__":
    typer.run(main)
