"""The report of a version: one HTML file that needs no other, and the same figures as JSON."""

from __future__ import annotations

from html import escape

import msgspec

from pipeline.manifest import Manifest
from training import sheets
from training.page import page_of
from training.pictures import pictures
from training.sheets import words
from training.train import Trained

HTML = "report.html"
JSON = "report.json"


def reports(trained: Trained) -> dict[str, bytes]:
    """The files of a report by their names. The same bytes for the same figures."""
    return {HTML: _html(trained).encode(), JSON: _json(trained)}


def _json(trained: Trained) -> bytes:
    known = msgspec.to_builtins(trained.manifest)
    content = msgspec.json.encode({**known, "curves": trained.curves})
    return msgspec.json.format(content, indent=2) + b"\n"


def _html(trained: Trained) -> str:
    manifest = trained.manifest
    parts = [
        f"<p>{escape(_summary(manifest))}</p>",
        *pictures(manifest.metrics, trained.curves),
        *_section("Chosen in cross-validation", sheets.candidates(manifest)),
        *_section("On users held out, by counted events", sheets.stages(manifest)),
        *_section("How early it knows: at each user's n-th score", sheets.how_early(manifest)),
        *_section(f"Answers at {manifest.threshold:g} or more", sheets.confusion(manifest)),
    ]
    for name, groups in manifest.fairness.items():
        parts += _section(f"Errors by {words(name)}", sheets.errors(groups))
    title = f"{manifest.use_case}, version {manifest.version}"
    return page_of(title, "\n".join(parts))


def _section(title: str, sheet: sheets.Sheet) -> tuple[str, str]:
    return f"<h2>{escape(title)}</h2>", sheet.html()


def _summary(manifest: Manifest) -> str:
    metrics, calibration = manifest.metrics, manifest.calibration
    told = ("log_loss", "auc", "accuracy", "precision", "recall")
    figures = ", ".join(f"{words(name)} {sheets.number(metrics[name])}" for name in told)
    return (
        f"A {words(manifest.algorithm)}, learnt from {manifest.training['source']}, judged by "
        f"{manifest.training['users_held_out']:,} users who took no part: {figures}; calibration "
        f"error {calibration['expected_error']:.4f}."
    )
