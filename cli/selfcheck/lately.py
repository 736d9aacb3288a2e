"""Rolling windows computed once more, with pandas: tile by tile, each event in its own. Pure.

Imports neither the fold nor its windows, as `cli.selfcheck.independent`, of which it is a part.
`events` come as there: a row for each, in log order, with the number of its entity's `life`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from pipeline.declaration import Aggregation

ROLLING = "rolling"
_TILES = 12  # by the contract; the newest tile of a window is that of the moment it is read
_MOST_DISTINCT = 32
_HOUR = 3_600_000_000


def counts(events: pd.DataFrame, one: Aggregation) -> pd.Series[bool]:
    """Which events fall into a tile that some window still had, at the newest event so far."""
    at = _micros(events)
    newest = at.groupby(events["life"]).cummax()
    taken = pd.Series(data=False, index=events.index)
    for width in _widths(one):
        taken |= at // width > newest // width - _TILES
    return (events["event_type"] == one.event) & taken


def columns(events: pd.DataFrame, one: Aggregation) -> Iterator[pd.Series[float]]:
    """Each feature of each life as of its newest event; a life without a value has 0."""
    at = _micros(events)
    newest = at.groupby(events["life"]).transform("max")
    for width in _widths(one):
        within = at // width > newest // width - _TILES
        taken = events[within & (events["event_type"] == one.event)]
        for statistic in one.statistics:
            yield _told(taken.assign(at=at), one.of, statistic)


def _told(taken: pd.DataFrame, of: str, statistic: str) -> pd.Series[float]:
    if statistic == "distinct":
        return taken.groupby("life")[of].nunique().clip(upper=_MOST_DISTINCT).astype("float64")
    values = taken.assign(value=taken[of].astype("float64")).sort_values("at", kind="stable")
    grouped = values.groupby("life")["value"]
    if statistic == "mean":
        return grouped.sum() / grouped.size()
    if statistic == "var":
        return _variance(values)
    told: pd.Series[float] = grouped.agg(statistic).astype("float64")
    return told


def _variance(values: pd.DataFrame) -> pd.Series[float]:
    """Of a sample, in two passes; 0 of a single value."""
    grouped = values.groupby("life")["value"]
    count, mean = grouped.size(), grouped.sum() / grouped.size()
    squares = ((values["value"] - values["life"].map(mean)) ** 2).groupby(values["life"]).sum()
    return (squares / (count - 1)).where(count > 1, 0.0)


def _widths(one: Aggregation) -> list[int]:
    """Of a tile of each window, in microseconds."""
    meaning: Mapping[str, Any] = one.window.meaning
    return [round(hours * _HOUR / _TILES) for hours in meaning["hours"]]


def _micros(events: pd.DataFrame) -> pd.Series[int]:
    at: pd.Series[int] = events["event_time"].dt.as_unit("us").astype("int64")
    return at
