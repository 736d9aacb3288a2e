"""The features of a declaration as one SQL text, for engines that read the log in Parquet. Pure.

It is written in what DuckDB and Spark have in common, over views that each engine makes in its own
words (`sql_views`): `events`, the log of `incoming-events` with event times in microseconds and
control records taken apart, and `lookup_<name>`, the tables of a lookup.

Columns are named with their table throughout: `offset` alone is a reserved word in one of the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.declaration import Aggregation, Lookup, Text, UseCase
from pipeline.errors import Refusal
from pipeline.times import HOUR
from pipeline.windows import TILES, FirstDay, Rolling
from pipeline.windows.kept import MOST_DISTINCT

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_STATISTICS = {
    "sum": "COALESCE(SUM({x}), 0e0)",
    "mean": "COALESCE(AVG({x}), 0e0)",
    "count": "COUNT({x})",
    "var": "CASE WHEN COUNT({x}) > 1 THEN VAR_SAMP({x}) ELSE 0e0 END",
    "min": "COALESCE(MIN({x}), 0e0)",
    "max": "COALESCE(MAX({x}), 0e0)",
    "last": "COALESCE(MAX(CASE WHEN t.back = 1 THEN {x} END), 0e0)",
    "distinct": f"LEAST(COUNT(DISTINCT {{x}}), {MOST_DISTINCT})",
}

_LOG = """erased AS (
SELECT e.erased AS entity, MAX(e.offset) AS place
FROM events e WHERE NOT e.replayed AND e.erased IS NOT NULL
GROUP BY e.erased
), fit AS (
SELECT e.{entity} AS entity, e.partition AS part, e.offset AS place,
  e.event_type AS what, e.event_at AS happened, e.event_id AS id{fields}
FROM events e LEFT JOIN erased x ON x.entity = e.{entity}
WHERE NOT e.replayed AND e.kind = 'event' AND e.event_at IS NOT NULL
    AND e.{entity} IS NOT NULL AND e.event_type IN ({kinds})
    AND (x.place IS NULL OR e.offset > x.place){needed}
), numbered AS (
SELECT f.*, ROW_NUMBER() OVER (PARTITION BY f.entity, f.id ORDER BY f.place) AS nth
FROM fit f
), counted AS (
SELECT n.*, SUM(CASE WHEN n.id IS NOT NULL AND n.nth = 1 THEN 1 ELSE 0 END)
    OVER (PARTITION BY n.entity ORDER BY n.place ROWS UNBOUNDED PRECEDING) AS ids
FROM numbered n
), spaced AS (
SELECT c.*, c.id IS NOT NULL AND c.nth > 1 AS again,
  c.ids - MIN(c.ids) OVER (PARTITION BY c.entity, c.id) AS ids_since
FROM counted c
), judged AS (
SELECT s.*, SUM(CASE WHEN s.again AND s.ids_since >= {recent} THEN 1 ELSE 0 END)
    OVER (PARTITION BY s.entity) AS far
FROM spaced s
), fresh AS (
SELECT j.*, MAX(j.happened) OVER (PARTITION BY j.entity) AS newest,
  ROW_NUMBER() OVER (PARTITION BY j.entity, j.what ORDER BY j.happened DESC, j.place DESC)
    AS back{places}
FROM judged j WHERE NOT j.again
), opened AS (
SELECT f.*{openings}
FROM fresh f
)"""

_LOOKUP = """asking_{number} AS (
SELECT o.entity, o.part, o.place, o.f_{key} AS code,
  ROW_NUMBER() OVER (PARTITION BY o.entity ORDER BY o.place DESC) AS back
FROM opened o WHERE o.what = '{event}'
), asked_{number} AS (
SELECT q.entity, q.part, q.code, MAX(l.offset) AS loaded
FROM asking_{number} q JOIN events l ON l.partition = q.part AND l.offset < q.place
WHERE q.back = 1 AND NOT l.replayed AND l.loaded = '{name}'
GROUP BY q.entity, q.part, q.code
), found_{number} AS (
SELECT a.entity, t.{name} AS value
FROM asked_{number} a
JOIN events l ON l.partition = a.part AND l.offset = a.loaded
JOIN lookup_{name} t ON t.version = l.version AND t.{key} = a.code
)"""


def features_sql(case: UseCase, as_of: int | None = None) -> str:
    """One row for each entity: its features as of a moment (us), or of its newest event if later.

    `far_repeats` counts events that the fold has taken in and this text has not: their ids had come
    before, with `remembered_ids` others in between. Raises Refusal for names that are none in SQL.
    """
    _refuse_odd_names(case)
    moment = "its newest event" if as_of is None else f"{as_of} us, or its newest event if later"
    steps = [_log(case), *_lookups(case), _taken(case, as_of)]
    told = {name: text for one in case.aggregations for name, text in _told(one)}
    told |= {one.name: _looked_up(number, one) for number, one in enumerate(case.lookups)}
    columns = [
        f"t.entity AS {case.entity}",
        *(f"{told[name]} AS {name}" for name in case.features),
        "MAX(t.far) AS far_repeats",
    ]
    tables = [
        "taken t",
        *(
            f"LEFT JOIN found_{number} v{number} ON v{number}.entity = t.entity"
            for number, _ in enumerate(case.lookups)
        ),
    ]
    return (
        f"-- The features of {case.name}: for each {case.entity}, as of {moment}.\n"
        f"WITH {', '.join(steps)}\n"
        f"SELECT {_listed(columns)}\nFROM {_lines(tables)}\nGROUP BY t.entity\n"
    )


def _log(case: UseCase) -> str:
    """From the log to the events that the fold takes in, each with when its windows opened."""
    fields = sorted({*(one.of for one in case.aggregations), *(one.key for one in case.lookups)})
    needed = sorted({(one.event, one.of) for one in case.aggregations})
    return _LOG.format(
        entity=case.entity,
        fields="".join(f",\n  e.{name} AS f_{name}" for name in fields),
        kinds=", ".join(f"'{event.name}'" for event in case.events),
        needed="".join(
            f"\n    AND NOT (e.event_type = '{kind}' AND e.{of} IS NULL)" for kind, of in needed
        ),
        recent=case.remembered_ids,
        places="".join(
            f",\n  MIN(CASE WHEN j.what = '{name}' THEN j.place END)"
            f" OVER (PARTITION BY j.entity) AS place_{number}"
            for number, name in enumerate(case.anchors)
        ),
        openings="".join(
            f",\n  MAX(CASE WHEN f.place = f.place_{number} THEN f.happened END)"
            f" OVER (PARTITION BY f.entity) AS opened_{number}"
            for number, _ in enumerate(case.anchors)
        ),
    )


def _lookups(case: UseCase) -> Iterator[str]:
    """What the last event that asks found, in the version that was in force in its partition."""
    for number, one in enumerate(case.lookups):
        yield _LOOKUP.format(number=number, key=one.key, event=one.event, name=one.name)


def _looked_up(number: int, lookup: Lookup) -> str:
    return f"COALESCE(MAX(v{number}.value), CAST({lookup.default!r} AS DOUBLE))"


def _taken(case: UseCase, as_of: int | None) -> str:
    """The events with a column for each window: the value, where the window takes it in."""
    now = "o.newest" if as_of is None else f"GREATEST(o.newest, {as_of})"
    values = [
        f"CASE WHEN o.what = '{one.event}'{condition} THEN {_value(case, one)} END"
        f" AS w_{one.name}{label}"
        for one in case.aggregations
        for label, condition in zip(one.window.labels, _conditions(case, one, now), strict=True)
    ]
    return (
        f"taken AS (\nSELECT {_listed(['o.entity', 'o.far', 'o.back', *values])}\nFROM opened o\n)"
    )


def _value(case: UseCase, one: Aggregation) -> str:
    """As the fold takes it in: a text as it is, any number as a double."""
    is_text = isinstance(case.event(one.event).field(one.of), Text)
    return f"o.f_{one.of}" if is_text else f"CAST(o.f_{one.of} AS DOUBLE)"


def _conditions(case: UseCase, one: Aggregation, now: str) -> Iterator[str]:
    """Which events each window of an aggregation takes in."""
    match one.window:
        case Rolling(tiles=widths):
            for width in widths:
                tile, newest = f"FLOOR(o.happened / {width}e0)", f"FLOOR({now} / {width}e0)"
                yield f" AND {tile} > {newest} - {TILES}"
        case FirstDay(opens_with=anchor, hours=hours):
            number = case.anchors.index(anchor)
            yield (
                f" AND o.place >= o.place_{number} AND o.happened >= o.opened_{number}"
                f" AND o.happened <= o.opened_{number} + {hours * HOUR}"
            )
        case _:
            yield ""


def _told(one: Aggregation) -> Iterator[tuple[str, str]]:
    """Each feature of an aggregation with the expression that tells it."""
    names = iter(one.features)
    for label in one.window.labels:
        for statistic in one.statistics:
            yield next(names), _STATISTICS[statistic].format(x=f"t.w_{one.name}{label}")


def _listed(columns: Iterable[str]) -> str:
    return ",\n  ".join(columns)


def _lines(texts: Iterable[str]) -> str:
    return "\n  ".join(texts)


def _refuse_odd_names(case: UseCase) -> None:
    names = {
        case.entity,
        *case.features,
        *(event.name for event in case.events),
        *(one.of for one in case.aggregations),
        *(one.key for one in case.lookups),
    }
    odd = sorted(name for name in names if not _NAME.fullmatch(name))
    if odd:
        raise Refusal(f"{', '.join(odd)} cannot be named in SQL", "Use letters, digits and _")
