"""The manifest of a model's folder: what the model is, what it reads, and what it was trained on.

`<models>/<use case>/<version>/` holds `manifest.json`, `model.onnx`, `card.md` and what training
reports besides. Versions are whole numbers. A model's bytes are handed out only when their hash is
the manifest's.

`models` is the user's own folder (PIPELINE_MODELS). A version that is not there is read from
SHIPPED, which the pipeline never writes to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pipeline.declaration import UseCase
from pipeline.disk import write_whole
from pipeline.errors import Refusal

MANIFEST = "manifest.json"
MODEL = "model.onnx"
CARD = "card.md"

SHIPPED = Path(__file__).parents[1] / "models"
"""The models that come with the code, in a checkout as in an installed package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One version of a model. `features` are its input columns in their order.

    It says churn where the probability is `threshold` or more. `probabilities` names the output of
    two columns, the second of which is the probability of churn. `costs` are those the threshold
    follows from; they, `calibration` and `fairness` are empty where nobody measured them. Holds
    nothing that changes from one run of the same training to the next.
    """

    use_case: str
    version: str
    algorithm: str
    features: tuple[str, ...]
    probabilities: str
    threshold: float
    sha256: str
    seed: int
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    libraries: Mapping[str, str]
    costs: Mapping[str, float] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    fairness: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("features are empty")
        if not 0 < self.threshold < 1:
            raise ValueError("threshold is not between 0 and 1")

    def check_inputs(self, case: UseCase) -> None:
        """Raises Refusal unless the model reads exactly the inputs that `case` declares."""
        if self.use_case != case.name:
            raise Refusal(
                f"the model is one of {self.use_case!r}, not of {case.name!r}",
                "Name a model of this use case",
            )
        if self.features != case.inputs:
            raise Refusal(
                f"model {self.version} of {case.name} reads other features than the use case "
                f"declares: {_difference(self.features, case.inputs)}",
                f"Train a version for it: PIPELINE_USE_CASE={case.name} pipeline train",
            )


def model_folder(models: Path, use_case: str, version: str) -> Path:
    """Where a version is written."""
    return models / use_case / version


def readable_folder(models: Path, use_case: str, version: str) -> Path:
    """Where a version is read: the user's own before a shipped one of the same number.

    Where there is neither, the user's own.
    """
    folders = [home / version for home in homes_of(models, use_case)]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def versions_of(models: Path, use_case: str) -> list[str]:
    """Every version that has a folder, shipped ones too, oldest first."""
    homes = homes_of(models, use_case)
    return sorted({number for home in homes for number in _numbers(home)}, key=int)


def homes_of(models: Path, use_case: str) -> tuple[Path, ...]:
    """Where versions and aliases of a use case are read: first the user's own, then the shipped."""
    return models / use_case, SHIPPED / use_case


def newest_folder(models: Path, use_case: str) -> Path:
    """The folder of the highest version. Raises Refusal where there is none."""
    versions = versions_of(models, use_case)
    if not versions:
        raise Refusal(
            f"there is no model of {use_case} under {models}",
            f"Train one: PIPELINE_USE_CASE={use_case} pipeline train; "
            "or name another folder in PIPELINE_MODELS",
        )
    return readable_folder(models, use_case, versions[-1])


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`. Raises Refusal where it is missing or malformed."""
    try:
        return msgspec.json.decode(_read(folder / MANIFEST), type=Manifest)
    except msgspec.DecodeError as error:  # a ValueError of the manifest itself comes as one too
        raise Refusal(f"{folder / MANIFEST} is malformed: {error}", _restore(folder)) from None


def verified_model(folder: Path, manifest: Manifest) -> bytes:
    """The bytes of the model in `folder`. Raises Refusal unless their hash is the manifest's."""
    content = _read(folder / MODEL)
    if sha256_of(content) != manifest.sha256:
        raise Refusal(f"{folder / MODEL} is not the file its manifest names", _restore(folder))
    return content


def write_model(
    folder: Path,
    manifest: Manifest,
    model: bytes,
    card: str,
    reports: Mapping[str, bytes] | None = None,
) -> None:
    """Write a version, the manifest last, each file whole or not at all; `reports` by file name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {MODEL: model, CARD: card.encode(), **(reports or {})}.items():
        write_whole(folder / name, content)
    write_whole(folder / MANIFEST, _serialise(manifest))


def sha256_of(content: bytes) -> str:
    """The SHA-256 as 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def _serialise(manifest: Manifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise Refusal(f"{path}: {reason}", _restore(path.parent)) from error


def _numbers(home: Path) -> list[str]:
    try:
        return [path.name for path in home.iterdir() if path.name.isdecimal()]
    except OSError:
        return []


def _restore(folder: Path) -> str:
    return (
        f"Restore {folder}, or remove it and train it again: "
        f"PIPELINE_USE_CASE={folder.parent.name} pipeline train --version {folder.name}"
    )


def _difference(has: tuple[str, ...], wants: tuple[str, ...]) -> str:
    missing, unknown = sorted({*wants} - {*has}), sorted({*has} - {*wants})
    named = (("it lacks", missing), ("it has", unknown))
    parts = [f"{words} {', '.join(names)}" for words, names in named if names]
    return "; ".join(parts) or "the same names in another order"
