"""What the API has said of users, against the log. Pure but for the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter

import numpy as np

from cli.demo.facts import Told
from cli.selfcheck.held import Entity, Hash
from cli.selfcheck.inferences import ModelOf
from cli.selfcheck.result import Check
from pipeline.declaration import UseCase
from pipeline.fold import Fold
from pipeline.state import EntityState, StateCodec


def as_told(
    case: UseCase, refolded: Mapping[Entity, Hash], model_of: ModelOf, told: Sequence[Told]
) -> Check:
    """Each answer is what the named model makes of the features that the whole log folds to."""
    states = _states(case, refolded, {one.user for one in told})
    wrong = [
        f"{one.user}: the API says {one.prediction} {one.probability}, the log {expected}"
        for one in told
        if (expected := _expected(case, states.get(one.user), model_of, one))
        != f"{one.prediction} {one.probability}"
    ]
    return Check.of("the API's answers are the log's", len(told), "users", wrong)


def _states(
    case: UseCase, refolded: Mapping[Entity, Hash], users: set[str]
) -> dict[str, EntityState]:
    codec = StateCodec(case)
    fields = [name.encode() for name in codec.fields]
    found = {user: values for (_, user), values in refolded.items() if user in users}
    states = {user: codec.decode([one.get(name) for name in fields]) for user, one in found.items()}
    return {user: state for user, state in states.items() if state is not None}


def _expected(case: UseCase, state: EntityState | None, model_of: ModelOf, one: Told) -> str:
    model = model_of(one.version)
    if state is None or model is None:
        return "has no such user" if state is None else f"knows no version {one.version}"
    inputs = itemgetter(*map(case.features.index, case.inputs))
    row = inputs(Fold(case).values(state, one.as_of))
    probability = float(model.score(np.asarray([row], np.float64))[0])
    return f"{model.decide(probability)} {probability}"
