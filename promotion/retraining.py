"""The whole chain from the log to a version in shadow or in service. Blocks, for minutes.

It may be run at any time, by cron for instance, and again when it was killed: each step leaves its
result as a whole, and a step whose result is there is not done again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import MANIFEST, Manifest, read_manifest, readable_folder, versions_of
from pipeline.registry import Aliases, retraining
from promotion.decisions import Decision, decisions
from promotion.judging import DatasetJudge
from promotion.registrar import Judge, Registrar
from promotion.trial import Advice, TooEarly, course
from training.command import SEED, FromDataset, Order, run
from training.costs import USUAL, Costs
from training.data.audit import audit, refuse
from training.data.build import Built, Span, build
from training.data.dataset import Dataset, read_dataset, table_of, write_dataset
from training.data.labels import labels_by
from training.train import Say

LEAST_USERS = 500


class Way(StrEnum):
    """How a version that passed every gate goes on."""

    SHADOW = "shadow"
    PROMOTE = "promote"


Train = Callable[[Order, Say], Any]
JudgeOn = Callable[[UseCase, Dataset], Judge]


@dataclass(frozen=True, slots=True)
class Retraining:
    """One run. `homes` are the epochs of the log, `kept` is where the dataset is kept.

    It trains where at least `least` users have a label that the last training did not know.
    """

    registrar: Registrar
    homes: Sequence[Path]
    kept: Path
    say: Say
    way: Way = Way.SHADOW
    least: int = LEAST_USERS
    span: Span = field(default_factory=Span)
    costs: Costs = USUAL
    train: Train = run
    judge_on: JudgeOn = DatasetJudge

    def run(self) -> Decision | None:
        """End a trial that is decided; else train, judge, and go on. None: nothing is to do yet.

        Raises Refusal where another run goes on, and Leak where the data give the answer away.
        """
        with retraining(self.registrar.models, self.registrar.case.name):
            aliases = self.registrar.aliases()
            if aliases.challenger:
                return self._end_of_trial(aliases)
            version = self._undecided() or self._trained()
            return self._decided(version) if version else None

    def _end_of_trial(self, aliases: Aliases) -> Decision | None:
        """Promote who has won, by the gates again, on all that is known now."""
        try:
            found = course(self.registrar.case, self.homes, aliases)
        except TooEarly as early:
            self.say(early.problem)
            return None
        self.say(f"trial of {found.trial.version}: {found.difference}, {found.advice}")
        if found.advice is Advice.GO_ON:
            return None
        if found.advice is not Advice.CHALLENGER:
            return self.registrar.withdraw(found.advice)
        judge = self.judge_on(self.registrar.case, self._fresh())
        decision = self.registrar.promote(found.trial.version, judge)
        return decision if decision.done else self.registrar.withdraw("a gate was not passed")

    def _undecided(self) -> str | None:
        """A version that was trained on the dataset kept, and nothing was decided about."""
        known = {one.version for one in decisions(self.registrar.models, self.registrar.case.name)}
        dataset = self._last()
        learnt = self._learnt_from(dataset) if dataset else []
        return next((version for version in learnt if version not in known), None)

    def _trained(self) -> str | None:
        """A new version out of the log; None where too few labels are new."""
        built = self._built()
        users = {*built.rows[self.registrar.case.entity].to_pylist()}
        last = self._last()
        new = users - ({*last.table.entities} if last and self._learnt_from(last) else set())
        self.say(f"{len(users):,} users have a label, {len(new):,} of them are new")
        if len(new) < self.least:
            self.say(f"nothing to do before {self.least:,} are new")
            return None
        refuse(audit(self.registrar.case, built.rows, built.source))
        write_dataset(self.kept, built.rows, built.source)
        models, case, version = self.registrar.models, self.registrar.case, self._next()
        order = Order(case, version, models, FromDataset(self.kept), SEED, self.costs)
        self.registrar.keep_champion()  # else the new version would be champion by being there
        self.train(order, self.say)
        return version

    def _next(self) -> str:
        """The number after the newest version; one that was left without a manifest counts not."""
        models, name = self.registrar.models, self.registrar.case.name
        whole = [
            int(version)
            for version in versions_of(models, name)
            if (readable_folder(models, name, version) / MANIFEST).exists()
        ]
        return str(max(whole, default=0) + 1)

    def _decided(self, version: str) -> Decision:
        judge = self.judge_on(self.registrar.case, read_dataset(self.kept))
        act = self.registrar.promote if self.way is Way.PROMOTE else self.registrar.shadow
        return act(version, judge)

    def _built(self) -> Built:
        case = self.registrar.case
        return build(case, self.homes, labels_by(case, None), self.span)

    def _fresh(self) -> Dataset:
        built = self._built()
        return Dataset(table_of(built.rows, built.source), built.source)

    def _last(self) -> Dataset | None:
        """The dataset kept; None where there is none that is whole."""
        try:
            return read_dataset(self.kept)
        except Refusal:
            return None

    def _learnt_from(self, dataset: Dataset) -> list[str]:
        """The versions that were trained on this dataset."""
        models, name = self.registrar.models, self.registrar.case.name
        return [
            version
            for version in versions_of(models, name)
            if _hash_of_data(models, name, version) == dataset.source["sha256"]
        ]


def _hash_of_data(models: Path, use_case: str, version: str) -> str | None:
    """Of the dataset that a version learnt from; None where it was none, or cannot be read."""
    try:
        manifest: Manifest = read_manifest(readable_folder(models, use_case, version))
    except Refusal:
        return None
    hash_: str | None = manifest.training.get("dataset", {}).get("sha256")
    return hash_
