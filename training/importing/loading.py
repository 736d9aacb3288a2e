"""Loads a file of scikit-learn, which runs the code inside: only ever on a person's word."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped] # ships no types
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.feature_extraction import DictVectorizer

from pipeline.errors import Refusal
from pipeline.manifest import sha256_of
from training.candidates import Classifier

SUFFIXES = (".joblib", ".pkl", ".bin")

_AGAIN = "Save a fitted classifier again, with joblib or pickle"
_PAIR = 2


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file that may hold a model: its name and its bytes. Nothing of it has been run."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Of the bytes, 64 hex digits."""
        return sha256_of(self.content)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A classifier of two classes, and the names of the columns that it reads.

    Without names it reads a matrix of `width` columns. `classes` are who stayed and who churned.
    """

    classifier: Classifier
    classes: tuple[Any, Any]
    width: int
    names: tuple[str, ...] | None

    @property
    def algorithm(self) -> str:
        """What it is, as in `random_forest`."""
        kind = type(_innermost(self.classifier)).__name__.removesuffix("Classifier")
        return "".join(f"_{one.lower()}" if one.isupper() else one for one in kind).strip("_")


def read(path: Path) -> ModelFile:
    """The file at `path`; runs nothing. Raises Refusal."""
    if path.suffix not in SUFFIXES:
        raise Refusal(f"{path} is none of {', '.join(SUFFIXES)}", _AGAIN)
    try:
        return ModelFile(path.name, path.read_bytes())
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror or 'it cannot be read'}", _AGAIN) from error


def load_trusted(file: ModelFile) -> Loaded:
    """What the file holds: RUNS THE CODE INSIDE. Raises Refusal unless it is a fitted classifier.

    A pair of a DictVectorizer and a classifier is one that reads the former's columns.
    """
    vectorizer, classifier = _parts(_unpickled(file))
    if not hasattr(classifier, "predict_proba") or not hasattr(classifier, "classes_"):
        raise Refusal(
            f"{file.name} holds a {type(classifier).__name__}, which gives no probability", _AGAIN
        )
    names = getattr(classifier if vectorizer is None else vectorizer, _names_of(vectorizer), None)
    classes = tuple(getattr(classifier, "classes_", ()))
    if len(classes) != _PAIR:
        raise Refusal(f"{file.name} knows {len(classes)} classes, not two", _AGAIN)
    return Loaded(
        classifier,
        classes,
        int(getattr(classifier, "n_features_in_", 0)),
        None if names is None else tuple(map(str, names)),
    )


def _unpickled(file: ModelFile) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            return joblib.load(io.BytesIO(file.content))
        except InconsistentVersionWarning as warning:
            raise Refusal(
                f"{file.name} was made with scikit-learn {warning.original_sklearn_version}, and "
                f"{warning.current_sklearn_version} may answer otherwise",
                "Import it where its own version is installed, or train it again with this one",
            ) from None
        except Exception as error:  # whatever the code inside raises
            raise Refusal(
                f"{file.name} cannot be loaded: {type(error).__name__}: {error}", _AGAIN
            ) from error


def _parts(held: Any) -> tuple[DictVectorizer | None, Any]:
    """The vectorizer, if there is one, and the classifier."""
    if isinstance(held, Sequence) and len(held) == _PAIR:
        for vectorizer, classifier in (held, held[::-1]):
            if isinstance(vectorizer, DictVectorizer):
                return vectorizer, classifier
    return None, held


def _names_of(vectorizer: DictVectorizer | None) -> str:
    return "feature_names_in_" if vectorizer is None else "feature_names_"


def _innermost(classifier: Any) -> Any:
    """The classifier at the end of pipelines and searches."""
    if hasattr(classifier, "best_estimator_"):
        return _innermost(classifier.best_estimator_)
    steps = getattr(classifier, "steps", None)
    return _innermost(steps[-1][1]) if steps else classifier
