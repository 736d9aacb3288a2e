"""Keeps the version in force here that an alias in a team's MLflow names, as long as it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from mlflow_bridge.pull import Pulled, pull
from mlflow_bridge.tracking import Tracking
from pipeline.errors import PipelineError, Refusal
from pipeline.manifest import versions_of
from promotion.decisions import decisions
from promotion.registrar import Registrar

EVERY = 5.0
_LONGEST = 60.0
_SCHEME = "models:/"

Say = Callable[[str], None]


def bring(tracking: Tracking, registrar: Registrar, address: str) -> Pulled:
    """Take the version at `models:/...` into the models here; who is champion stays. Blocks.

    Raises Refusal unless it is whole and made for the use case.
    """
    models, case = registrar.models, registrar.case
    if versions_of(models, case.name):
        registrar.keep_champion()  # else a newer version would be champion by being there
    return pull(tracking, address, models, case)


def put_in_force(registrar: Registrar, version: str, why: str) -> None:
    """Make a version champion by no gate, with a record of why; nothing if it is that already."""
    if registrar.aliases().champion != version:
        registrar.promote_unjudged(version, why)


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias of a registered model: `models:/MODEL@NAME`."""

    model: str
    name: str

    @classmethod
    def of(cls, address: str) -> Self:
        """Raises Refusal unless it is an alias: a version's number never comes to mean another."""
        model, _, name = address.removeprefix(_SCHEME).partition("@")
        if not (address.startswith(_SCHEME) and model and name):
            raise Refusal(f"{address} is no alias", "Name one: models:/NAME@ALIAS")
        return cls(model, name)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.model}@{self.name}"

    @property
    def is_version(self) -> str:
        """How a decision's record begins that was made because of it; a number follows."""
        return f"{self} is MLflow's version "


@dataclass(slots=True)
class Following:
    """Puts each version in force that the alias comes to mean, once.

    So a rollback here holds until the alias moves, also over a restart: the decisions' records tell
    what was put in force. `every` is in seconds, and grows to a minute while something fails.
    """

    tracking: Tracking
    registrar: Registrar
    alias: Alias
    say: Say
    every: float = EVERY
    _done: str = field(default="", init=False)
    _problem: str = field(default="", init=False)
    _pause: float = field(init=False)

    def __post_init__(self) -> None:
        self._pause = self.every
        self._done = self._last_done()

    def tick(self) -> float:
        """Look once, and follow; returns the seconds to wait. Blocks as long as MLflow's client.

        What fails is said once, and the champion here stays.
        """
        try:
            self._look()
        except PipelineError as error:
            return self._failed(str(error))
        if self._problem:
            self.say(f"{self.alias} is followed again")
        self._problem, self._pause = "", self.every
        return self._pause

    def _last_done(self) -> str:
        """Why it last put a version in force; after a power failure a record may stand alone."""
        known = decisions(self.registrar.models, self.registrar.case.name)
        followed = [one for one in known if one.why.startswith(self.alias.is_version)]
        if not followed:
            return ""
        last = followed[-1]
        alone = last is known[-1] and last.version != self.registrar.aliases().champion
        return "" if alone else last.why

    def _look(self) -> None:
        number = self.tracking.aliases(self.alias.model).get(self.alias.name)
        if number is None:
            raise Refusal(f"no version is {self.alias}", "Push one: pipeline mlflow push")
        why = f"{self.alias.is_version}{number}"
        if why == self._done:
            return
        pulled = bring(self.tracking, self.registrar, f"{_SCHEME}{self.alias.model}/{number}")
        put_in_force(self.registrar, pulled.version, why)
        self._done = why
        self.say(f"{why}; version {pulled.version} is champion here")

    def _failed(self, problem: str) -> float:
        if problem != self._problem:
            self.say(f"the champion stays: {problem}")
        self._problem = problem
        self._pause = min(2 * self._pause, max(_LONGEST, self.every))
        return self._pause
