"""Users change while all workers run; the champion errs, and `pipeline retrain` puts it right."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.promotion.live import Live
from tests.support.kafka import eventually

DRIFT = "2025-06-28T00:00:00Z"  # half of the two days in which a world's users register are over
HALF_WAY = ("--users", "500", "--events", "60", "--drift", "0.5")
SINCE = ("--users", "600", "--events", "60", "--drift", "0")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("software")
def test_a_drift_costs_the_champion_a_tenth_of_its_precision_and_retraining_restores_it(
    tmp_path: Path,
) -> None:
    live = Live.in_(tmp_path)
    with live.up():
        live.run("generate", "--users", "1", "--seed", "11", "--lookups", "tables", "--limit", "0")
        live.run("lookup", "load", "tables/socioeconomic_idx.csv")
        live.feed(*HALF_WAY, "--seed", "11")
        before = live.precision("1", until=DRIFT)
        after = live.precision("1", since=DRIFT)
        live.feed(*SINCE, "--seed", "12")
        print(live.run("retrain", "--promote"))  # noqa: T201 - what the test is for
        eventually(lambda: live.serves("2"), 30)
        live.feed(*HALF_WAY, "--seed", "14")
        restored = live.precision("2", since=DRIFT)
    print(f"precision before {before:.3f}, after {after:.3f}, restored {restored:.3f}")  # noqa: T201 - as above
    assert after < 0.9 * before
    assert restored > 0.95 * before
