from __future__ import annotations

import pytest

from generator.pace import AtRate, FullSpeed
from pipeline.clock import FixedClock
from pipeline.errors import SettingsError


class Time:
    """A clock that moves only by sleeping, and sleeps a little too long."""

    def __init__(self, overslept: float = 0.0) -> None:
        self.clock = FixedClock()
        self._overslept = overslept

    def pass_by(self, seconds: float) -> None:
        self.clock.at += round(seconds * 1e6)

    async def sleep(self, seconds: float) -> None:
        self.pass_by(seconds + self._overslept)


async def run(pace: AtRate, time: Time, seconds: float) -> list[int]:
    allowed = []
    while time.clock.monotonic() < seconds:
        allowed.append(await pace.allowance())
    return allowed


async def test_full_speed_never_waits_and_always_allows() -> None:
    assert await FullSpeed().allowance() > 0


@pytest.mark.parametrize("rate", [0.5, 1, 99.7, 500, 12_345])
async def test_a_rate_does_not_drift_however_inexact_the_sleep(rate: float) -> None:
    time = Time(overslept=0.0017)
    allowed = await run(AtRate(rate, time.clock, time.sleep), time, 100)
    assert sum(allowed) == pytest.approx(rate * time.clock.monotonic(), abs=1 + 0.02 * rate)


@pytest.mark.parametrize("rate", [1, 500, 12_345])
async def test_a_burst_is_at_most_20_ms_of_the_rate(rate: float) -> None:
    time = Time(overslept=0.0017)
    allowed = await run(AtRate(rate, time.clock, time.sleep), time, 20)
    assert max(allowed) <= max(1, 0.02 * rate)


@pytest.mark.parametrize("rate", [100, 2_000, 12_345])
async def test_what_is_due_goes_out_together_and_not_one_by_one(rate: float) -> None:
    time = Time()
    allowed = await run(AtRate(rate, time.clock, time.sleep), time, 20)
    assert min(allowed) >= int(0.015 * rate)
    assert len(allowed) <= 1 + 20 / 0.01


async def test_nothing_goes_out_before_it_is_due() -> None:
    time = Time()
    pace = AtRate(0.5, time.clock, time.sleep)
    await pace.allowance()
    assert time.clock.monotonic() == pytest.approx(2.0, abs=0.01)


async def test_after_a_stall_it_catches_up_in_small_steps() -> None:
    time = Time()
    pace = AtRate(1_000, time.clock, time.sleep)
    await pace.allowance()
    time.pass_by(3.0)
    before = time.clock.monotonic()
    steps = [await pace.allowance() for _ in range(150)]
    assert max(steps) == 20
    assert sum(steps) == 3_000
    assert time.clock.monotonic() == before


async def test_the_time_before_the_first_call_counts_for_nothing() -> None:
    time = Time()
    pace = AtRate(1_000, time.clock, time.sleep)
    time.pass_by(60)
    assert await pace.allowance() <= 20


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(SettingsError):
        AtRate(rate, FixedClock())
