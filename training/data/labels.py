"""What became of each entity, as SQL over the log: by an outcome sent, or by silence. Pure.

Reads the view `events`, of which `epoch` and `offset` give an entity's order, and `happened` is its
event time in microseconds. Gives columns `entity`, `label` (null where it is not known at the cut),
`label_from` and `label_until`: the time that decides it, null where it was sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pipeline.declaration import UseCase
from pipeline.errors import Refusal

_OUTCOME = """
SELECT entity, arg_max(outcome, (epoch, "offset"))::BIGINT AS label,
  NULL::BIGINT AS label_from, NULL::BIGINT AS label_until
FROM events WHERE outcome IS NOT NULL AND happened < {cut}
GROUP BY ALL"""

_SILENCE = """
WITH opened AS (
  SELECT entity, arg_min(happened, (epoch, "offset")) AS first
  FROM events WHERE event_type = '{opens_with}' GROUP BY ALL
), asked AS (
  SELECT entity, first + {begins} AS label_from, first + {matures} AS label_until FROM opened
), heard AS (
  SELECT DISTINCT a.entity FROM asked a JOIN events e USING (entity)
  WHERE e.happened > a.label_from AND e.happened <= a.label_until
)
SELECT a.entity, CASE WHEN label_until < {cut} THEN (h.entity IS NULL)::BIGINT END AS label,
  label_from, label_until
FROM asked a LEFT JOIN heard h USING (entity)"""


class LabelsBy(StrEnum):
    """What tells whether an entity has churned."""

    outcome = "outcome"
    rule = "rule"


def labels_by(case: UseCase, asked: LabelsBy | None) -> LabelsBy:
    """What was asked for, or else what the case has, an outcome before a rule. Raises Refusal."""
    has = {LabelsBy.outcome: bool(case.outcome), LabelsBy.rule: case.label_rule is not None}
    for kind in (asked,) if asked else LabelsBy:
        if has[kind]:
            return kind
    raise Refusal(
        f"{case.name} declares no {asked or 'outcome and no rule of labels'}",
        "Declare `outcome` or `label_rule` in its use case",
    )


def labels_sql(case: UseCase, kind: LabelsBy, cut: int) -> str:
    """The labels that are known from what happened before `cut`, in microseconds."""
    rule = case.label_rule
    if kind is LabelsBy.outcome or rule is None:
        return _OUTCOME.format(cut=cut)
    opens_with = rule.opens_with.replace("'", "''")
    return _SILENCE.format(opens_with=opens_with, begins=rule.begins, matures=rule.matures, cut=cut)


def told_of(case: UseCase, kind: LabelsBy) -> dict[str, Any]:
    """Where labels come from, for a dataset's JSON."""
    rule = case.label_rule
    if kind is LabelsBy.outcome or rule is None:
        return {"by": kind.value, "field": case.outcome}
    return {
        "by": kind.value,
        "opens_with": rule.opens_with,
        "after_hours": rule.after,
        "hours": rule.hours,
    }
