"""All checks over what the edges have read. Pure but for the model, which a thread runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cli.facts import RunFacts
from cli.selfcheck import independent, refold
from cli.selfcheck.arrivals import all_came_out, all_logged, malformed_rejected
from cli.selfcheck.broker import Broker
from cli.selfcheck.features import Progress, as_recomputed, as_refolded, markers_at_end
from cli.selfcheck.figures import figures
from cli.selfcheck.held import Held
from cli.selfcheck.inferences import ModelOf, as_folded, as_modelled, one_each
from cli.selfcheck.logged import Logged, in_force, once
from cli.selfcheck.result import CheckResult, Files
from cli.selfcheck.scores import as_last_inferred
from pipeline.declaration import UseCase
from pipeline.refold import TableOf
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
    logged, broker = evidence.logged, evidence.broker
    topics, known = Topics.of(case), broker.topics
    log, inferences = in_force(logged.incoming), once(logged.inferences)
    with ThreadPoolExecutor(1) as beside:
        modelled = beside.submit(as_modelled, case, evidence.model_of, inferences)
        refolded = refold.refold(case, log, evidence.fold_tables)
        recomputed = independent.recompute(case, log, evidence.recomputation_tables)
        checks = (
            as_recomputed(case, recomputed, evidence.features),
            as_refolded(refolded, evidence.features),
            markers_at_end(
                case,
                [
                    Progress(
                        "features", known[topics.incoming], evidence.features, refolded.lookups
                    ),
                    Progress("scores", known[topics.features], evidence.scores, {}),
                ],
            ),
            one_each(recomputed.scored, refolded.scores.origins, inferences),
            as_folded(case, refolded.scores, inferences),
            modelled.result(),
            as_last_inferred(case, inferences, logged.incoming, evidence.scores),
            all_logged(
                [
                    (known[topics.incoming], logged.incoming),
                    (known[topics.inferences], logged.inferences),
                    (known[topics.rejected], logged.rejected),
                ]
            ),
            all_came_out(
                [known[name] for name in broker.sources], logged.incoming, logged.rejected, run
            ),
            malformed_rejected(logged.rejected, run),
        )
    return CheckResult(checks, figures(case, logged, run, evidence.files))
