"""A log of inferences whose users' labels are known, written by the logger itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from pipeline.times import format_time
from tests.rebuild.rig import Ledger
from tests.support.events import NOON, SECOND, caused_by, consumed, registration
from tests.support.fakes import Records
from tests.support.stages import TOPICS
from use_cases.first_day_churn import USE_CASE

FEATURES = dict.fromkeys(USE_CASE.features, 1.0)
TRUTH = {f"u{n}": float(p) for n, p in enumerate(np.random.default_rng(2).uniform(0, 1, 600))}
"""With which probability each user churns."""
LABELS = {
    user: int(np.random.default_rng(n).uniform() < p) for n, (user, p) in enumerate(TRUTH.items())
}


def inference(user: str, n: int, **fields: Any) -> dict[str, Any]:
    """The n-th score, as `serving` writes it."""
    return {
        "schema_version": 1,
        "id": f"first/0/{n}/0",
        "scored_at": format_time(NOON + SECOND),
        "user_id": user,
        "event_type": "bet",
        "event_time": format_time(NOON),
        "as_of": format_time(NOON),
        "model": USE_CASE.name,
        "version": "1",
        "model_hash": "ab",
        "lookups": {},
        "features": FEATURES,
        "probability": 0.5,
        "decision": "churn",
        "feature_age": 0.0,
        **fields,
    }


def shadowed(user: str, n: int, probability: float, shadow: float, **more: Any) -> dict[str, Any]:
    """A score with that of version 2 in its shadow."""
    names = {"shadow_version": "2", "shadow_hash": "cd", "shadow_probability": shadow}
    return inference(user, n, probability=probability, **{**names, **more})


def logged(
    root: Path, inferences: Sequence[dict[str, Any]], labels: Mapping[str, int] = LABELS
) -> Path:
    """The log of these inferences, and of the registrations that tell the labels."""
    events = [registration(user, label=label) for user, label in labels.items()]
    clock = registration("clock", at=NOON + 10 * SECOND)

    def records(topic: str, contents: Sequence[dict[str, Any]]) -> Records:
        return [
            consumed(orjson.dumps(one), topic=topic, offset=n, headers=caused_by(n))
            for n, one in enumerate(contents)
        ]

    async def log() -> None:
        ledger = Ledger(root)
        incoming = records(TOPICS.incoming, [*events, clock])
        await ledger.log(TOPICS.incoming, {0: incoming})
        await ledger.log(TOPICS.inferences, {0: records(TOPICS.inferences, inferences)})

    asyncio.run(log())
    return root
