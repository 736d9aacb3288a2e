"""The stages' rounds: ours, the naive, ours again, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.contender import Contender, measure
from benchmarks.course import Figures
from benchmarks.filling import Facts, fill_naive, generate
from benchmarks.lab import Lab
from benchmarks.results import Round, Rounds
from benchmarks.site import Site
from benchmarks.stages import STAGES, Stage


@dataclass(frozen=True, slots=True)
class Measured:
    """The rounds of each stage, and what the naive ones were given."""

    rounds: Rounds
    conditions: dict[str, Any]


def measure_stages(site: Site, chosen: Sequence[Stage]) -> Measured:
    """Once through the chain to fill the topics and warm the broker; then round by round."""
    if not chosen:
        return Measured({}, {})
    with site.lab() as made:
        site.say(f"{site.size.events:,} events, {site.size.rounds} rounds; first once unmeasured")
        generate(made)
        for stage in STAGES:
            run(site, made, stage.ours(made))
        facts = fill_naive(made)
        return Measured(_rounds(site, made, facts, chosen), _conditions(made, facts))


def run(site: Site, made: Lab, contender: Contender) -> Figures:
    """Measure it once, and say what came of it."""
    figures = measure(contender, made.directory / f"{contender.name}.log")
    site.say(
        f"{contender.name:45} {figures.rate:>10,.0f} records/s in {figures.seconds:5.1f} s, "
        f"{figures.cpu_rate:>10,.0f} per CPU second"
    )
    return figures


def _rounds(site: Site, made: Lab, facts: Facts, chosen: Sequence[Stage]) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {stage.name: [] for stage in chosen}
    for number in range(1, site.size.rounds + 1):
        site.say(f"Round {number} of {site.size.rounds}")
        for stage in chosen:
            found[stage.name].append(_round(site, made, facts, stage))
    return found


def _round(site: Site, made: Lab, facts: Facts, stage: Stage) -> Round:
    ours = run(site, made, stage.ours(made))
    naive = None if stage.naive is None else run(site, made, stage.naive(made, facts))
    return Round(ours, naive, run(site, made, stage.ours(made)))


def _conditions(made: Lab, facts: Facts) -> dict[str, Any]:
    return {
        "partitions": made.partitions,
        "naive_model": f"scikit-learn {facts.model}",
        "naive_events": facts.naive_events,
    }
