"""A model in ONNX Runtime: the only module of serving that imports it. Loading runs no code.

The runtime gets one thread and no choice of order, so that a row's probability does not depend on
the batch it came in: a single row and a batch give the same bits (tested on the shipped model).
Another kind of processor may give other last bits.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import Manifest, read_manifest, verified_model

CHURN, NO_CHURN = "churn", "no churn"

Matrix = npt.NDArray[np.float64]
_FATAL = 4
_DTYPES: dict[str, npt.DTypeLike] = {"tensor(double)": np.float64, "tensor(float)": np.float32}


class Model:
    """One version of a model, ready to score."""

    def __init__(self, manifest: Manifest, session: ort.InferenceSession) -> None:
        (self._input,) = session.get_inputs()
        self._dtype = _DTYPES[self._input.type]
        self._session = session
        self._manifest = manifest

    @classmethod
    def load(cls, folder: Path, case: UseCase) -> Model:
        """The model in `folder`. Raises Refusal if it is not whole or not made for `case`."""
        manifest = read_manifest(folder)
        manifest.check_inputs(case)
        if manifest.version != folder.name:  # inferences would name another version
            raise _unusable(folder, f"its manifest is that of version {manifest.version}")
        content = verified_model(folder, manifest)
        try:
            model = cls(manifest, _session(content))
            trial = model.score(np.zeros((1, len(manifest.features))))
        except Exception as error:  # the runtime's errors have no common class
            raise _unusable(folder, str(error)) from error
        if not 0 <= trial[0] <= 1:
            raise _unusable(folder, "it gives no probability")
        return model

    @property
    def name(self) -> str:
        """The use case it was trained for."""
        return self._manifest.use_case

    @property
    def version(self) -> str:
        """Its version, a whole number as text."""
        return self._manifest.version

    @property
    def hash(self) -> str:
        """The SHA-256 of its file, 64 hex digits."""
        return self._manifest.sha256

    @property
    def threshold(self) -> float:
        """The probability from which on it says churn."""
        return self._manifest.threshold

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its input columns in their order."""
        return self._manifest.features

    def score(self, matrix: Matrix) -> Matrix:
        """The probability of churn of each row; `matrix` is (rows, features)."""
        if not len(matrix):
            return np.empty(0)  # the runtime refuses it
        rows = np.ascontiguousarray(matrix, dtype=self._dtype)
        (both,) = self._session.run([self._manifest.probabilities], {self._input.name: rows})
        probabilities: Matrix = both[:, 1].astype(np.float64)
        return probabilities

    def decide(self, probability: float) -> str:
        """`churn` or `no churn`."""
        return CHURN if probability >= self._manifest.threshold else NO_CHURN


def _session(content: bytes) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL  # what fails is raised, with its reason
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _unusable(folder: Path, reason: str) -> Refusal:
    return Refusal(
        f"the model in {folder} cannot score: {reason}",
        f"Remove it and train it again: PIPELINE_USE_CASE={folder.parent.name} pipeline train "
        f"--version {folder.name}",
    )
