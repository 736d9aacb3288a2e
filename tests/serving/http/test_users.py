"""Scores and features of users: as of now, of the live generation, by the model in force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import use_cases
from pipeline.errors import InfrastructureError
from pipeline.fold import Fold
from pipeline.store.store import Snapshot
from pipeline.times import HOUR, format_time
from tests.serving.http.rig import NO_MODELS, NOW, USER, Service, folded, reasons, state_after
from tests.support.fakes import FakeStore
from use_cases.first_day_churn import USE_CASE


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_score_is_the_model_s_on_the_stored_features(service: Service) -> None:
    state = folded()
    await service.hold(USER, state)
    values = Fold(USE_CASE).features(state, NOW)
    model = service.models.streams[USE_CASE.name].holder.current
    expected = model.score(np.array([[values[name] for name in USE_CASE.inputs]]))[0]
    async with service.caller() as caller:
        answer = (await caller.get(f"/users/{USER}")).json()
    assert answer["probability"] == expected
    assert answer["prediction"] == model.decide(expected)
    assert (answer["model"], answer["version"]) == (model.name, model.version)


async def test_a_score_says_how_old_its_features_are(service: Service) -> None:
    await service.hold(USER, folded(at=NOW - HOUR))
    async with service.caller() as caller:
        answer = (await caller.get(f"/users/{USER}")).json()
    assert answer["as_of"] == format_time(NOW)
    assert answer["newest_event"] == format_time(NOW - HOUR)
    assert answer["age_seconds"] == 3600


async def test_an_event_that_is_ahead_of_the_clock_is_no_older_than_now(service: Service) -> None:
    await service.hold(USER, folded(at=NOW + HOUR))
    async with service.caller() as caller:
        answer = (await caller.get(f"/users/{USER}")).json()
    assert (answer["as_of"], answer["age_seconds"]) == (format_time(NOW + HOUR), 0)


async def test_all_features_are_told_with_what_they_are_of(service: Service) -> None:
    state = folded()
    await service.hold(USER, state)
    async with service.caller() as caller:
        answer = (await caller.get(f"/users/{USER}/features")).json()
    assert answer["features"] == Fold(USE_CASE).features(state, NOW)
    assert answer["units"]["bet_sum"] == "bet_amount"
    assert answer["units"]["bet_var"] == "bet_amount squared"
    assert answer["units"]["bet_count"] == "count"
    assert answer["units"].keys() == answer["features"].keys()


async def test_rolling_windows_are_read_as_of_the_moment_of_asking() -> None:
    case = use_cases.load("player_activity")
    service = Service(case=case)
    bet = {"event_type": "bet", "player_id": USER, "stake": 5.0, "game": 1}
    state = state_after(case, [{**bet, "event_time": format_time(NOW - HOUR // 2)}])
    await service.hold(USER, state)
    async with service.caller() as caller:
        soon = (await caller.get(f"/users/{USER}/features")).json()["features"]
        service.clock.at = NOW + 400 * 24 * HOUR
        later = (await caller.get(f"/users/{USER}/features")).json()["features"]
    assert soon == Fold(case).features(state, NOW)
    assert later == Fold(case).features(state, service.clock.at)
    assert soon != later


@pytest.mark.parametrize("path", [f"/users/{USER}", f"/users/{USER}/features"])
async def test_a_user_of_whom_nothing_is_known_is_not_found(service: Service, path: str) -> None:
    async with service.caller() as caller:
        answer = await caller.get(path)
    assert answer.status_code == 404
    assert reasons(answer) == [("", "unknown_user")]


async def test_an_erased_user_is_not_found(service: Service) -> None:
    await service.hold(USER, folded())
    await service.hold(USER, None)
    async with service.caller() as caller:
        assert (await caller.get(f"/users/{USER}")).status_code == 404


async def test_after_a_rebuild_the_new_generation_is_read(service: Service) -> None:
    await service.hold(USER, folded(bets=1))
    async with service.caller() as caller:
        before = (await caller.get(f"/users/{USER}/features")).json()["features"]["bet_count"]
        await service.hold(USER, folded(bets=4), generation="g2")
        after = (await caller.get(f"/users/{USER}/features")).json()["features"]["bet_count"]
    assert (before, after) == (1, 4)


async def test_many_users_are_scored_in_their_order_and_unknown_ones_marked(
    service: Service,
) -> None:
    names = [f"user-{number}" for number in range(20)]
    for number, name in enumerate(names):
        await service.hold(name, folded(bets=number))
    asked = ["nobody", *reversed(names), "nobody", names[0]]
    async with service.caller() as caller:
        answer = (await caller.post("/users/scores", json={"user_ids": asked})).json()
        single = (await caller.get(f"/users/{names[3]}")).json()
    assert [one and one["user_id"] for one in answer["scores"]] == [
        None if name == "nobody" else name for name in asked
    ]
    assert answer["unknown"] == ["nobody", "nobody"]
    assert answer["scores"][asked.index(names[3])] == single


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_a_list_of_ids"),
        (b"[]", "not_a_list_of_ids"),
        (b'{"user_ids": [1]}', "not_a_list_of_ids"),
        (b'{"user_ids": ["\xff"]}', "not_a_list_of_ids"),
        (b'{"user_ids": []}', "wrong_number_of_ids"),
        (b'{"user_ids": ["' + b'", "'.join([b"u"] * 1_001) + b'"]}', "wrong_number_of_ids"),
    ],
)
async def test_what_is_no_list_of_ids_is_refused(
    service: Service, body: bytes, reason: str
) -> None:
    async with service.caller() as caller:
        answer = await caller.post("/users/scores", content=body)
    assert answer.status_code == 422
    assert reasons(answer) == [("user_ids", reason)]


async def test_each_id_that_no_event_may_have_is_named_by_its_row(service: Service) -> None:
    body = {"user_ids": ["good", "", "x" * 200]}
    async with service.caller() as caller:
        answer = await caller.post("/users/scores", json=body)
    assert [(one["row"], one["reason"]) for one in answer.json()["errors"]] == [
        (2, "empty_entity"),
        (3, "entity_too_long"),
    ]


async def test_an_id_in_the_path_is_checked_like_one_in_an_event(service: Service) -> None:
    async with service.caller() as caller:
        answer = await caller.get("/users/a%01b")
    assert answer.status_code == 422
    assert reasons(answer) == [("user_id", "entity_control_characters")]


async def test_while_the_model_is_missing_there_are_features_and_scores_are_put_off() -> None:
    service = Service(models=NO_MODELS)
    await service.hold(USER, folded())
    async with service.caller() as caller:
        assert (await caller.get(f"/users/{USER}/features")).status_code == 200
        alone = await caller.get(f"/users/{USER}")
        several = await caller.post("/users/scores", json={"user_ids": [USER]})
    for answer in (alone, several):
        assert (answer.status_code, reasons(answer)) == (503, [("", "no_model")])
        assert answer.headers["retry-after"] == "5"


async def test_a_case_that_declares_no_model_has_features_and_no_score() -> None:
    case = replace(USE_CASE, name="unscored", model=None, scored_on=())
    service = Service(case=case)
    await service.hold(USER, folded())
    async with service.caller() as caller:
        assert (await caller.get(f"/users/{USER}/features")).status_code == 200
        answer = await caller.get(f"/users/{USER}")
    assert (answer.status_code, reasons(answer)) == (404, [("", "no_model")])


class AwayStore(FakeStore):
    """A Redis that does not answer."""

    async def read(self, *_: object) -> Snapshot:
        raise InfrastructureError("Redis, at redis.internal:6379, password hunter2")


async def test_while_redis_is_away_the_answer_says_so_and_no_more() -> None:
    async with Service(store=AwayStore()).caller() as caller:
        answer = await caller.get(f"/users/{USER}")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert reasons(answer) == [("", "unavailable")]
    assert "hunter2" not in answer.text


async def test_features_of_another_declaration_are_not_scored() -> None:
    service = Service()
    await replace(service, case=replace(USE_CASE, fold_version=99)).hold(USER, folded())
    async with service.caller() as caller:
        answer = await caller.get(f"/users/{USER}")
    assert answer.status_code == 503
    assert reasons(answer) == [("", "not_ready")]
