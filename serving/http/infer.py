"""The routes of the Open Inference Protocol, version 2, with JSON bodies.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import msgspec

from serving.http.answers import Answer, as_json
from serving.http.call import Call
from serving.http.models import RETRY_SECONDS, FormModel, Models, StreamModel
from serving.http.observed import observe_scores
from serving.http.operation import Access, Content, Operation, Parameter, Statuses, for_everyone
from serving.http.problems import UNREADABLE, Issue, Problem, not_found, unavailable, wrong
from serving.http.scoring import Scoring
from serving.http.tensors import FormTensors, MatrixTensors, Tensor, Tensors, TensorShape
from serving.scorer import Scorer

PROBABILITY, PREDICTION = "probability", "prediction"
_OUTPUTS = (TensorShape(PROBABILITY, "FP64", (-1,)), TensorShape(PREDICTION, "BYTES", (-1,)))
_BINARY = b"inference-header-content-length"


class ServerMetadata(msgspec.Struct, frozen=True):
    """What the server is; it knows no extension of the protocol."""

    name: str
    version: str
    extensions: tuple[str, ...] = ()


class Live(msgspec.Struct, frozen=True):
    """Whether the server runs."""

    live: bool


class Ready(msgspec.Struct, frozen=True):
    """Whether the server, or a model, can be asked for scores."""

    ready: bool


class ModelMetadata(msgspec.Struct, frozen=True):
    """A model's tensors."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorShape, ...]
    outputs: tuple[TensorShape, ...]


class Wanted(msgspec.Struct, frozen=True):
    """An output that is asked for."""

    name: str


class InferRequest(msgspec.Struct, frozen=True):
    """What to score; without `outputs` all of them are answered."""

    inputs: list[Tensor]
    outputs: list[Wanted] = []
    id: str = ""


class OutputTensor(msgspec.Struct, frozen=True):
    """A vector of the answer."""

    name: str
    datatype: str
    shape: tuple[int]
    data: Sequence[float | str]


class InferAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The scores."""

    model_name: str
    model_version: str
    outputs: list[OutputTensor]
    id: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """One model: how its inputs are sent, the version now in force, and how it scores."""

    tensors: Tensors
    model: Callable[[], Scorer]
    scoring: Scoring[Scorer]

    @classmethod
    def of(cls, tensors: Tensors, model: Callable[[], Scorer]) -> Served:
        """With a scoring of its own."""
        return cls(tensors, model, Scoring(model))


class Inference:
    """The routes of all models."""

    def __init__(self, models: Models, name: str, version: str) -> None:
        self._server = ServerMetadata(name, version)
        self._models = models
        self._served = served_of(models)
        self._decode = msgspec.json.Decoder(InferRequest).decode

    @property
    def operations(self) -> Sequence[Operation]:
        """Health is for everyone, models for whoever may predict."""
        unknown: Statuses = {HTTPStatus.NOT_FOUND: "There is no such model"}
        name, served = next(iter(self._served.items()))
        model = Parameter("name", "The model, which is the use case", name)
        example = {"inputs": served.tensors.example}
        metadata = _metadata(name, "1", served)
        answer = InferAnswer(name, "1", _outputs([0.81], ["churn"], (PROBABILITY, PREDICTION)))
        return (
            Operation(
                method="POST",
                path="/v2/models/{name}/infer",
                name="infer",
                summary="Score rows with a model",
                access=Access.REQUEST_SCORED,
                run=self._infer,
                body=(Content(_INFER_REQUEST, example),),
                answer=Content(InferAnswer, msgspec.to_builtins(answer)),
                parameters=(model,),
                known=[{"name": one} for one in self._served],
                problems=unknown,
            ),
            _health("/v2/health/live", "live", "Does the server run?", self._live, Live),
            _health("/v2/health/ready", "ready", "Can it score?", self._ready, Ready),
            Operation(
                method="GET",
                path="/v2",
                name="server_metadata",
                summary="The server's name",
                access=Access.OPEN,
                run=self._about,
                answer=Content(ServerMetadata, msgspec.to_builtins(self._server)),
            ),
            Operation(
                method="GET",
                path="/v2/models/{name}",
                name="model_metadata",
                summary="What a model needs and answers",
                access=Access.REQUEST_SCORED,
                run=self._metadata,
                answer=Content(ModelMetadata, msgspec.to_builtins(metadata)),
                parameters=(model,),
                problems=unknown,
            ),
            Operation(
                method="GET",
                path="/v2/models/{name}/ready",
                name="model_ready",
                summary="Can this model score?",
                access=Access.REQUEST_SCORED,
                run=self._model_ready,
                answer=Content(Ready, {"ready": True}),
                parameters=(model,),
                problems=unknown,
            ),
        )

    async def _about(self, _: Call) -> Answer:
        return as_json(self._server)

    async def _live(self, _: Call) -> Answer:
        return as_json(Live(live=True))

    async def _ready(self, _: Call) -> Answer:
        if wanting := self._models.wanting:
            detail = f"no model in service of {', '.join(wanting)}"
            raise unavailable("not_ready", detail, RETRY_SECONDS)
        if not any(self._models.in_service):
            raise unavailable("not_ready", "no model is in service", RETRY_SECONDS)
        return as_json(Ready(ready=True))

    async def _metadata(self, call: Call) -> Answer:
        return as_json(self._metadata_of(call.path["name"]))

    async def _model_ready(self, call: Call) -> Answer:
        self._find(call.path["name"]).model()
        return as_json(Ready(ready=True))

    async def _infer(self, call: Call) -> Answer:
        served = self._find(call.path["name"])
        asked = self._asked(call.headers, await call.body())
        rows = served.tensors.rows(_by_name(asked.inputs))
        wanted = tuple(one.name for one in asked.outputs) or (PROBABILITY, PREDICTION)
        if not {PROBABILITY, PREDICTION}.issuperset(wanted):
            raise wrong(Issue("unknown_output", "outputs", f"{PROBABILITY}, {PREDICTION}"))
        model, probabilities = await served.scoring.score(rows)
        observe_scores(model, probabilities)
        decisions = [model.decide(one) for one in probabilities]
        outputs = _outputs(probabilities, decisions, wanted)
        return as_json(InferAnswer(model.name, model.version, outputs, asked.id))

    def _asked(self, headers: Mapping[bytes, bytes], body: bytes) -> InferRequest:
        if _BINARY in headers:
            raise wrong(Issue("binary_data", "inputs", "send the data as JSON"))
        try:
            return self._decode(body)
        except UNREADABLE:
            raise wrong(Issue("not_an_inference_request", detail="see /docs")) from None

    def _metadata_of(self, name: str) -> ModelMetadata:
        served = self._find(name)
        return _metadata(name, served.model().version, served)

    def _find(self, name: str) -> Served:
        try:
            return self._served[name]
        except KeyError:
            raise _no_model() from None


def served_of(models: Models) -> dict[str, Served]:
    """All models by their name; those that score requests first."""
    forms = {
        name: Served.of(FormTensors(one.form), partial(_form_in_force, one))
        for name, one in models.forms.items()
    }
    streams = {
        name: Served.of(MatrixTensors(one.case), partial(_in_force, one))
        for name, one in models.streams.items()
    }
    return {**forms, **streams}


def _metadata(name: str, version: str, served: Served) -> ModelMetadata:
    return ModelMetadata(name, (version,), "onnx", tuple(served.tensors.shapes), _OUTPUTS)


def _by_name(inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    named = {one.name: one for one in inputs}
    if len(named) < len(inputs):
        raise wrong(Issue("input_twice", "inputs"))
    return named


def _form_in_force(model: FormModel) -> Scorer:
    return cast("Scorer", model.current)  # it takes a matrix as well as a sequence of rows


def _in_force(model: StreamModel) -> Scorer:
    return model.current


def _outputs(
    probabilities: list[float], decisions: list[str], wanted: Sequence[str]
) -> list[OutputTensor]:
    shape = (len(probabilities),)
    known = {
        PROBABILITY: OutputTensor(PROBABILITY, "FP64", shape, probabilities),
        PREDICTION: OutputTensor(PREDICTION, "BYTES", shape, decisions),
    }
    return [known[name] for name in wanted]


def _no_model() -> Problem:
    return not_found("unknown_model", "no model of this name is in service")


def _health(path: str, name: str, summary: str, run: Any, kind: Any) -> Operation:
    answer = Content(kind, msgspec.to_builtins(kind(True)))  # noqa: FBT003 - its only field
    operation = for_everyone(path, name, summary, run, answer)
    return replace(operation, is_always_answered=True)


_INFER_REQUEST = {
    "type": "object",
    "required": ["inputs"],
    "properties": {
        "id": {"type": "string"},
        "inputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "shape", "datatype", "data"],
                "properties": {
                    "name": {"type": "string"},
                    "shape": {"type": "array", "items": {"type": "integer"}},
                    "datatype": {"type": "string"},
                    "data": {"type": "array", "description": "row-major, flat or nested"},
                },
            },
        },
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"enum": [PROBABILITY, PREDICTION]}},
            },
        },
    },
}
