"""A stranger's attacks on a real service: its neighbour is answered, and memory stays bounded.

Times are told, not asserted: they are the machine's as much as the service's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.http.attacks import ATTACKS, Attack
from tests.serving.http.siege import Besieged, besieged

MOST_MIB = 150


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    with besieged(tmp_path_factory.mktemp("besieged")) as running:
        yield running


def names(attack: Attack) -> str:
    return attack.__name__


@pytest.mark.parametrize("attack", ATTACKS[:10], ids=names)
def test_a_neighbour_is_answered_under_a_short_attack(service: Besieged, attack: Attack) -> None:
    found = service.endures(attack, 1)
    assert (found.missed, found.answered > 0) == (0, True), found
    assert found.grown < MOST_MIB, found


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("attack", ATTACKS, ids=names)
def test_a_neighbour_is_answered_under_an_attack(attack: Attack, tmp_path: Path) -> None:
    with besieged(tmp_path) as service:
        found = service.endures(attack, 10)
    assert (found.missed, found.answered > 0) == (0, True), found
    assert found.grown < MOST_MIB, found
