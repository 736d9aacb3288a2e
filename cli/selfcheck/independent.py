"""Features computed once more, another way: by the contract's words, with pandas, in two passes.

Imports neither the fold nor its windows, states or control records: what one of them gets wrong
must not be wrong here as well. The log comes as `cli.selfcheck.logged.in_force` gives it. Pure.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from cli.selfcheck import lately
from pipeline.declaration import Aggregation, Lookup, UseCase

_PLACE = ("partition", "offset", "origin", "control")
_ENVELOPE = ("event_type", "event_time", "event_id")
_EXACT = {pa.int64(): pd.Int64Dtype()}  # with nulls a plain column turns to floats, which cut

TableOf = Callable[[str, str], Mapping[Any, float]]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """A row of features for each (partition, entity), and the origins that cause a score."""

    entities: Sequence[tuple[int, str]]
    features: npt.NDArray[np.float64]
    scored: Sequence[str]


def recompute(case: UseCase, log: pa.Table, table_of: TableOf) -> Recomputed:
    """Every entity's features as of the end of the log. Raises ValueError for an unknown window."""
    controls, events = _split(case, log)
    events = _without_duplicates(_by_life(events, controls), case.remembered_ids)
    counted = {one.name: _counts(events, one) for one in case.aggregations}
    known = events[events["still_known"]].drop_duplicates("life").set_index("life")
    columns = [
        _looked_up(events, one, controls, table_of).reindex(known.index, fill_value=one.default)
        for one in case.lookups
    ]
    for one in case.filling:
        taken = events[counted[one.name]]
        statistics = _statistics(taken[one.of].astype("float64"), taken["life"])
        columns += [column.reindex(known.index, fill_value=0.0) for column in statistics]
    for one in case.rolling:
        statistics = [*lately.columns(events, one)]
        columns += [column.reindex(known.index, fill_value=0.0) for column in statistics]
    return Recomputed(
        [*zip(known["partition"].tolist(), known["entity"].tolist(), strict=True)],
        np.column_stack([column.to_numpy("float64") for column in columns]),
        _scored(case, events, counted),
    )


def _split(case: UseCase, log: pa.Table) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The control records' contents with their places, and the events, a row for each."""
    read = {one.of for one in case.aggregations} | {one.key for one in case.lookups}
    whole = log.select([*_PLACE, *_ENVELOPE, *sorted(read), case.entity])
    frame: pd.DataFrame = whole.to_pandas(types_mapper=_EXACT.get)
    frame = frame.rename(columns={case.entity: "entity"})
    is_control = frame["control"].notna()
    places = frame.loc[is_control, ["partition", "offset"]].to_dict("records")
    contents = map(json.loads, frame.loc[is_control, "control"])
    controls = [
        {**place, **content}
        for place, content in zip(places, contents, strict=True)
        if isinstance(content, dict)
    ]
    return controls, frame[~is_control].reset_index(drop=True)


def _by_life(events: pd.DataFrame, controls: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Number the lives: an entity that was erased begins another one with its next event."""
    before = pd.Series(0, index=events.index)
    in_all = pd.Series(0, index=events.index)
    for one in controls:
        if one.get("control") == "erase":
            theirs = (events["partition"] == one["partition"]) & (events["entity"] == one["entity"])
            in_all += theirs
            before += theirs & (events["offset"] > one["offset"])
    life = events.groupby([events["partition"], events["entity"], before], sort=False).ngroup()
    return events.assign(life=life, still_known=before == in_all)


def _without_duplicates(events: pd.DataFrame, most: int) -> pd.DataFrame:
    """Drop what carries one of the last `most` different ids. Only who repeats one is walked."""
    named = events[events["event_id"].notna()]
    repeating = named.loc[named.duplicated(["life", "event_id"]), "life"]
    walked = named[named["life"].isin(repeating)]
    dropped = [
        row
        for _, one in walked.groupby("life", sort=False)
        for row in _duplicates(one["event_id"], most)
    ]
    return events.drop(index=dropped)


def _duplicates(ids: pd.Series[str], most: int) -> Iterator[int]:
    last = deque[str](maxlen=most)
    for row, event_id in zip(ids.index.tolist(), ids.tolist(), strict=True):
        if event_id in last:
            yield row
        else:
            last.append(event_id)


def _counts(events: pd.DataFrame, one: Aggregation) -> pd.Series[bool]:
    """Which events the aggregation takes in: of its type, from the opening record on, in time."""
    window: Mapping[str, Any] = one.window.meaning
    if window["kind"] == lately.ROLLING:
        return lately.counts(events, one)
    of_its_type = events["event_type"] == one.event
    if window["kind"] == "lifetime":
        return of_its_type
    if window["kind"] != "first_day":
        raise ValueError(f"the self-check cannot recompute a window of kind {window['kind']}")
    openings = events[events["event_type"] == window["opens_with"]].drop_duplicates("life")
    opening = openings.assign(row=openings.index).set_index("life").reindex(events["life"])
    opening.index = events.index
    closes_at = opening["event_time"] + pd.Timedelta(hours=window["hours"])
    in_time = (events["event_time"] >= opening["event_time"]) & (events["event_time"] <= closes_at)
    counts: pd.Series[bool] = of_its_type & (events.index.to_series() >= opening["row"]) & in_time
    return counts


def _statistics(values: pd.Series[float], life: pd.Series[int]) -> list[pd.Series[float]]:
    """Sum, mean, count and sample variance of each life, in two passes."""
    grouped = values.groupby(life)
    total, count = grouped.sum(), grouped.size().astype("float64")
    mean = total / count
    squares = ((values - life.map(mean)) ** 2).groupby(life).sum()
    return [total, mean, count, (squares / (count - 1)).where(count > 1, 0.0)]


def _looked_up(
    events: pd.DataFrame, one: Lookup, controls: Sequence[Mapping[str, Any]], table_of: TableOf
) -> pd.Series[float]:
    """What each life's last event of that type found, with the table then in force."""
    asking = events[events["event_type"] == one.event].drop_duplicates("life", keep="last")
    found = pd.Series(one.default, index=asking.index, dtype="float64")
    for control in controls:
        if control.get("control") == "lookup" and control["lookup"] == one.name:
            table = table_of(one.name, control["version"])
            later = (asking["partition"] == control["partition"]) & (
                asking["offset"] > control["offset"]
            )
            keys = asking.loc[later, one.key].tolist()
            found.loc[later] = np.asarray([table.get(key, one.default) for key in keys])
    return found.set_axis(asking["life"])


def _scored(
    case: UseCase, events: pd.DataFrame, counted: Mapping[str, pd.Series[bool]]
) -> list[str]:
    """The events that count, of a type that causes a score."""
    causes = pd.Series(data=False, index=events.index)
    for one in case.aggregations:
        if one.event in case.scored_on:
            causes |= counted[one.name]
    return events.loc[causes, "origin"].tolist()
