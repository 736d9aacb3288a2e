"""The users of the stream: their scores and their features, as of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

import msgspec

from pipeline.declaration import UseCase
from pipeline.errors import DataError
from pipeline.times import format_time
from pipeline.together import Together
from pipeline.validation import checked_entity
from serving.http.answers import Answer, as_json
from serving.http.apart import found_apart
from serving.http.call import Call
from serving.http.observed import observe_scores
from serving.http.operation import Access, Content, Operation, Parameter, Statuses
from serving.http.problems import UNREADABLE, Issue, Problem, issue_of, needing, not_found, wrong
from serving.http.stored import Known, Scored, StoredFeatures, StoredScores

MOST_USERS = 1_000
_STORE = "the store of features"
_USER = Parameter("user_id", "The user, as in the events", "3f2a-7")
_EXAMPLE_TIMES = {
    "as_of": "2026-01-02T03:04:05.000006Z",
    "newest_event": "2026-01-02T03:00:00.000000Z",
    "age_seconds": 245.000006,
}
_EXAMPLE_SCORE = {
    "user_id": "3f2a-7",
    "prediction": "churn",
    "probability": 0.81,
    **_EXAMPLE_TIMES,
    "model": "first_day_churn",
    "version": "1",
}


class UserScore(msgspec.Struct, frozen=True):
    """A user's score on the features as of `as_of`; their newest event is `age_seconds` older."""

    user_id: str
    prediction: str
    probability: float
    as_of: str
    newest_event: str
    age_seconds: float
    model: str
    version: str


class UserFeatures(msgspec.Struct, frozen=True):
    """A user's features by name; `units` says what of."""

    user_id: str
    features: Mapping[str, float]
    units: Mapping[str, str]
    as_of: str
    newest_event: str
    age_seconds: float


class UserIds(msgspec.Struct, frozen=True):
    """Whom to score, 1,000 at most."""

    user_ids: list[str]


class UserScores(msgspec.Struct, frozen=True):
    """One entry for each id, in their order: a score, or null for each that is `unknown`."""

    scores: list[UserScore | None]
    unknown: list[str]


class Users:
    """The routes of one streamed use case."""

    def __init__(self, features: StoredFeatures, scores: StoredScores | None) -> None:
        self._features = features
        self._scores = scores
        self._units = units_of(features.case)
        self._found: Together[str, Known | None] = Together(
            partial(found_apart, features.known), features.turn
        )
        self._scored: Together[str, Scored | None] = Together(
            lambda names: found_apart(self._scoring().scores, names), features.turn
        )

    @property
    def operations(self) -> Sequence[Operation]:
        """For whoever may see what is stored."""
        unknown: Statuses = {HTTPStatus.NOT_FOUND: "Nothing is known of this user"}
        return (
            Operation(
                method="GET",
                path="/users/{user_id}",
                name="user_score",
                summary="A user's score as of now",
                access=Access.STORED,
                run=self._score,
                answer=Content(UserScore, _EXAMPLE_SCORE),
                parameters=(_USER,),
                problems=unknown,
            ),
            Operation(
                method="GET",
                path="/users/{user_id}/features",
                name="user_features",
                summary="A user's features as of now",
                access=Access.STORED,
                run=self._read,
                answer=Content(UserFeatures, self._example()),
                parameters=(_USER,),
                problems=unknown,
            ),
            Operation(
                method="POST",
                path="/users/scores",
                name="user_scores",
                summary="The scores of up to 1,000 users",
                access=Access.STORED,
                run=self._score_all,
                body=(Content(UserIds, {"user_ids": ["3f2a-7", "nobody"]}),),
                answer=Content(
                    UserScores, {"scores": [_EXAMPLE_SCORE, None], "unknown": ["nobody"]}
                ),
            ),
        )

    async def _score(self, call: Call) -> Answer:
        name = _checked(call.path["user_id"])
        with needing(_STORE):
            found = await self._scored.ask(name)
        if found is None:
            raise _nobody()
        return as_json(_told(name, found))

    async def _read(self, call: Call) -> Answer:
        name = _checked(call.path["user_id"])
        with needing(_STORE):
            found = await self._found.ask(name)
        if found is None:
            raise _nobody()
        values = dict(zip(self._features.case.features, found.values, strict=True))
        return as_json(UserFeatures(name, values, self._units, *_times(found)))

    async def _score_all(self, call: Call) -> Answer:
        names = _ids(await call.body())
        with needing(_STORE):
            found = await self._scoring().scores(names)
        told = [_told(name, found[name]) if name in found else None for name in names]
        return as_json(UserScores(told, [name for name in names if name not in found]))

    def _scoring(self) -> StoredScores:
        if self._scores is None:
            raise not_found("no_model", f"{self._features.case.name} has no model in service")
        return self._scores

    def _example(self) -> dict[str, object]:
        name = self._features.case.features[-1]
        return {
            "user_id": "3f2a-7",
            "features": {name: 1.0},
            "units": {name: self._units[name]},
            **_EXAMPLE_TIMES,
        }


def units_of(case: UseCase) -> dict[str, str]:
    """What each feature counts or measures: `count`, or the field of the events it is of."""
    units = {lookup.name: f"looked up by {lookup.key}" for lookup in case.lookups}
    for one in case.aggregations:
        for name in one.features:
            squared = f"{one.of} squared" if name.endswith("_var") else one.of
            units[name] = "count" if name in case.whole else squared
    return units


def _ids(body: bytes) -> list[str]:
    try:
        names = msgspec.json.decode(body, type=UserIds).user_ids
    except UNREADABLE:
        raise wrong(Issue("not_a_list_of_ids", "user_ids", "a list of texts")) from None
    if not 1 <= len(names) <= MOST_USERS:
        raise wrong(Issue("wrong_number_of_ids", "user_ids", f"1 to {MOST_USERS}"))
    issues = [issue for row, name in enumerate(names, 1) if (issue := _issue(name, row))]
    if issues:
        raise wrong(*issues)
    return names


def _issue(name: str, row: int) -> Issue | None:
    try:
        checked_entity({"user_ids": name}, "user_ids")
    except DataError as error:
        found = issue_of(error, frozenset({"user_ids"}))
        return msgspec.structs.replace(found, row=row)
    return None


def _checked(name: str) -> str:
    try:
        return checked_entity({"user_id": name}, "user_id")
    except DataError as error:
        raise wrong(issue_of(error, frozenset({"user_id"}))) from None


def _nobody() -> Problem:
    return not_found("unknown_user", "no event of this user counts yet, or it was erased")


def _told(name: str, found: Scored) -> UserScore:
    model = found.model
    observe_scores(model, (found.probability,))
    return UserScore(
        name, found.decision, found.probability, *_times(found.known), model.name, model.version
    )


def _times(known: Known) -> tuple[str, str, float]:
    return format_time(known.as_of), format_time(known.newest), known.age
