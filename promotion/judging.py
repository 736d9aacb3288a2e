"""Judges a challenger against the champion on users that neither of them learnt from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from promotion.comparison import Scored, compare
from promotion.gates import LIMITS, Limits, Verdict, gates
from promotion.registrar import Contender
from training.conversion import rows_per_second
from training.data.dataset import Dataset
from training.table import Floats, Table
from training.train import HELD_OUT

Rate = Callable[[bytes, Floats], float]


@dataclass(frozen=True, slots=True)
class DatasetJudge:
    """A Judge by one dataset. `rate` measures rows/s, and takes a moment."""

    case: UseCase
    dataset: Dataset
    limits: Limits = LIMITS
    rate: Rate = rows_per_second

    def judge(self, champion: Contender, challenger: Contender) -> Verdict:
        """All gates. Raises Refusal where the dataset has no user that both left out.

        A champion that was imported may have learnt from any of them, which can only help it.
        """
        if challenger.seed is None:
            version = challenger.model.version
            raise Refusal(
                f"version {version} was imported: nobody knows whom it learnt from",
                f"Try it on new users: pipeline model challenge {version} --shadow",
            )
        self.dataset.check(self.case)
        table = left_out_by_both(self.dataset.table, champion, challenger)
        comparison = compare(self.case, table, _scored(champion, table), _scored(challenger, table))
        rate = self.rate(challenger.content, table.inputs)
        source = self.dataset.source
        judged_on = {name: source[name] for name in ("source", "sha256", "until") if name in source}
        return Verdict(gates(comparison, rate, self.limits), comparison, judged_on)


def left_out_by_both(table: Table, *contenders: Contender) -> Table:
    """The rows of users that none of them can have learnt from.

    Training leaves users out by a hash of their name, whatever the data: so this holds for data
    that overlap those that a model learnt from. Raises Refusal where there are none.
    """
    for seed in {one.seed for one in contenders if one.seed is not None}:
        table = table.where(table.of_share(HELD_OUT, f"held out {seed}"))
    if not len(table.labels):
        raise Refusal(
            "the dataset has no user that both models left out when they learnt",
            "Make one of more users: pipeline dataset",
        )
    return table


def _scored(contender: Contender, table: Table) -> Scored:
    return Scored(contender.model.score(table.inputs), contender.model.threshold)
