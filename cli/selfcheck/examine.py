"""All checks over what the edges have read. Pure but for the model, which a thread runs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from cli.demo.facts import RunFacts
from cli.selfcheck import independent, refold
from cli.selfcheck.arrivals import all_came_out, all_logged, malformed_rejected
from cli.selfcheck.broker import Broker
from cli.selfcheck.features import Progress, as_recomputed, as_refolded, markers_at_end
from cli.selfcheck.figures import figures
from cli.selfcheck.held import Held
from cli.selfcheck.inferences import ModelOf, as_folded, as_modelled, one_each
from cli.selfcheck.logged import Logged, in_force, once
from cli.selfcheck.result import Check, CheckResult, Files
from cli.selfcheck.scores import as_last_inferred
from cli.selfcheck.told import as_told
from pipeline.declaration import UseCase
from pipeline.parquet.refold import TableOf
from pipeline.topics import Topics


@dataclass(frozen=True, slots=True)
class Evidence:
    """What Parquet, Kafka and Redis hold once every lag is zero, and what it was made with."""

    logged: Logged
    files: Files
    broker: Broker
    features: Held
    scores: Held
    fold_tables: TableOf
    recomputation_tables: independent.TableOf
    model_of: ModelOf


def examine(case: UseCase, evidence: Evidence, run: RunFacts) -> CheckResult:
    """Hold every promise against the evidence."""
    logged = evidence.logged
    log = in_force(logged.incoming)
    with ThreadPoolExecutor(1) as beside:
        scoring = beside.submit(_as_modelled, case, evidence)
        refolded = refold.refold(case, log, evidence.fold_tables)
        recomputed = independent.recompute(case, log, evidence.recomputation_tables)
        checks = (
            as_recomputed(case, recomputed, evidence.features),
            as_refolded(refolded, evidence.features),
            markers_at_end(case, _progress(case, evidence, refolded)),
            *_scores(case, evidence, recomputed.scored, refolded.scores, scoring),
            *_told(case, evidence, refolded, run),
            *_records(case, evidence, run),
        )
    return CheckResult(checks, figures(case, logged, run, evidence.files))


def _progress(case: UseCase, evidence: Evidence, refolded: refold.Refolded) -> list[Progress]:
    """Of each stage that keeps a marker."""
    topics, known = Topics.of(case), evidence.broker.topics
    scores = Progress("scores", known[topics.features], evidence.scores, {})
    return [
        Progress("features", known[topics.incoming], evidence.features, refolded.lookups),
        *([scores] if case.model else []),
    ]


def _scores(
    case: UseCase,
    evidence: Evidence,
    recomputed: Sequence[str],
    folded: refold.Scores,
    modelled: Future[Check],
) -> list[Check]:
    """What there is to say of inferences; nothing where no model makes any."""
    if not case.model:
        return []
    incoming, inferences = evidence.logged.incoming, once(evidence.logged.inferences)
    return [
        one_each(recomputed, folded.origins, inferences),
        as_folded(case, folded, inferences),
        modelled.result(),
        as_last_inferred(case, inferences, incoming, evidence.scores),
    ]


def _told(
    case: UseCase, evidence: Evidence, refolded: refold.Refolded, run: RunFacts
) -> list[Check]:
    """Nothing where nobody was asked for."""
    return [as_told(case, refolded.hashes, evidence.model_of, run.told)] if run.told else []


def _as_modelled(case: UseCase, evidence: Evidence) -> Check:
    return as_modelled(case, evidence.model_of, once(evidence.logged.inferences))


def _records(case: UseCase, evidence: Evidence, run: RunFacts) -> list[Check]:
    """Whether every record is where it belongs, once."""
    logged, broker, topics = evidence.logged, evidence.broker, Topics.of(case)
    tables = (logged.incoming, logged.inferences, logged.rejected)
    known = [broker.topics[name] for name in topics.logged]
    sources = [broker.topics[name] for name in broker.sources]
    return [
        all_logged([*zip(known, tables, strict=True)]),
        all_came_out(sources, logged.incoming, logged.rejected, run),
        malformed_rejected(logged.rejected, run),
    ]
