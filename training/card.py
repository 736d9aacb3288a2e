"""The model card: what a person must know before using a version, drawn from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.manifest import Manifest
from training import sheets
from training.sheets import number, words

_CARD = """\
# {use_case}, version {version}

{purpose}

- **What it gives:** the probability of churn at each event that causes a score, from {width} \
features as they stand then. It says churn at {threshold} or more: there an offer that costs \
{offer:g} pays against a churner who costs {churner:g}.
- **What it is:** a {algorithm}, the best by log loss in cross-validation by user.
- **What it learnt from:** {source}. It learnt from {learnt}; about {blind:.0%} of them had \
nothing looked up, so that it knows the defaults.
- **What it is judged by:** {held_out}, who took no part in the learning nor in the choice.

## How it was chosen

The best of each kind in {folds}-fold cross-validation by user, on the users learnt from.

{candidates}

## On the users held out

Each row is one score; a user with more events has more rows. {best_note}

{stages}

Accuracy {accuracy:.4f}, precision {precision}, recall {recall}, where {churned:.1%} of the rows \
are of users who churned. With nothing looked up: log loss {blind_loss:.4f}, AUC {blind_auc}.

**How early it knows:** at each user's n-th score, or his last if he has fewer.

{early}

**Calibration:** over ten bins of equally many scores, what was said and what came are \
{error:.4f} apart on average{best_error}. The slope of the log-odds is {slope} and the intercept \
{intercept}; where probabilities are right they are 1 and 0 (Cox 1958).

**Cost of a score:** {by_threshold:.4f} with this threshold, {by_cheapest:.4f} with the cheapest \
one in hindsight ({cheapest:g}), {to_all:.4f} with an offer to all and {to_none:.4f} with none.
{fairness}
## Limits

- {people}
- It knows one kind of behaviour. When users change, it does not notice.
- What is looked up may stand for where someone lives: see the errors above before a decision \
about a person hangs on a score.
- Built with {libraries}. The same data, seed and versions give the same bytes.
"""

_BEST_NOTE = """\
The best possible is the exact posterior of the invented world: from the same features, and from \
the raw log, which tells the postcode itself and every absence. That of the features leaves out \
that who stays may be away when the first day ends, so a model may come out a little better."""

_FAIRNESS = """
## Who it errs on

Of those who stayed, how many it said would churn (false positives); of those who churned, how \
many it said would stay (false negatives). Where groups differ in how many churn, they differ in \
these rates even under the best possible score.
"""

_INVENTED = (
    "The users are invented. The figures say that the pipeline and the training are right; they "
    "say nothing of real people. Train on your own log before you act on a score."
)
_LOGGED = "It was judged on users of the same time as those it learnt from, not on later ones."


def card(manifest: Manifest, purpose: str) -> str:
    """The card in Markdown; `purpose` is what the use case says of itself."""
    metrics, training = manifest.metrics, manifest.training
    calibration, blind, cost = manifest.calibration, metrics["without_lookups"], metrics["cost"]
    best = calibration.get("optimum")
    return _CARD.format(
        use_case=manifest.use_case,
        version=manifest.version,
        purpose=purpose.strip(),
        width=len(manifest.features),
        threshold=manifest.threshold,
        **manifest.costs,
        algorithm=words(manifest.algorithm),
        source=training["source"],
        learnt=_part(training, "learnt"),
        held_out=_part(training, "held_out"),
        blind=training["share_without_lookups"],
        folds=training["folds"],
        candidates=sheets.candidates(manifest).markdown(),
        best_note=_BEST_NOTE if metrics["optimum"] else "",
        stages=sheets.stages(manifest).markdown(),
        accuracy=metrics["accuracy"],
        precision=number(metrics["precision"]),
        recall=number(metrics["recall"]),
        churned=metrics["churned"],
        blind_loss=blind["log_loss"],
        blind_auc=number(blind["auc"]),
        early=sheets.how_early(manifest).markdown(),
        error=calibration["expected_error"],
        best_error=f", those of the best possible {best['expected_error']:.4f}" if best else "",
        slope=number(calibration["slope"]),
        intercept=number(calibration["intercept"]),
        by_threshold=cost["by_threshold"],
        by_cheapest=cost["by_cheapest"],
        cheapest=cost["cheapest_threshold"],
        to_all=cost["offer_to_all"],
        to_none=cost["offer_to_none"],
        fairness=who_it_errs_on(manifest.fairness),
        people=_INVENTED if metrics["optimum"] else _LOGGED,
        libraries=", ".join(f"{words(one)} {value}" for one, value in manifest.libraries.items()),
    )


def who_it_errs_on(measured: Mapping[str, Any]) -> str:
    """A card's part about errors by group; empty where nobody measured them."""
    tables = [
        f"By {words(name)}:\n\n{sheets.errors(groups).markdown()}\n"
        for name, groups in measured.items()
    ]
    return "\n".join([_FAIRNESS, *tables]) if tables else ""


def _part(training: Mapping[str, Any], part: str) -> str:
    return f"{training[f'users_{part}']:,} of them ({training[f'rows_{part}']:,} scores)"
