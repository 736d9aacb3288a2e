"""The place a worker takes its models from: they are swapped while the worker runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.logs import log
from pipeline.manifest import readable_folder
from pipeline.metrics import CHALLENGER, MODEL, MODEL_REFUSED
from pipeline.registry import ALIASES, Challenger, aliases_of, named_aliases
from serving.lineup import Alone, Shadowed, Shared
from serving.model import Model
from serving.scorer import Lineup

_LOOK_SECONDS = 1.0
_MODEL_STAYS = "cannot be put in force, the model before stays"


class Complaints:
    """Names in log and metric what of a use case cannot be put in force, each problem once."""

    def __init__(
        self, case: str, said: str = "cannot be put in force, the model before stays"
    ) -> None:
        self._case = case
        self._said = said
        self._refused: Mapping[str, str] = {}

    def tell(self, refused: Mapping[str, str]) -> None:
        """What cannot be used now, and why; all else is mended."""
        for what in self._refused.keys() - refused.keys():
            MODEL_REFUSED.labels(self._case, what).set(0)
        for what, problem in refused.items():
            MODEL_REFUSED.labels(self._case, what).set(1)
            if problem != self._refused.get(what):
                log.error(self._said, use_case=self._case, what=what, why=problem)
        self._refused = refused


class ModelHolder:
    """Holds the good models of a use case. A batch takes `lineup` once and keeps to it."""

    def __init__(self, models: Path, case: UseCase, champion: Model) -> None:
        self._models = models
        self._case = case
        self._champion = champion
        self._challenger: Model | None = None
        self._trial: Challenger | None = None
        self._lineup: Lineup = Alone(champion)
        self._complaints = Complaints(case.name)
        self._show(1)

    @classmethod
    def load(cls, models: Path, case: UseCase) -> ModelHolder:
        """Holds the champion of `case`, and its challenger. Raises Refusal for a bad champion."""
        champion = aliases_of(models, case.name).champion
        holder = cls(models, case, Model.load(readable_folder(models, case.name, champion), case))
        holder.follow()
        return holder

    @property
    def current(self) -> Model:
        """The champion in force. Safe from any thread."""
        return self._champion

    @property
    def lineup(self) -> Lineup:
        """The models in force, and which of them scores whom. Safe from any thread."""
        return self._lineup

    def follow(self) -> None:
        """Put in force what the aliases name now. Blocks while a model is loaded; one thread only.

        A bad champion, or bad aliases, leave all as it was; a bad challenger leaves the champion
        alone. Each is named in log and metric, and tried again the next time. Without a file of
        aliases nothing changes.
        """
        refused: dict[str, str] = {}
        try:
            wanted = named_aliases(self._models, self._case.name)
        except Refusal as problem:
            self._complaints.tell({ALIASES: str(problem)})
            return
        champion = self._load(wanted.champion, refused) if wanted else None
        if wanted and champion:
            trial = wanted.challenger
            challenger = self._load(trial.version, refused) if trial else None
            self._force(champion, challenger, trial if challenger else None)
        self._complaints.tell(refused)

    def _load(self, version: str, refused: dict[str, str]) -> Model | None:
        """The model in force if it is this version, else loaded; None, and why in `refused`."""
        for model in (self._champion, self._challenger):
            if model and model.version == version:
                return model
        try:
            return Model.load(readable_folder(self._models, self._case.name, version), self._case)
        except Refusal as problem:
            refused[version] = str(problem)
            return None

    def _force(self, champion: Model, challenger: Model | None, trial: Challenger | None) -> None:
        if (champion, trial) == (self._champion, self._trial):
            return
        self._show(0)
        self._champion, self._challenger, self._trial = champion, challenger, trial
        self._lineup = _lineup(champion, challenger, trial)
        self._show(1)
        log.info("models in force", champion=champion.version, challenger=_described(trial))

    def _show(self, value: int) -> None:
        """Set the metrics of what is in force."""
        MODEL.labels(self._case.name, self._champion.version).set(value)
        if self._trial:
            share = f"{self._trial.share:g}"
            CHALLENGER.labels(self._case.name, self._trial.version, share).set(value)


def _lineup(champion: Model, challenger: Model | None, trial: Challenger | None) -> Lineup:
    if challenger is None or trial is None:
        return Alone(champion)
    if trial.share:
        return Shared(champion, challenger, trial.takes)
    return Shadowed(champion, challenger)


def _described(trial: Challenger | None) -> str:
    if trial is None:
        return "none"
    return f"{trial.version} for {trial.share:.1%}" if trial.share else f"{trial.version} in shadow"


def keep_following(
    follow: Callable[[], None], pause: Callable[[float], None] = time.sleep
) -> threading.Thread:
    """Call `follow` every second from a thread, for as long as the process lives."""

    def watch() -> None:
        while True:
            pause(_LOOK_SECONDS)
            try:
                follow()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the one in force goes on
                log.error("cannot look for another model", error=repr(error))

    thread = threading.Thread(target=watch, daemon=True, name="models")
    thread.start()
    return thread
