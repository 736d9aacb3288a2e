"""The models in service, of every use case that may have one; what is missing is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import use_cases
from pipeline.declaration import UseCase
from pipeline.declaration.form import Form
from pipeline.errors import Refusal
from pipeline.logs import log
from pipeline.manifest import homes_of, versions_of
from pipeline.registry import ALIASES, aliases_of
from serving.forms import FormHolder, FormScorer
from serving.holder import Complaints, ModelHolder
from serving.http.problems import unavailable
from serving.model import Model
from serving.scorer import Lineup, Scorer

RETRY_SECONDS = 5


class Following(Protocol):
    """Holds the champion of a case, as the aliases name it."""

    def follow(self) -> None:
        """Put in force what they name now."""
        ...


Held = TypeVar("Held", bound=Following)


class _Slot(Generic[Held]):
    """Where a case's model is, once there is one that can be used."""

    def __init__(self, directory: Path, name: str, load: Callable[[], Held]) -> None:
        self.name = name
        self._directory = directory
        self._load = load
        self._held: Held | None = None
        self.is_trained = False
        """Whether there was a version, or a champion named, when it was last looked for."""
        self._complaints = Complaints(name, "cannot be put in force, there is no model")

    @property
    def holder(self) -> Held:
        """Raises Problem while there is none."""
        if self._held is None:
            raise unavailable("no_model", f"no model of {self.name} is in service", RETRY_SECONDS)
        return self._held

    @property
    def is_missing(self) -> bool:
        """Whether there is none."""
        return self._held is None

    def follow(self) -> None:
        """Put in force what the aliases name now; blocks, and is for one thread only."""
        if self._held is not None:
            self._held.follow()
            return
        try:
            self._held = self._load()
        except Refusal as refusal:
            self.is_trained = self._is_there()
            self._complaints.tell({self._wanted(): str(refusal)} if self.is_trained else {})
        else:
            self._complaints.tell({})

    def _is_there(self) -> bool:
        homes = homes_of(self._directory, self.name)
        is_named = any((home / ALIASES).exists() for home in homes)
        return is_named or bool(versions_of(self._directory, self.name))

    def _wanted(self) -> str:
        try:
            return aliases_of(self._directory, self.name).champion
        except Refusal:
            return ALIASES


class StreamModel(_Slot[ModelHolder]):
    """The model of a case whose features come from a stream."""

    def __init__(self, directory: Path, case: UseCase) -> None:
        super().__init__(directory, case.name, lambda: ModelHolder.load(directory, case))
        self.case = case

    @property
    def current(self) -> Model:
        """The champion in force. Raises Problem while there is none."""
        return self.holder.current

    @property
    def lineup(self) -> Lineup:
        """The models in force. Raises Problem while there is none."""
        return self.holder.lineup


class FormModel(_Slot[FormHolder]):
    """The model of a case that is scored from the request."""

    def __init__(self, directory: Path, form: Form) -> None:
        super().__init__(directory, form.name, lambda: FormHolder(directory, form))
        self.form = form

    @property
    def current(self) -> FormScorer:
        """The champion in force. Raises Problem while there is none."""
        return self.holder.current


@dataclass(frozen=True, slots=True)
class Models:
    """By use case. `needed` is the case that is not to be without its model."""

    streams: Mapping[str, StreamModel]
    forms: Mapping[str, FormModel]
    needed: str = ""

    @classmethod
    def load(cls, directory: Path, needed: str = "") -> Models:
        """Load all there are; one that is no good is missing, and the log says why."""
        models = cls.declared(directory, needed)
        for slot in models.slots:
            slot.follow()
        return models

    @classmethod
    def declared(cls, directory: Path, needed: str = "") -> Models:
        """Every case that may have one, none of them loaded yet."""
        forms = {
            name: FormModel(directory, use_cases.load_form(name)) for name in use_cases.forms()
        }
        cases = [use_cases.load(name) for name in use_cases.streams()]
        streams = {case.name: StreamModel(directory, case) for case in cases if case.model}
        return cls(streams, forms, needed)

    @property
    def missing(self) -> Sequence[str]:
        """The cases that have no model in service."""
        return sorted(slot.name for slot in self.slots if slot.is_missing)

    @property
    def wanting(self) -> Sequence[str]:
        """Those of them that should have one: a version is there, or the case is needed."""
        return sorted(
            slot.name
            for slot in self.slots
            if slot.is_missing and (slot.name == self.needed or slot.is_trained)
        )

    @property
    def in_service(self) -> Iterator[tuple[str, Scorer | FormScorer]]:
        """Each model, after what it scores: `stored` features, or what is in a `request`."""
        for stream in self.streams.values():
            if not stream.is_missing:
                yield "stored", stream.current
        for form in self.forms.values():
            if not form.is_missing:
                yield "request", form.current

    def follow(self) -> None:
        """Put in force what the aliases name now. Blocks while a model is loaded; one thread.

        A model that is no good leaves the one before in force, if there is one; log and metric
        say so once.
        """
        missing = self.missing
        for slot in self.slots:
            slot.follow()
        if came := set(missing) - set(self.missing):
            log.info("models have come into service", use_cases=sorted(came))

    @property
    def slots(self) -> Iterator[StreamModel | FormModel]:
        """Every case that may have one."""
        yield from self.streams.values()
        yield from self.forms.values()
