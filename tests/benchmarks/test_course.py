from __future__ import annotations

import pytest

from benchmarks.course import Sample, figures

MIB = 2**20


def course(*samples: tuple[float, int, float, int]) -> list[Sample]:
    return [Sample(*sample) for sample in samples]


def test_a_rate_leaves_out_the_start_and_what_was_done_in_it() -> None:
    samples = course((0, 0, 5, 1), (10, 100, 6, 1), (11, 200, 6.5, 1), (12, 300, 7, 1))

    found = figures(samples, records=300, effects=300)

    assert (found.seconds, found.rate, found.cpu_rate) == (2, 100, 200)


def test_a_rate_is_of_records_where_not_every_record_has_an_effect_of_its_own() -> None:
    samples = course((0, 10, 0, 1), (1, 110, 1, 1))

    assert figures(samples, records=220, effects=110).rate == 200


def test_memory_is_that_at_a_quarter_of_the_effects_and_at_the_end() -> None:
    samples = course((0, 1, 0, MIB), (1, 24, 1, 2 * MIB), (2, 30, 2, 3 * MIB), (3, 100, 3, 4 * MIB))

    found = figures(samples, records=100, effects=100)

    assert (found.resident_at_quarter, found.resident_at_end) == (3 * MIB, 4 * MIB)


def test_a_run_that_is_over_at_its_first_sample_gives_no_rate() -> None:
    with pytest.raises(ValueError, match="measure more records"):
        figures(course((0, 0, 0, 1), (1, 100, 1, 1)), records=100, effects=100)
