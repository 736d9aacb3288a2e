"""From the log to a dataset's rows, by DuckDB. Blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.control import Erase
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.parquet.files import again_if_replaced, position_of
from pipeline.parquet.format import schemas
from pipeline.parquet.rows import control_of
from pipeline.parquet.tables import open_topic
from pipeline.times import format_time
from pipeline.topics import Topics
from training.data.ages import ages_of
from training.data.dataset import LABEL, schema
from training.data.labels import LabelsBy, labels_sql, told_of
from training.witness import BORN

_EARLIEST = -(2**63)

_EPOCH = "SELECT {number} AS epoch, * FROM {view}_{number}"
_ALL_EPOCHS = "CREATE TEMP VIEW {view} AS {epochs}"

_EVENTS = """
CREATE TEMP VIEW events AS
SELECT epoch, "offset", {entity} AS entity, event_type, epoch_us(event_time) AS happened,
  {outcome} AS outcome, {born} AS born
FROM incoming
WHERE NOT replayed AND kind = 'event' AND event_time IS NOT NULL AND {entity} IS NOT NULL"""

_SCORES = """
CREATE TEMP TABLE scores AS
SELECT s.*, l.label, l.label_from, l.label_until, a.age, CASE
  WHEN s.{entity} IN (SELECT entity FROM erased) THEN 'of erased users'
  WHEN as_of IS NULL OR {missing} THEN 'without all inputs'
  WHEN epoch_us(as_of) < {start} THEN 'before the span'
  WHEN epoch_us(as_of) >= {cut} THEN 'after the span'
  WHEN l.entity IS NULL THEN 'of users without a label'
  WHEN l.label IS NULL THEN 'of users whose label is not known yet'
  WHEN epoch_us(as_of) > l.label_from THEN 'from within the time that decides the label'
  END AS left_out
FROM (
  SELECT epoch, "partition", "offset", id, {entity}, event_time, as_of, {inputs}
  FROM inferences WHERE NOT replayed AND kind = 'event' AND id IS NOT NULL
) s LEFT JOIN ({labels}) l ON l.entity = s.{entity} LEFT JOIN ages a ON a.entity = s.{entity}"""

_ROWS = """
SELECT {columns} FROM scores WHERE left_out IS NULL
ORDER BY epoch, "partition", "offset" """

_LEFT_OUT = """
SELECT left_out, count(*) FROM scores WHERE left_out IS NOT NULL GROUP BY ALL ORDER BY ALL"""

_RANGES = """
SELECT epoch, "partition", min("offset"), max("offset") FROM {view} GROUP BY ALL ORDER BY ALL"""


@dataclass(frozen=True, slots=True)
class Span:
    """The scores to take, by the moment they were made as of: from `start` on, before `until`.

    Microseconds. Nothing that happened at `until` or later tells a label either; without one all
    that is logged does.
    """

    start: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Built:
    """A dataset's rows, and what its JSON says of them."""

    rows: pa.Table
    source: dict[str, Any]


def build(case: UseCase, homes: Sequence[Path], kind: LabelsBy, span: Span) -> Built:
    """Every score of the span whose user has a label, in log order; of whoever was erased none.

    `homes` hold the topics of the log: one directory for each epoch, the oldest first. The same
    log gives the same. Holds the rows in memory. Raises Refusal where a rule needs removed files.
    """
    return again_if_replaced(lambda: _build(case, homes, kind, span))


def _build(case: UseCase, homes: Sequence[Path], kind: LabelsBy, span: Span) -> Built:
    with duckdb.connect() as db, _replaced_is_not_found():
        _open(db, case, homes)
        log = {
            topic: _ranges(db, view, [home / topic for home in homes])
            for view, topic in _views(case).items()
        }
        if kind is LabelsBy.rule:
            _check_whole(log[Topics.of(case).incoming])
        cut = _cut(db, span)
        db.register("ages", ages_of(db, cut))
        db.execute(_scores(case, kind, span, cut))
        rows = _rows(db, schema(case))
        source = {
            "source": f"the log of {case.name} until {format_time(cut)}",
            "use_case": case.name,
            "fingerprint": case.fingerprint,
            "entity": case.entity,
            "features": list(case.inputs),
            "labels": told_of(case, kind),
            "from": None if span.start is None else format_time(span.start),
            "until": format_time(cut),
            **_sizes(case, rows),
            "left_out": dict(db.sql(_LEFT_OUT).fetchall()),
            "log": log,
        }
    return Built(rows, source)


@contextmanager
def _replaced_is_not_found() -> Iterator[None]:
    """A file that was replaced while DuckDB had Arrow read it raises what opening it would."""
    try:
        yield
    except duckdb.Error as error:
        if "No such file" in str(error):
            raise FileNotFoundError(str(error)) from error
        raise


def _views(case: UseCase) -> dict[str, str]:
    topics = Topics.of(case)
    return {"incoming": topics.incoming, "inferences": topics.inferences}


def _open(db: duckdb.DuckDBPyConnection, case: UseCase, homes: Sequence[Path]) -> None:
    """Make the views `incoming`, `inferences` and `events`, and the table `erased`."""
    known = schemas(case)
    for view, topic in _views(case).items():
        for epoch, home in enumerate(homes):
            db.register(f"{view}_{epoch}", open_topic(home, topic, known[topic]))
        each = [_EPOCH.format(view=view, number=epoch) for epoch in range(len(homes))]
        db.execute(_ALL_EPOCHS.format(view=view, epochs=" UNION ALL ".join(each)))
    outcome = _quoted(case.outcome) if case.outcome else "NULL"
    born = BORN if BORN in known[Topics.of(case).incoming].names else "NULL"
    db.execute(_EVENTS.format(entity=_quoted(case.entity), outcome=outcome, born=born))
    found = db.sql("SELECT control FROM incoming WHERE control IS NOT NULL AND NOT replayed")
    controls = [control_of(text) for (text,) in found.fetchall()]
    erased = sorted({one.entity for one in controls if isinstance(one, Erase)})
    db.register("erased", pa.table({"entity": pa.array(erased, pa.string())}))


def _check_whole(ranges: Sequence[Mapping[str, Any]]) -> None:
    """Raises Refusal unless the first record that opens a rule's time must be in the log."""
    for one in ranges:
        if one["epoch"] == 0 and one["first"] > 0:
            raise Refusal(
                f"a rule of labels counts from an entity's first record, and those before offset "
                f"{one['first']} of partition {one['partition']} are in no Parquet file",
                "Put back the files that were removed, or use --labels outcome",
            )


def _cut(db: duckdb.DuckDBPyConnection, span: Span) -> int:
    """Before when what happened is known: the log is silent about what comes behind its end."""
    ((newest,),) = db.sql("SELECT max(happened) FROM events").fetchall()
    end = 0 if newest is None else newest + 1
    return end if span.until is None else min(span.until, end)


def _scores(case: UseCase, kind: LabelsBy, span: Span, cut: int) -> str:
    inputs = [_quoted(name) for name in case.inputs]
    return _SCORES.format(
        entity=_quoted(case.entity),
        inputs=", ".join(inputs),
        missing=" OR ".join(f"{one} IS NULL" for one in inputs),
        start=_EARLIEST if span.start is None else span.start,
        cut=cut,
        labels=labels_sql(case, kind, cut),
    )


def _rows(db: duckdb.DuckDBPyConnection, columns: pa.Schema) -> pa.Table:
    """What is not left out; moments that DuckDB has as numbers become times."""
    names = ", ".join(map(_quoted, columns.names))
    return db.sql(_ROWS.format(columns=names)).to_arrow_table().cast(columns)


def _sizes(case: UseCase, rows: pa.Table) -> dict[str, int]:
    churned = rows.filter(pc.equal(rows[LABEL], 1))
    return {
        "rows": len(rows),
        "users": pc.count_distinct(rows[case.entity]).as_py(),
        "users_churned": pc.count_distinct(churned[case.entity]).as_py(),
    }


def _ranges(
    db: duckdb.DuckDBPyConnection, view: str, homes: Sequence[Path]
) -> list[dict[str, Any]]:
    """The offsets of each partition of each epoch that the files hold."""
    found = db.sql(_RANGES.format(view=view)).fetchall()
    names = ("epoch", "partition", "first", "last")
    ranges = [dict(zip(names, one, strict=True)) for one in found]
    for one in ranges:
        position = position_of(homes[one["epoch"]], one["partition"])
        one["topic_id"] = position.topic_id if position else None
    return ranges


def _quoted(name: str) -> str:
    """A declared name as an identifier."""
    return '"' + name.replace('"', '""') + '"'
