"""A challenger's trial so far: what was logged of it, against what became of the users. Blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.parquet.format import schemas
from pipeline.parquet.tables import read_once
from pipeline.registry import Aliases, Challenger
from pipeline.topics import Topics
from promotion.comparison import losses
from promotion.figures import Interval
from promotion.gates import LIMITS
from promotion.intervals import confidence_sequence
from promotion.registrar import trial_of
from training.data.build import Span, build
from training.data.dataset import ID, LABEL
from training.data.labels import labels_by
from training.table import Floats

_LOGGED = ("scored_at", "version", "probability", "shadow_version", "shadow_probability")
_LEAST_USERS = 100  # fewer do not make the asymptotic interval


class TooEarly(Refusal):
    """Nothing is known of a trial yet."""


class Advice(StrEnum):
    """What the stop rule says; asking again costs nothing, however often."""

    CHALLENGER = "stop: the challenger is better"
    CHAMPION = "stop: the champion is better"
    EQUAL = "stop: the two are equal"
    GO_ON = "go on: nothing is decided yet"


@dataclass(frozen=True, slots=True)
class Course:
    """A trial until now: log losses as the mean over users, each user's being that of the scores.

    `difference` is the challenger's less the champion's, so below zero it is better.
    """

    trial: Challenger
    champion: str
    users: int
    scores: int
    champion_log_loss: float
    challenger_log_loss: float
    difference: Interval

    @property
    def advice(self) -> Advice:
        """Stops where zero is outside of the confidence sequence, or all of it is near zero."""
        if self.users < _LEAST_USERS:
            return Advice.GO_ON
        if self.difference.is_below_zero:
            return Advice.CHALLENGER
        if self.difference.is_above_zero:
            return Advice.CHAMPION
        near = self.difference.is_within(LIMITS.equal * self.champion_log_loss)
        return Advice.EQUAL if near else Advice.GO_ON


def course(case: UseCase, homes: Sequence[Path], aliases: Aliases) -> Course:
    """What the log says of the trial that goes on. Raises Refusal without one, or TooEarly.

    `homes` are the epochs of the log, the one that is written now last.
    """
    trial = trial_of(aliases)
    scores = _labelled(case, homes)
    scores = scores[scores["scored_at"] >= pd.Timestamp(trial.since)]
    measure = _shared if trial.share else _shadowed
    return measure(case, trial, aliases.champion, scores)


def _labelled(case: UseCase, homes: Sequence[Path]) -> pd.DataFrame:
    """Every score whose user's label is known, with what was logged of it."""
    rows = build(case, homes, labels_by(case, None), Span()).rows
    topic = Topics.of(case).inferences
    schema = schemas(case)[topic]
    logged = pa.concat_tables([read_once(home, topic, schema, (ID, *_LOGGED)) for home in homes])
    joined = rows.select([ID, case.entity, LABEL]).join(logged, keys=ID, join_type="inner")
    frame: pd.DataFrame = joined.to_pandas()
    return frame


def _shadowed(case: UseCase, trial: Challenger, champion: str, scores: pd.DataFrame) -> Course:
    """Both scored the same rows: the mean of each user's differences."""
    both = (scores["shadow_version"] == trial.version) & (scores["version"] == champion)
    scores = scores[both]
    users = pd.DataFrame(
        {
            "entity": scores[case.entity],
            "champion": _losses(scores, "probability"),
            "challenger": _losses(scores, "shadow_probability"),
        }
    )
    means = users.groupby("entity").mean()
    served, tried = means["champion"].to_numpy(), means["challenger"].to_numpy()
    return _course(trial, champion, len(scores), (served, tried), tried - served)


def _shared(case: UseCase, trial: Challenger, champion: str, scores: pd.DataFrame) -> Course:
    """Each user was served by one of the two: inverse propensity weights make them comparable.

    The overall mean is taken off first; the weights' mean is zero, so nothing changes but the
    variance (Waudby-Smith et al. 2024, section 3, with a constant as regression).
    """
    takes = scores[case.entity].map(trial.takes).astype(bool)
    right = scores["version"] == np.where(takes, trial.version, champion)
    scores, takes = scores[right], takes[right]
    users = pd.DataFrame(
        {"entity": scores[case.entity], "taken": takes, "loss": _losses(scores, "probability")}
    )
    means = users.groupby("entity").mean()
    taken, lost = means["taken"].to_numpy() > 0, means["loss"].to_numpy()
    weights = np.where(taken, 1 / trial.share, -1 / (1 - trial.share))
    differences = weights * (lost - np.mean(lost)) if len(lost) else lost
    return _course(trial, champion, len(scores), (lost[~taken], lost[taken]), differences)


def _course(
    trial: Challenger,
    champion: str,
    scores: int,
    arms: tuple[Floats, Floats],
    differences: Floats,
) -> Course:
    served, tried = arms
    if not len(served) or not len(tried):
        raise TooEarly(
            f"no score of version {trial.version} since {trial.since} is of a user whose label is "
            "known yet",
            "Wait until labels are known, and the log is written",
        )
    return Course(
        trial=trial,
        champion=champion,
        users=len(differences),
        scores=scores,
        champion_log_loss=float(np.mean(served)),
        challenger_log_loss=float(np.mean(tried)),
        difference=confidence_sequence(differences),
    )


def _losses(scores: pd.DataFrame, column: str) -> Any:
    return losses(scores[LABEL].to_numpy(), scores[column].to_numpy(np.float64))
