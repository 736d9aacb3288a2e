"""A file's code runs only on a person's word, and what it holds is looked at before it is used."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped] # ships no types
import pytest
import sklearn
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from pipeline.errors import Refusal
from training.importing.loading import ModelFile, load_trusted, read

X, Y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]


class Bomb:
    """Leaves a trace where it is loaded."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self._trace,))


def pickled(held: Any) -> ModelFile:
    return ModelFile("theirs.pkl", pickle.dumps(held))


def test_reading_runs_nothing(tmp_path: Path) -> None:
    trace, path = tmp_path / "trace", tmp_path / "theirs.pkl"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    file = read(path)
    assert not trace.exists()
    with pytest.raises(Refusal):
        load_trusted(file)
    assert trace.exists()


@pytest.mark.parametrize("name", ["theirs.joblib", "theirs.pkl", "theirs.bin"])
def test_each_kind_of_file_is_loaded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (joblib.dump if name.endswith("joblib") else dump)(LogisticRegression().fit(X, Y), path)
    assert load_trusted(read(path)).algorithm == "logistic_regression"


def dump(held: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(held))


def test_a_compressed_file_is_loaded() -> None:
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression().fit(X, Y), buffer, compress=3)
    assert load_trusted(ModelFile("theirs.joblib", buffer.getvalue())).width == 1


@pytest.mark.parametrize("name", ["theirs.onnx", "theirs"])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refusal, match=r"is none of \.joblib, \.pkl, \.bin"):
        read(tmp_path / name)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="No such file"):
        read(tmp_path / "theirs.pkl")


@pytest.mark.parametrize("held", [LinearRegression().fit(X, Y), LinearSVC().fit(X, Y), {"a": 1}])
def test_what_gives_no_probability_is_refused(held: Any) -> None:
    with pytest.raises(Refusal, match="gives no probability"):
        load_trusted(pickled(held))


def test_a_model_that_was_never_trained_is_refused() -> None:
    with pytest.raises(Refusal, match="LogisticRegression, which gives no probability"):
        load_trusted(pickled(LogisticRegression()))


def test_what_is_no_pickle_is_refused() -> None:
    with pytest.raises(Refusal, match="cannot be loaded"):
        load_trusted(ModelFile("theirs.pkl", b"no pickle"))


def test_a_model_of_another_scikit_learn_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as then:
        then.setattr("sklearn.base.__version__", "1.0.2")
        file = pickled(LogisticRegression().fit(X, Y))
    with pytest.raises(Refusal, match=f"scikit-learn 1.0.2, and {sklearn.__version__}"):
        load_trusted(file)
