"""What an alias in a team's MLflow names is put in force here.

What needs a real server is in `test_versions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from cli.following import EVERY, Alias, Following
from mlflow_bridge.push import Pusher
from pipeline.clock import FixedClock
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError, Refusal
from pipeline.manifest import MODEL, versions_of
from pipeline.registry import Aliases, aliases_of, write_aliases
from pipeline.times import parse_time
from promotion.decisions import decisions
from promotion.registrar import Registrar
from tests.mlflow_bridge.fake import FakeTracking
from tests.mlflow_bridge.shelf import own_case, shelve

NOON = parse_time("2026-01-02T12:00:00Z")


@dataclass
class TeamServer(FakeTracking):
    """May be away."""

    away: bool = False

    def aliases(self, model: str) -> Mapping[str, str]:
        if self.away:
            raise InfrastructureError("the server does not answer")
        return super().aliases(model)


@dataclass
class Place:
    """Where the alias is followed; `version` is the champion there."""

    team: TeamServer
    case: UseCase
    models: Path
    pusher: Pusher
    said: list[str] = field(default_factory=list)
    day: int = 0

    @property
    def version(self) -> str:
        return aliases_of(self.models, self.case.name).champion

    @property
    def why(self) -> list[str]:
        return [one.why for one in decisions(self.models, self.case.name)]

    @property
    def registrar(self) -> Registrar:
        self.day += 1
        return Registrar(self.models, self.case, FixedClock(NOON + self.day))

    def move(self, version: str) -> None:
        """Have the team's champion be this version."""
        self.pusher.mirror(Aliases(champion=version), [self.pusher.push(version)])

    def following(self, alias: str = "champion") -> Following:
        named = Alias(self.pusher.name, alias)
        return Following(self.team, self.registrar, named, self.said.append)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Version 9 is champion here, and 1 is the team's."""
    case, team = own_case(), TeamServer(tmp_path / "mlflow")
    for number in (1, 2):
        shelve(tmp_path / "team", case, f"{number}", seed=number)
    shelve(tmp_path / "here", case, "9")
    pusher = Pusher(team, tmp_path / "team", case.name)
    place = Place(team, case, tmp_path / "here", pusher)
    place.move("1")
    return place


def test_the_champion_here_is_the_alias_there_as_it_moves(place: Place) -> None:
    following = place.following()
    assert following.tick() == EVERY
    assert place.version == "1"
    place.move("2")
    following.tick()
    assert place.version == "2"
    place.move("1")
    following.tick()
    assert place.version == "1"
    assert [line.rpartition("; ")[2] for line in place.said] == [
        f"version {version} is champion here" for version in "121"
    ]


def test_a_decision_says_whom_it_followed(place: Place) -> None:
    place.following().tick()
    assert place.why == [f"models:/{place.pusher.name}@champion is MLflow's version 1"]


def test_an_alias_that_rests_costs_no_download(place: Place) -> None:
    following = place.following()
    following.tick()
    place.team.versions[place.pusher.name].clear()
    assert following.tick() == EVERY
    assert len(place.said) == 1


def test_a_rollback_here_holds_until_the_alias_moves(place: Place) -> None:
    following = place.following()
    following.tick()
    place.registrar.roll_back("it errs")
    following.tick()
    assert place.version == "9"
    place.move("2")
    following.tick()
    assert place.version == "2"


def test_a_rollback_here_holds_over_a_restart(place: Place) -> None:
    place.following().tick()
    place.registrar.roll_back("it errs")
    place.following().tick()
    assert place.version == "9"


def test_a_decision_that_a_power_failure_left_alone_is_made_again(place: Place) -> None:
    place.following().tick()
    write_aliases(place.models, place.case.name, Aliases(champion="9"))
    place.following().tick()
    assert place.version == "1"


def test_a_torn_version_leaves_the_champion_and_is_said_once(place: Place) -> None:
    following = place.following()
    following.tick()
    place.move("2")
    torn = place.team.home / "run-1" / MODEL
    whole = torn.read_bytes()
    torn.write_bytes(b"torn")
    pauses = [following.tick() for _ in range(6)]
    assert pauses == [10, 20, 40, 60, 60, 60]
    assert (place.version, versions_of(place.models, place.case.name)) == ("1", ["1", "9"])
    assert len(place.said) == 2
    assert "is no whole version" in place.said[1]
    torn.write_bytes(whole)
    assert following.tick() == EVERY
    assert place.version == "2"


def test_while_the_server_is_away_the_champion_stays(place: Place) -> None:
    following = place.following()
    following.tick()
    place.move("2")
    place.team.away = True
    assert [following.tick() for _ in range(3)] == [10, 20, 40]
    assert (place.version, len(place.said)) == ("1", 2)
    place.team.away = False
    assert following.tick() == EVERY
    assert place.version == "2"
    assert place.said[-1].endswith("is followed again")


def test_a_model_of_another_case_leaves_the_champion(place: Place) -> None:
    other = own_case()
    shelve(place.models, other, "9")
    following = place.following()
    following.registrar = replace(following.registrar, case=other)
    following.tick()
    assert aliases_of(place.models, other.name).champion == "9"
    assert "the model is one of" in place.said[0]


def test_an_alias_that_no_version_has_leaves_the_champion(place: Place) -> None:
    place.following("nobody").tick()
    assert place.version == "9"
    assert "no version is models:/" in place.said[0]


@pytest.mark.parametrize("address", ["models:/churn/7", "churn@champion", "models:/churn@", "@"])
def test_what_never_moves_is_refused(address: str) -> None:
    with pytest.raises(Refusal, match="is no alias"):
        Alias.of(address)


def test_an_alias_is_read_from_its_address() -> None:
    assert Alias.of("models:/first-day-churn@champion") == Alias("first-day-churn", "champion")
