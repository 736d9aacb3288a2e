"""How old each entity was, out of the log: for reports and gates, never for a model."""

from __future__ import annotations

import math

import duckdb
import pyarrow as pa

from training.witness import AGE, years_at

AGE_TYPE = pa.int16()

_BORN = """
SELECT entity, arg_max(born, (epoch, "offset")), arg_max(happened, (epoch, "offset"))
FROM events WHERE born IS NOT NULL AND happened < {cut}
GROUP BY ALL"""


def ages_of(db: duckdb.DuckDBPyConnection, cut: int) -> pa.Table:
    """Whole years of each `entity` at the last date of birth told before `cut` (microseconds).

    Reads the view `events`; null where what was told is no date.
    """
    told = db.sql(_BORN.format(cut=cut)).fetchall()
    ages = [_whole(years_at(born, at)) for _, born, at in told]
    entities = pa.array([entity for entity, _, _ in told], pa.string())
    return pa.table({"entity": entities, AGE: pa.array(ages, AGE_TYPE)})


def _whole(years: float) -> int | None:
    return None if math.isnan(years) else math.floor(years)
