"""The views that `sql` reads, as each engine makes them out of Parquet and CSV. Pure.

Of the log's epochs they show the current one.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pipeline.declaration import Integer, Lookup, UseCase
from pipeline.topics import Topics


class Engine(StrEnum):
    """Whose words the views are in."""

    duckdb = "duckdb"
    spark = "spark"


_DUCKDB_EVENTS = """CREATE OR REPLACE VIEW events AS
SELECT *, epoch_us(event_time) AS event_at,
  CASE WHEN control ->> '$.control' = 'erase' THEN control ->> '$.entity' END AS erased,
  CASE WHEN control ->> '$.control' = 'lookup' THEN control ->> '$.lookup' END AS loaded,
  control ->> '$.version' AS version
FROM read_parquet('{home}/date=*/*.parquet', union_by_name = true);
"""

_SPARK_EVENTS = """CREATE OR REPLACE TEMPORARY VIEW events AS
SELECT *, unix_micros(event_time) AS event_at,
  CASE WHEN get_json_object(control, '$.control') = 'erase'
    THEN get_json_object(control, '$.entity') END AS erased,
  CASE WHEN get_json_object(control, '$.control') = 'lookup'
    THEN get_json_object(control, '$.lookup') END AS loaded,
  get_json_object(control, '$.version') AS version
FROM parquet.`{home}`;
"""

_DUCKDB_LOOKUP = """CREATE OR REPLACE VIEW lookup_{name} AS
SELECT regexp_extract(filename, '([^/]+)[.]csv$', 1) AS version, {key}, {name}
FROM read_csv('{home}/*.csv', header = true, filename = true,
  columns = {{'{key}': '{kind}', '{name}': 'DOUBLE'}});
"""

_SPARK_LOOKUP = """CREATE OR REPLACE TEMPORARY VIEW lookup_{name} AS
SELECT regexp_extract(_metadata.file_path, '([^/]+)[.]csv$', 1) AS version,
  TRY_CAST(_c0 AS {kind}) AS {key}, TRY_CAST(_c1 AS DOUBLE) AS {name}
FROM csv.`{home}` WHERE TRY_CAST(_c1 AS DOUBLE) IS NOT NULL;
"""


def views_sql(case: UseCase, engine: Engine, parquet_dir: Path, lookups_dir: Path) -> str:
    """The statements that make the views for an engine, each ended by a semicolon."""
    home = (parquet_dir / Topics.of(case).incoming).absolute()
    duckdb = engine is Engine.duckdb
    events = (_DUCKDB_EVENTS if duckdb else _SPARK_EVENTS).format(home=home)
    form = _DUCKDB_LOOKUP if duckdb else _SPARK_LOOKUP
    tables = (lookups_dir / case.name).absolute()
    return events + "".join(
        form.format(
            name=one.name, key=one.key, kind=_kind(case, one, engine), home=tables / one.name
        )
        for one in case.lookups
    )


def _kind(case: UseCase, lookup: Lookup, engine: Engine) -> str:
    if isinstance(case.event(lookup.event).field(lookup.key), Integer):
        return "BIGINT"
    return {Engine.duckdb: "VARCHAR", Engine.spark: "STRING"}[engine]
