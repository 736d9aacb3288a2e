"""Cases that are scored from the request alone: telecom customers and subscribers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from pipeline import metrics
from pipeline.declaration.form import Quantity
from pipeline.declaration.form_reading import FormError, Row
from serving.forms import FormScorer
from serving.http.answers import Answer, as_json
from serving.http.call import Call
from serving.http.models import FormModel
from serving.http.observed import observe_scores
from serving.http.operation import Access, Content, Handler, Operation, Parameter
from serving.http.problems import UNREADABLE, Issue, issues_of, wrong
from serving.http.schemas import form_schema
from serving.http.scoring import Scoring
from serving.model import CHURN

CUSTOMERS, SUBSCRIBERS = "telecom_churn", "subscription_churn"
"""The cases that these routes are of."""

_object = msgspec.json.Decoder(dict[str, Any]).decode
_DETAIL = {"true": True, "false": False}


class Reasoned(msgspec.Struct, frozen=True):
    """One field that moved the probability, by how much; above 0 towards churn."""

    field: str
    value: str | float
    moved: float


class Decision(msgspec.Struct, frozen=True):
    """What the model says of a customer; the rest, what moved it among it, with `?detail=true`."""

    Prediction: str
    probability: float | UnsetType = UNSET
    model: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    reasons: list[Reasoned] | UnsetType = UNSET


class ChurnFlag(msgspec.Struct, frozen=True):
    """What the model says of a subscriber: 1 is churn."""

    churn: int
    probability: float


class Requested:
    """One such case."""

    def __init__(self, model: FormModel) -> None:
        self.form = form = model.form
        self._model = model
        self._scoring = Scoring(self.in_service)
        self._optional = [
            one.name for one in form.fields if isinstance(one, Quantity) and one.empty is not None
        ]

    def operation(
        self, path: str, run: Handler, answer: Content, parameters: Sequence[Parameter] = ()
    ) -> Operation:
        """The route that scores one request."""
        subject = self.form.subject
        return Operation(
            method="POST",
            path=path,
            name=f"score_{subject}",
            summary=f"Will this {subject} churn?",
            access=Access.REQUEST_SCORED,
            run=run,
            body=(Content(form_schema(self.form), dict(self.form.example)),),
            answer=answer,
            parameters=parameters,
        )

    async def scored(self, body: bytes) -> tuple[FormScorer, Row, float]:
        """The probability of one request, by which model, on which inputs. Raises Problem."""
        scorer = self.in_service()
        request = _decoded(body)
        try:
            row = scorer.decode(request)
        except FormError as error:
            raise wrong(*issues_of(error)) from None
        scorer, (probability,) = await self._scoring.score(np.array([row]))
        self._count(scorer, request, probability)
        return scorer, row, probability

    def in_service(self) -> FormScorer:
        """Its model. Raises Problem where there is none."""
        return self._model.current

    def _count(self, scorer: FormScorer, request: Mapping[str, Any], probability: float) -> None:
        observe_scores(scorer, (probability,))
        for name in self._optional:
            if request[name] in (None, ""):
                metrics.MISSING_FEATURES.labels(scorer.name, scorer.version, name).inc()


class Customers:
    """The routes of telecom customers."""

    def __init__(self, requested: Requested) -> None:
        self._requested = requested

    @property
    def operations(self) -> Sequence[Operation]:
        """They need nothing but the request."""
        about = "true: with probability and reasons"
        detail = Parameter("detail", about, "false", "query", tuple(_DETAIL))
        answer = Content(Decision, {"Prediction": CHURN})
        return (self._requested.operation("/v1/customer", self._score, answer, (detail,)),)

    async def _score(self, call: Call) -> Answer:
        detail = _flag(call, "detail")
        scorer, row, probability = await self._requested.scored(await call.body())
        prediction = scorer.decide(probability)
        if not detail:
            return as_json(Decision(prediction))
        reasons = [Reasoned(one.field, one.value, one.moved) for one in scorer.reasons(row)]
        return as_json(Decision(prediction, probability, scorer.name, scorer.version, reasons))


class Subscribers:
    """The route of subscribers."""

    def __init__(self, requested: Requested) -> None:
        self._requested = requested

    @property
    def operations(self) -> Sequence[Operation]:
        """It needs nothing but the request."""
        answer = Content(ChurnFlag, {"churn": 0, "probability": 0.31})
        return (self._requested.operation("/predict", self._score, answer),)

    async def _score(self, call: Call) -> Answer:
        scorer, _, probability = await self._requested.scored(await call.body())
        return as_json(ChurnFlag(int(scorer.decide(probability) == CHURN), probability))


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        return _object(body)
    except UNREADABLE:
        raise wrong(Issue("not_an_object", detail="one JSON object")) from None


def _flag(call: Call, name: str) -> bool:
    values = call.query.get(name, ["false"])
    try:
        return _DETAIL[values[-1]]
    except KeyError:
        raise wrong(Issue("not_a_flag", name, "true or false")) from None
