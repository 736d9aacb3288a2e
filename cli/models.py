"""The versions of a model, for people: in a list, and one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import (
    CARD,
    Manifest,
    read_manifest,
    readable_folder,
    verified_model,
    versions_of,
)
from pipeline.registry import Aliases, aliases_of
from promotion.decisions import decisions

_HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its alias, if it has one, and what its manifest says.

    Where `problem` says that it cannot serve, the rest is empty.
    """

    version: str
    alias: str
    algorithm: str = ""
    log_loss: float | None = None
    auc: float | None = None
    sha256: str = ""
    problem: str = ""


def versions(models: Path, case: UseCase) -> list[Version]:
    """All versions, the newest last. Raises Refusal where there is none."""
    aliases = aliases_of(models, case.name)
    return [_version(models, case, name, aliases) for name in versions_of(models, case.name)]


def listed(found: Sequence[Version]) -> Table:
    """As a table."""
    table = Table()
    for name in ("version", "", "algorithm", "log loss", "AUC", "SHA-256"):
        table.add_column(name, overflow="fold")
    for one in found:
        last = one.problem or one.sha256[:_HASH_DIGITS]
        figures = (_figure(one.log_loss), _figure(one.auc))
        cells = (one.version, one.alias, one.algorithm, *figures, last)
        table.add_row(*map(Text, cells))
    return table


def described(models: Path, case: UseCase, version: str) -> Iterator[str]:
    """Lines on one version. Raises Refusal where it cannot serve."""
    manifest = _checked(models, case, version)
    alias = _alias(version, aliases_of(models, case.name))
    yield " ".join(filter(None, (case.name, version, alias)))
    yield f"algorithm   {manifest.algorithm}, says churn at {manifest.threshold:g} or more"
    yield f"SHA-256     {manifest.sha256}"
    yield f"learnt from {manifest.training.get('source', 'nobody says what')}"
    yield f"held out    {_of_best(manifest.metrics)}"
    yield f"card        {readable_folder(models, case.name, version) / CARD}"
    for one in decisions(models, case.name):
        if version in (one.version, one.champion):
            done = "done" if one.done else "refused"
            yield f"{one.at} {one.act} {one.version}, champion {one.champion}: {done}, {one.why}"


def in_service(models: Path, case: UseCase) -> str:
    """One line on the champion: its version, and how close it is to the best possible."""
    manifest = _checked(models, case, aliases_of(models, case.name).champion)
    kind = manifest.algorithm.replace("_", " ")
    return f"{case.name} {manifest.version}, {kind}: {_of_best(manifest.metrics)}"


def _of_best(metrics: Mapping[str, Any]) -> str:
    """Log loss and AUC on users held out, and the best possible ones where they are known."""
    best = metrics.get("optimum") or {}
    named = (("log loss", "log_loss"), ("AUC", "auc"))
    parts = [
        f"{words} {_figure(metrics.get(name))}"
        + (f" (the best possible is {_figure(best[name])})" if name in best else "")
        for words, name in named
    ]
    return ", ".join(parts)


def _version(models: Path, case: UseCase, version: str, aliases: Aliases) -> Version:
    alias = _alias(version, aliases)
    try:
        manifest = _checked(models, case, version)
    except Refusal as refusal:
        return Version(version, alias, problem=refusal.problem)
    metrics = manifest.metrics
    return Version(
        version,
        alias,
        manifest.algorithm,
        metrics.get("log_loss"),
        metrics.get("auc"),
        manifest.sha256,
    )


def _checked(models: Path, case: UseCase, version: str) -> Manifest:
    folder = readable_folder(models, case.name, version)
    manifest = read_manifest(folder)
    manifest.check_inputs(case)
    verified_model(folder, manifest)
    return manifest


def _alias(version: str, aliases: Aliases) -> str:
    if version == aliases.champion:
        return "champion"
    trial = aliases.challenger
    if trial is None or version != trial.version:
        return ""
    return f"challenger for {trial.share:.1%}" if trial.share else "challenger in shadow"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
