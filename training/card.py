"""The model card: what a person must know before using a version, drawn from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.manifest import Manifest

_CARD = """\
# {use_case}, version {version}

{purpose}

- **What it gives:** the probability of churn at each event that causes a score, from {width} \
features as they stand then. It says churn at {threshold} or more; no cost stands behind that.
- **What it is:** a {algorithm}, chosen by log loss on the users held out: {candidates}.
- **What it learnt from:** {source}. The users are invented. It learnt from {learnt}; \
about {blind:.0%} of them had nothing looked up, so that it knows the defaults.
- **What it is judged by:** {held_out}, whom it never saw. The choice was made on the same users, \
so the figures are a shade kind.

## On the users held out

Each row is one score; a user with more events has more rows.

| counted events | rows | log loss | AUC |{best_head}
|---|--:|--:|--:|{best_line}
{stages}

Accuracy {accuracy:.4f}, where {churned:.1%} of the rows are of users who churned; mean \
probability {mean_probability:.1%}. With nothing looked up: log loss {blind_loss:.4f}, \
AUC {blind_auc}.
{best_note}
## Limits

- The figures say that the pipeline and the training are right; they say nothing of real people. \
Train on your own log before you act on a score.
- It knows one kind of behaviour. When users change, it does not notice.
- What is looked up may stand for where someone lives. Look at the errors by its levels before a \
decision about a person hangs on a score.
- Built with {libraries}. The same data, seed and versions give the same bytes.
"""

_BEST_NOTE = """\

The best possible is the exact posterior of the invented world, given the same features. It leaves \
out that who stays may be away when the first day ends, so a model may come out a little better.
"""


def card(manifest: Manifest, purpose: str) -> str:
    """The card in Markdown; `purpose` is what the use case says of itself."""
    metrics, training = manifest.metrics, manifest.training
    best, blind = metrics["optimum"], metrics["without_lookups"]
    return _CARD.format(
        use_case=manifest.use_case,
        version=manifest.version,
        purpose=purpose.strip(),
        width=len(manifest.features),
        threshold=manifest.threshold,
        algorithm=_words(manifest.algorithm),
        candidates=_listed(metrics["candidates"], "{} {:.4f}"),
        source=training["source"],
        learnt=_part(training, "learnt"),
        held_out=_part(training, "held_out"),
        blind=training["share_without_lookups"],
        best_head=" best possible log loss | best possible AUC |" if best else "",
        best_line="--:|--:|" if best else "",
        stages="\n".join([*map(_stage, metrics["by_counted_events"]), _all(metrics, training)]),
        accuracy=metrics["accuracy"],
        churned=metrics["churned"],
        mean_probability=metrics["mean_probability"],
        blind_loss=blind["log_loss"],
        blind_auc=_number(blind["auc"]),
        best_note=_BEST_NOTE if best else "",
        libraries=_listed(manifest.libraries, "{} {}"),
    )


def _stage(stage: Mapping[str, Any]) -> str:
    low, high = stage["from"], stage["to"]
    return _row(str(low) if low == high else f"{low} to {high}", stage)


def _all(metrics: Mapping[str, Any], training: Mapping[str, Any]) -> str:
    best = metrics["optimum"] or {}
    return _row(
        "all",
        {
            "rows": training["rows_held_out"],
            "log_loss": metrics["log_loss"],
            "auc": metrics["auc"],
            **{f"optimum_{name}": best[name] for name in ("log_loss", "auc") if best},
        },
    )


def _row(name: str, figures: Mapping[str, Any]) -> str:
    columns = ("log_loss", "auc", "optimum_log_loss", "optimum_auc")
    cells = [_number(figures[column]) for column in columns if column in figures]
    return f"| {name} | {figures['rows']:,} | {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _part(training: Mapping[str, Any], part: str) -> str:
    return f"{training[f'users_{part}']:,} of them ({training[f'rows_{part}']:,} scores)"


def _listed(named: Mapping[str, Any], form: str) -> str:
    return ", ".join(form.format(_words(name), value) for name, value in named.items())


def _words(name: str) -> str:
    return name.replace("_", " ")
