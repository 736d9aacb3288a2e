"""Whether a demo run kept its promises: Redis, inferences and Parquet against the log.

Reads all three logged topics from Parquet, every hash from Redis, and the ends of the topics from
Kafka; writes nothing. The edges (`logged`, `held`, `broker`, `tables`) read; all else is pure.
"""

from __future__ import annotations

from cli.demo.facts import RunFacts
from cli.selfcheck.result import Check, CheckResult
from pipeline.declaration import UseCase
from pipeline.settings import Settings

__all__ = ["Check", "CheckResult", "check"]


def check(case: UseCase, settings: Settings, run: RunFacts) -> CheckResult:
    """Check `run`, once every lag is zero and nothing is sent any more. Blocks for seconds.

    Needs no event loop. Raises Refusal or InfrastructureError where something cannot be read.
    """
    from cli.selfcheck.evidence import gather  # noqa: PLC0415 - pandas costs every command a second
    from cli.selfcheck.examine import examine  # noqa: PLC0415 - the same

    return examine(case, gather(case, settings), run)
