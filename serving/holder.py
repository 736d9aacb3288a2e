"""The place a worker takes its model from: it can be swapped while the worker runs."""

from __future__ import annotations

from pathlib import Path

from pipeline.declaration import UseCase
from pipeline.manifest import newest_folder
from serving.model import Model


class ModelHolder:
    """Holds one good model of a use case. A batch takes `current` once and keeps to it."""

    def __init__(self, case: UseCase, model: Model) -> None:
        self._case = case
        self._current = model

    @classmethod
    def load(cls, models: Path, case: UseCase) -> ModelHolder:
        """Holds the newest version of `case` under `models`. Raises Refusal if it is no good."""
        return cls(case, Model.load(newest_folder(models, case.name), case))

    @property
    def current(self) -> Model:
        """The model in force. Safe from any thread."""
        return self._current

    def swap(self, folder: Path) -> None:
        """Put the model in `folder` in force, at once and as a whole.

        Raises Refusal if it is no good, and then the model before stays in force.
        """
        self._current = Model.load(folder, self._case)
