"""From scikit-learn to ONNX, and the proof that nothing was lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import ModelProto
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.ensemble import HistGradientBoostingClassifier

from pipeline.errors import PipelineError
from training.boosting import Unsupported, boosting_to_onnx
from training.candidates import Classifier
from training.table import Floats

PROBABILITIES = "probabilities"
INPUT = "features"

_OPSETS = {"": 21, "ai.onnx.ml": 3}
_TOLERANCE = 1e-5
_ALONE = 500  # rows scored one by one, and in batches of an odd size
_ODD = 7
_BATCH = 1_000
_BATCHES = 50
_ROUNDS = 5

Rate = Callable[[bytes, Floats], float]


class Unfit(PipelineError):
    """A candidate that may not be shipped; says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a model file must keep to: bytes at most, and rows/s at least, on one thread."""

    size: int = 5_000_000
    rate: float = 60_000.0


LIMITS = Limits()


class OnnxScorer:
    """Scores with ONNX Runtime on one thread, as `serving` does."""

    def __init__(self, content: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        (declared,) = self._session.get_inputs()
        self._dtype = np.float64 if declared.type == "tensor(double)" else np.float32

    def score(self, inputs: Floats) -> Floats:
        """The probability of label 1 of each row."""
        rows = np.ascontiguousarray(inputs, dtype=self._dtype)
        (both,) = self._session.run([PROBABILITIES], {INPUT: rows})
        scores: Floats = both[:, 1].astype(np.float64)
        return scores


def converted(model: Classifier, inputs: Floats, threshold: float) -> bytes:
    """The model in ONNX, with double inputs if they answer equally, else with single ones.

    Raises Unfit where neither answers as `model` does on `inputs`.
    """
    wanted = model.predict_proba(inputs)[:, 1]
    problems = []
    for way in _ways(model):
        try:
            content = way(model, inputs.shape[1])
            _prove(_loaded(content), inputs, wanted, threshold)
        except Unfit as problem:
            problems.append(str(problem))
        else:
            return content
    raise Unfit("; ".join(problems))


def check_limits(size: int, rate: float, limits: Limits) -> None:
    """Raises Unfit if a file of `size` bytes that scores `rate` rows/s is too large or slow."""
    if size > limits.size:
        raise Unfit(f"{size:,} bytes, {limits.size:,} at most")
    if rate < limits.rate:
        raise Unfit(f"{rate:,.0f} rows/s, {limits.rate:,.0f} at least")


def rows_per_second(content: bytes, inputs: Floats) -> float:
    """How fast it scores batches of 1,000 on one thread: the best of five rounds.

    In processor time, so that whatever else runs on the machine makes no difference.
    """
    scorer = OnnxScorer(content)
    batch = np.resize(inputs, (_BATCH, inputs.shape[1]))
    return max(_round_rate(scorer, batch) for _ in range(_ROUNDS))


def _round_rate(scorer: OnnxScorer, batch: Floats) -> float:
    start = time.thread_time()
    for _ in range(_BATCHES):
        scorer.score(batch)
    return _BATCHES * len(batch) / (time.thread_time() - start)


def _ways(model: Classifier) -> tuple[Callable[[Classifier, int], bytes], ...]:
    """How a model may come to ONNX, the most exact first."""
    if isinstance(model, HistGradientBoostingClassifier):
        return (_boosted,)
    return (partial(_convert, DoubleTensorType), partial(_convert, FloatTensorType))


def _boosted(model: Classifier, width: int) -> bytes:
    try:
        return _serialised(boosting_to_onnx(model, width, (INPUT, PROBABILITIES)))
    except Unsupported as error:
        raise Unfit(f"no conversion to ONNX: {error}") from error


def _convert(precision: Any, model: Classifier, width: int) -> bytes:
    try:
        converted = convert_sklearn(
            model,
            name="churn",  # it would take a random one
            initial_types=[(INPUT, precision([None, width]))],
            options={id(model): {"zipmap": False}},
            target_opset=_OPSETS,
        )
    except Exception as error:
        raise Unfit(f"no conversion to ONNX: {error}") from error
    return _serialised(converted)


def _serialised(model: ModelProto) -> bytes:
    model.opset_import.sort(key=lambda one: one.domain)  # they come out of a set
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _loaded(content: bytes) -> OnnxScorer:
    try:
        return OnnxScorer(content)
    except Exception as error:  # the runtime's errors have no common class
        raise Unfit(f"the runtime does not load it: {error}") from error


def _prove(scorer: OnnxScorer, inputs: Floats, wanted: Floats, threshold: float) -> None:
    scores = scorer.score(inputs)
    worst = float(np.max(np.abs(scores - wanted)))
    if not worst <= _TOLERANCE:
        raise Unfit(f"an answer differs by {worst:.1e} in ONNX")
    flipped = int(np.sum((scores >= threshold) != (wanted >= threshold)))
    if flipped:
        raise Unfit(f"{flipped} decisions flip in ONNX")
    for size in (1, _ODD):
        split = np.concatenate([scorer.score(part) for part in _parts(inputs[:_ALONE], size)])
        if not np.array_equal(split, scores[:_ALONE]):
            raise Unfit("a row's answer depends on its batch")


def _parts(inputs: Floats, size: int) -> Iterator[Floats]:
    return (inputs[start : start + size] for start in range(0, len(inputs), size))
