"""What is asked of both servers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.http.filling import SUBSCRIPTION, USERS, subscribers
from benchmarks.http.loader import Request
from benchmarks.visits import user_id

_DIFFERENT = 500


@dataclass(frozen=True, slots=True)
class Question:
    """One route of ours and what stands for it at the Flask server; `target` times its rate."""

    name: str
    target: float
    ours: Sequence[Request]
    flask: Sequence[Request]


def questions() -> tuple[Question, ...]:
    """Those that have a target."""
    rows = subscribers(_DIFFERENT)
    predict = [Request("POST", "/predict", json.dumps(row)) for row in rows]
    infer = [
        Request("POST", f"/v2/models/{SUBSCRIPTION}/infer", json.dumps(_tensors(row)))
        for row in rows
    ]
    users = [Request("GET", f"/users/{user_id(number)}") for number in range(USERS)]
    return (
        Question("POST /predict", 60.0, predict, predict),
        Question("POST /v2/models/.../infer", 60.0, infer, predict),
        Question("GET /users/{user_id}", 50.0, users, users),
    )


def _tensors(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as the Open Inference Protocol has it."""
    return {
        "inputs": [
            {"name": name, "shape": [1], "datatype": _datatype(value), "data": [value]}
            for name, value in row.items()
        ]
    }


def _datatype(value: Any) -> str:
    return "BYTES" if isinstance(value, str) else "FP64"
