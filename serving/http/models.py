"""The models in service, of every use case that has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import use_cases
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.logs import log
from serving.forms import FormHolder, FormScorer
from serving.holder import ModelHolder
from serving.scorer import Scorer


@dataclass(frozen=True, slots=True)
class StreamModel:
    """The model of a case whose features come from a stream."""

    case: UseCase
    holder: ModelHolder


@dataclass(frozen=True, slots=True)
class Models:
    """By use case; `missing` names the cases whose model cannot be used."""

    streams: Mapping[str, StreamModel]
    forms: Mapping[str, FormHolder]
    missing: Sequence[str] = ()

    @classmethod
    def load(cls, directory: Path) -> Models:
        """Load all there are; one that is no good is left out, and the log says why."""
        streams, forms, missing = dict[str, StreamModel](), dict[str, FormHolder](), list[str]()
        for name in use_cases.names():
            try:
                if name in use_cases.forms():
                    forms[name] = FormHolder(directory, use_cases.load_form(name))
                elif (case := use_cases.load(name)).model:
                    streams[name] = StreamModel(case, ModelHolder.load(directory, case))
            except Refusal as refusal:
                log.warning("a model is missing", use_case=name, why=str(refusal))
                missing.append(name)
        return cls(streams, forms, missing)

    @property
    def in_service(self) -> Iterator[tuple[str, Scorer | FormScorer]]:
        """Each model, after what it scores: `stored` features, or what is in a `request`."""
        for stream in self.streams.values():
            yield "stored", stream.holder.current
        for form in self.forms.values():
            yield "request", form.current

    def follow(self) -> None:
        """Put in force what the aliases name now. Blocks while a model is loaded; one thread.

        A model that is no good leaves the one before in force, and log and metric say so once.
        """
        for stream in self.streams.values():
            stream.holder.follow()
        for form in self.forms.values():
            form.follow()
