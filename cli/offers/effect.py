"""What offers came to: decisions by their reason, and who churned of the offered and the hold-out.

Compared are all who were to get an offer with all who would have got one: everyone counts where the
first such decision of the campaign put them, so that the two differ by nothing but chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.declaration import UseCase
from pipeline.offers.deciding import Decision
from pipeline.parquet.files import again_if_replaced
from pipeline.parquet.format import offer_schemas, schemas
from pipeline.parquet.tables import open_topic
from pipeline.topics import Topics, offer_topics
from training.data.labels import LabelsBy, labels_sql

_NORMAL_95 = 1.959964
_YES, _HOLD_OUT = Decision.YES.value, Decision.HOLD_OUT.value

_EPOCH = "SELECT {number} AS epoch, * FROM incoming_{number}"

_EVENTS = """
CREATE TEMP VIEW events AS SELECT epoch, "offset", {entity} AS entity, event_type,
  epoch_us(event_time) AS happened, {outcome} AS outcome
FROM ({incoming})
WHERE NOT replayed AND kind = 'event' AND event_time IS NOT NULL AND {entity} IS NOT NULL"""

_DECIDED = """
CREATE TEMP TABLE decided AS SELECT id, {entity} AS entity, decided_at, "offset",
  coalesce(reason, '{yes}') AS decision
FROM offers WHERE NOT replayed AND id IS NOT NULL AND campaign = ?"""

_DECISIONS = "SELECT decision, count(*) FROM decided GROUP BY ALL ORDER BY 2 DESC, 1"

_MAILS = """
SELECT concat_ws(': ', outcome, reason) AS told, count(*)
FROM mails WHERE NOT replayed AND id IN (SELECT id FROM decided)
GROUP BY ALL ORDER BY 2 DESC, 1"""

_GROUPS = """
WITH placed AS (
  SELECT entity, arg_min(decision, (decided_at, "offset")) AS decision FROM decided
  WHERE decision IN ('{yes}', '{hold_out}') GROUP BY ALL
)
SELECT decision, count(*), count(label), coalesce(sum(label), 0)
FROM placed LEFT JOIN ({labels}) USING (entity) GROUP BY ALL"""


@dataclass(frozen=True, slots=True)
class Group:
    """So many users, of whom so many have a label, of whom so many churned."""

    users: int = 0
    labelled: int = 0
    churned: int = 0

    @property
    def share(self) -> float | None:
        """Of those with a label, who churned; None where there is no label."""
        return self.churned / self.labelled if self.labelled else None


@dataclass(frozen=True, slots=True)
class Effect:
    """Decisions by what they were, e-mails by what became of them, and both groups."""

    decisions: Mapping[str, int]
    mails: Mapping[str, int]
    offered: Group
    hold_out: Group

    @property
    def difference(self) -> tuple[float, float, float] | None:
        """By how much more of the offered churned, and its 95 % interval (Wald); None without."""
        one, other = self.offered.share, self.hold_out.share
        if one is None or other is None:
            return None
        spread = one * (1 - one) / self.offered.labelled
        spread += other * (1 - other) / self.hold_out.labelled
        reach = _NORMAL_95 * math.sqrt(spread)
        return one - other, one - other - reach, one - other + reach


def effect(case: UseCase, homes: Sequence[Path], campaign: str, kind: LabelsBy) -> Effect:
    """What a campaign came to by the log, whose epochs are in `homes`, the newest last. Blocks."""
    return again_if_replaced(lambda: _effect(case, homes, campaign, kind))


def _effect(case: UseCase, homes: Sequence[Path], campaign: str, kind: LabelsBy) -> Effect:
    with duckdb.connect() as db:
        _open(db, case, homes, campaign)
        ((cut,),) = db.sql("SELECT coalesce(max(happened) + 1, 0) FROM events").fetchall()
        labels = labels_sql(case, kind, cut)
        rows = db.sql(_GROUPS.format(yes=_YES, hold_out=_HOLD_OUT, labels=labels)).fetchall()
        groups = {decision: Group(*map(int, counts)) for decision, *counts in rows}
        return Effect(
            dict(db.sql(_DECISIONS).fetchall()),
            dict(db.sql(_MAILS).fetchall()),
            groups.get(_YES, Group()),
            groups.get(_HOLD_OUT, Group()),
        )


def _open(
    db: duckdb.DuckDBPyConnection, case: UseCase, homes: Sequence[Path], campaign: str
) -> None:
    """Make `events` of all epochs, and of the campaign `decided`; `mails` of the current one."""
    incoming, known = Topics.of(case).incoming, {**schemas(case), **offer_schemas(case)}
    for epoch, home in enumerate(homes):
        db.register(f"incoming_{epoch}", open_topic(home, incoming, known[incoming]))
    for view, topic in zip(("offers", "mails"), offer_topics(case), strict=True):
        db.register(view, open_topic(homes[-1], topic, known[topic]))
    epochs = " UNION ALL ".join(_EPOCH.format(number=number) for number in range(len(homes)))
    entity, outcome = _quoted(case.entity), _quoted(case.outcome) if case.outcome else "NULL"
    db.execute(_EVENTS.format(entity=entity, outcome=outcome, incoming=epochs))
    db.execute(_DECIDED.format(entity=entity, yes=_YES), [campaign])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
