"""A logged score, found again by its id and scored again by the model that it names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from pipeline.declaration import ModelInputs, UseCase
from pipeline.errors import Refusal
from pipeline.fold import Fold
from pipeline.manifest import Manifest, read_manifest, readable_folder, versions_of
from pipeline.parquet.files import again_if_replaced
from pipeline.parquet.format import schemas
from pipeline.parquet.tables import ONCE, open_topic
from pipeline.topics import Topics
from serving.model import Model

Row = Mapping[str, Any]
"""An inference by column."""


@dataclass(frozen=True, slots=True)
class Moved:
    """An input that moved a score: its value, the neutral one, and by how much of a probability.

    The difference to the score with the neutral value in its place; above 0 towards churn.
    """

    feature: str
    value: float
    neutral: float
    by: float


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What the model of a logged score says today of the inputs as they were logged."""

    version: str
    probability: float
    decision: str
    is_same: bool
    moved: Sequence[Moved]


def find_inference(case: UseCase, homes: Sequence[Path], wanted: str) -> Row | None:
    """The inference of this id; `homes` hold the topics of the log. Reads every file's ids."""
    topic = Topics.of(case).inferences
    schema = schemas(case)[topic]

    def read(home: Path) -> pa.Table:
        chosen = ONCE & (ds.field("id") == wanted)
        return open_topic(home, topic, schema).to_table(filter=chosen)

    for home in homes:
        for row in again_if_replaced(partial(read, home)).to_pylist():
            return dict(row)
    return None


def model_of_hash(models: Path, case: UseCase, sha256: str) -> Model | None:
    """The version whose file has this hash, by whatever inputs it reads; None where none has.

    Raises Refusal where it is there and no good.
    """
    for folder, manifest in _versions(models, case):
        if manifest.sha256 == sha256:
            return Model.load(folder, _case_of(case, manifest))
    return None


def reproduce(case: UseCase, row: Row, model: Model, most: int = 3) -> Reproduced:
    """Score the logged inputs again. Raises Refusal where the model reads one that is not logged.

    An input's neutral value is what it is of someone of whom nothing is known: the declared default
    of a lookup, 0 of the others. One input is replaced at a time, so what two say together counts
    for neither.
    """
    missing = [name for name in model.features if row[name] is None]
    if missing:
        raise Refusal(
            f"the inference has no {', '.join(missing)}, which model {model.version} reads",
            "Look whether the log was changed: pipeline dataset --verify",
        )
    values = np.array([float(row[name]) for name in model.features])
    neutral = _neutral(case, model.features)
    replaced = np.where(np.eye(len(values), dtype=np.bool_), neutral, values)
    mine, *others = model.score(np.vstack([values, replaced])).tolist()
    alone = float(model.score(values[None, :])[0])
    moved = [
        Moved(name, value, other, mine - without)
        for name, value, other, without in zip(
            model.features, values.tolist(), neutral.tolist(), others, strict=True
        )
        if mine != without
    ]
    decision = model.decide(alone)
    return Reproduced(
        model.version,
        alone,
        decision,
        (alone, decision) == (row["probability"], row["decision"]),
        sorted(moved, key=lambda one: -abs(one.by))[:most],
    )


def _neutral(case: UseCase, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    fold = Fold(case)
    nothing = fold.features(fold.empty(), 0)
    return np.array([float(nothing[name]) for name in names])


def _versions(models: Path, case: UseCase) -> Iterator[tuple[Path, Manifest]]:
    """Every version that has a manifest, the newest first; others have no hash to be found by."""
    for version in reversed(versions_of(models, case.name)):
        folder = readable_folder(models, case.name, version)
        with suppress(Refusal):
            yield folder, read_manifest(folder)


def _case_of(case: UseCase, manifest: Manifest) -> UseCase:
    """The case with this model's inputs, which may not be those of today."""
    try:
        return replace(case, model=ModelInputs(manifest.features))
    except ValueError as error:
        raise Refusal(
            f"model {manifest.version} reads what {case.name} does not declare any more",
            "Put back the declaration that it was trained for",
        ) from error
