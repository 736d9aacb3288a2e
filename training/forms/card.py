"""The card of a form's model: what a person must know before using it, drawn from its manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.declaration.form import Form
from pipeline.manifest import Manifest
from training.card import who_it_errs_on

_CARD = """\
# {use_case}, version {version}

{purpose}

- **What it gives:** the probability that a {subject} churns, from {width} fields of the request: \
{fields}. It says churn at {threshold:g} or more: \
an offer is taken to cost {offer:g} and a churner who got none {churner:g}.
- **What it is:** a {algorithm}{choice}.
- **What it learnt from:** {learnt:,} of {source}.
- **What it is judged by:** the other {held_out:,}, which took no part in any choice.

## On those held out

| | log loss | AUC |
|---|--:|--:|
| this model | {log_loss:.4f} | {auc} |
{best}
Accuracy {accuracy:.4f}, where saying `no churn` to all has {base_rate:.4f}; precision \
{precision}, recall {recall}. A {subject} costs {cost:.4f} on the mean, {to_none:.4f} with no \
offer and {to_all:.4f} with one to all.

| tenth by what it says | said on the mean | churned |
|---|--:|--:|
{calibration}

Calibration: expected error {expected_error:.4f}, slope {slope}, intercept {intercept}.
{fairness}
## Limits

{limits}- It knows one time and one kind of {subject}. When they change, it does not notice.
- Choices become columns and what is empty is filled in inside the model, so that one request and \
many are encoded alike.
- Built with {libraries}. The same data, seed and versions give the same bytes.
"""

_INVENTED = """\
- The {subject}s are invented. The figures say that the training is right; they say nothing of \
real people. Train on your own table before you act on a score.
"""

_LEFT_OUT = " (left out: in ONNX it does not answer as it must)"

_BLIND = """\
- In this world churn is independent of every field, so nothing can be learnt: saying `no churn` \
to all is right {base_rate:.1%} of the time, and a higher accuracy would be luck.
"""


def card(manifest: Manifest, form: Form, purpose: str) -> str:
    """The card in Markdown; `purpose` is what the use case says of itself."""
    metrics, training = manifest.metrics, manifest.training
    best, cost, calibration = metrics["optimum"], metrics["cost"], manifest.calibration
    return _CARD.format(
        use_case=manifest.use_case,
        version=manifest.version,
        purpose=purpose.strip(),
        subject=form.subject,
        width=len(form.fields),
        fields=", ".join(form.names),
        threshold=manifest.threshold,
        **manifest.costs,
        algorithm=_words(manifest.algorithm),
        choice=_choice(metrics["candidates"], metrics["left_out"]),
        learnt=training["rows_learnt"],
        held_out=training["rows_held_out"],
        source=training["source"],
        log_loss=metrics["log_loss"],
        auc=_number(metrics["auc"]),
        best=_best(best) if best else "",
        base_rate=max(metrics["churned"], 1 - metrics["churned"]),
        accuracy=metrics["accuracy"],
        precision=_number(metrics["precision"]),
        recall=_number(metrics["recall"]),
        cost=cost["by_threshold"],
        to_none=cost["offer_to_none"],
        to_all=cost["offer_to_all"],
        expected_error=calibration["expected_error"],
        slope=_number(calibration["slope"]),
        intercept=_number(calibration["intercept"]),
        fairness=who_it_errs_on(manifest.fairness),
        calibration="\n".join(map(_part, enumerate(metrics["calibration_bins"], start=1))),
        limits=_limits(metrics, form) if best else "",
        libraries=", ".join(f"{name} {version}" for name, version in manifest.libraries.items()),
    )


def _choice(candidates: Mapping[str, float], left_out: Sequence[str]) -> str:
    if len(candidates) == 1:
        return ""
    losses = ", ".join(
        f"{_words(name)} {loss:.4f}{_LEFT_OUT if name in left_out else ''}"
        for name, loss in candidates.items()
    )
    return f", chosen by log loss in cross-validation on those it learnt from: {losses}"


def _best(best: Mapping[str, Any]) -> str:
    return (
        f"| the best possible | {best['log_loss']:.4f} | {_number(best['auc'])} |\n\n"
        "The best possible are the chances with which each one's end was drawn: nobody can know "
        "more, and a model comes out better only by the luck of the draw.\n"
    )


def _limits(metrics: Mapping[str, Any], form: Form) -> str:
    blind = metrics["optimum"]["auc"] == 0.5  # noqa: PLR2004 - all have the same chance
    told = _BLIND.format(base_rate=1 - metrics["churned"]) if blind else ""
    return _INVENTED.format(subject=form.subject) + told


def _part(numbered: tuple[int, Mapping[str, float]]) -> str:
    number, part = numbered
    return f"| {number} | {part['mean_probability']:.3f} | {part['churned']:.3f} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
