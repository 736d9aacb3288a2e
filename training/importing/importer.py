"""Makes a version of a loaded model, and proves that it answers as the file did."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product

import numpy as np

from pipeline.errors import Refusal
from pipeline.manifest import Manifest, sha256_of
from training.conversion import PROBABILITIES, OnnxScorer, Unfit
from training.importing.loading import Loaded, ModelFile
from training.importing.readings import PRECISIONS, Reading, readings
from training.importing.targets import Sample, Target
from training.table import Floats

TOLERANCE = 1e-5
_ALONE = 200  # rows scored one by one
_LIBRARIES = ("onnx", "onnxruntime", "scikit-learn", "skl2onnx")


@dataclass(frozen=True, slots=True)
class Order:
    """For which case, and with which threshold; `seed` is that of drawn rows."""

    target: Target
    threshold: float
    seed: int


@dataclass(frozen=True, slots=True)
class Imported:
    """A version that may be written."""

    manifest: Manifest
    content: bytes


@dataclass(frozen=True, slots=True)
class _Proved:
    """A graph, and by how much its answers differ at most from the file's."""

    content: bytes
    difference: float


def imported(order: Order, under: str, file: ModelFile, loaded: Loaded, sample: Sample) -> Imported:
    """The file as version `under`.

    Raises Refusal where it cannot be proved to answer on `sample` as the file does.
    """
    target = order.target
    if tuple(loaded.classes) not in target.classes:
        raise Refusal(
            f"{file.name} tells {loaded.classes[0]!s} from {loaded.classes[1]!s}, and which of "
            "them churned is not known",
            f"Train it on labels that are {_classes(target)}",
        )
    proved = _proved(order, file, loaded, sample)
    manifest = Manifest(
        use_case=target.name,
        version=under,
        algorithm=loaded.algorithm,
        features=target.inputs,
        probabilities=PROBABILITIES,
        threshold=order.threshold,
        sha256=sha256_of(proved.content),
        seed=order.seed,
        training={
            "source": f"{file.name}, imported: on what it was trained is not known",
            "file": file.name,
            "file_sha256": file.sha256,
            "proved_on": sample.source,
            "rows_proved": len(sample.inputs),
            "largest_difference": proved.difference,
            "ignored": _ignored(target, OnnxScorer(proved.content), sample.inputs),
            **sample.tells,
        },
        metrics={},
        libraries={name: version(name) for name in _LIBRARIES},
    )
    return Imported(manifest, proved.content)


def prove(graph: bytes, inputs: Floats, wanted: Floats, threshold: float) -> float:
    """By how much an answer differs at most from those `wanted`; 0.00001 is the most allowed.

    Raises Unfit where it is more, where a decision flips, and where a row depends on its batch.
    """
    scorer = _runnable(graph)
    scores = scorer.score(inputs)
    worst = float(np.max(np.abs(scores - wanted)))
    if not worst <= TOLERANCE:
        raise Unfit(f"an answer differs by {worst:.1e} in ONNX")
    if flipped := int(np.sum((scores >= threshold) != (wanted >= threshold))):
        raise Unfit(f"{flipped} decisions flip in ONNX")
    alone = [scorer.score(row[None, :])[0] for row in inputs[:_ALONE]]
    if not np.array_equal(alone, scores[:_ALONE]):
        raise Unfit("a row's answer depends on its batch")
    return worst


def _proved(order: Order, file: ModelFile, loaded: Loaded, sample: Sample) -> _Proved:
    """The first graph that answers as the file does. Raises Refusal where none does."""
    ways = readings(order.target.columns(loaded), loaded.names)
    problems = []
    for reading, precision in product(ways, PRECISIONS):
        try:
            wanted = _answers(loaded, reading, sample.inputs)
            graph = reading.graph(loaded.classifier, len(order.target.inputs), precision)
            content = order.target.finished(graph)
            return _Proved(content, prove(content, sample.inputs, wanted, order.threshold))
        except Unfit as problem:
            problems.append(str(problem))
    raise Refusal(
        f"{file.name} cannot be proved to answer equally in ONNX: "
        + "; ".join(dict.fromkeys(problems)),
        "Train one of the kinds that ONNX holds, or one of ours: pipeline train",
    )


def _answers(loaded: Loaded, reading: Reading, inputs: Floats) -> Floats:
    """What the file itself says of each row. Raises Unfit where it does not take such rows."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a matrix has no names, and needs none
            both = loaded.classifier.predict_proba(reading.rows(inputs))
    except Exception as error:  # it is somebody else's code
        raise Unfit(f"it does not score such rows: {type(error).__name__}: {error}") from error
    churned: Floats = np.asarray(both, dtype=np.float64)[:, 1]
    if not np.all((churned >= 0) & (churned <= 1)):
        raise Unfit("it gives what is no probability")
    return churned


def _runnable(graph: bytes) -> OnnxScorer:
    try:
        return OnnxScorer(graph)
    except Exception as error:  # the runtime's errors have no common class
        raise Unfit(f"the runtime does not load it: {error}") from error


def _ignored(target: Target, scorer: OnnxScorer, inputs: Floats) -> list[str]:
    """The inputs that change no answer, whatever another row has there."""
    scores = scorer.score(inputs)
    unchanged = []
    for place, name in enumerate(target.inputs):
        swapped = inputs.copy()
        swapped[:, place] = np.roll(inputs[:, place], 1)
        if np.array_equal(scorer.score(swapped), scores):
            unchanged.append(name)
    return unchanged


def _classes(target: Target) -> str:
    return " or ".join(f"{stayed} and {churned}" for stayed, churned in target.classes)
