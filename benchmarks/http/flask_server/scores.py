"""The server: `gunicorn benchmarks.http.flask_server.scores:app`, told by two variables."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import joblib  # type: ignore[import-untyped] # it has no types
import pandas as pd
from flask import (  # type: ignore[import-not-found] # only in .venv-flask
    Flask,
    abort,
    jsonify,
    request,
)
from redis import Redis

from benchmarks.http.flask_server import MODELS, USER_KEY

_THRESHOLD = 0.5

app: Any = Flask(__name__)
redis: Any = Redis.from_url(os.environ["REDIS"])
models = joblib.load(Path(os.environ["MODELS"]) / MODELS)  # of our own making, a moment ago
subscribers, players = models["subscribers"], models["players"]


@app.post("/predict")  # type: ignore[untyped-decorator] # Flask is not there for mypy
def predict() -> Any:
    """Score one subscriber: one-hot columns as in training, those that are missing with 0."""
    row = pd.get_dummies(pd.DataFrame([request.get_json()]))
    row = row.reindex(columns=subscribers.feature_names_in_, fill_value=0)
    probability = float(subscribers.predict_proba(row)[0, 1])
    return jsonify(churn=int(probability >= _THRESHOLD), probability=probability)


@app.get("/users/<user_id>")  # type: ignore[untyped-decorator] # the same
def user(user_id: str) -> Any:
    """Score a user on the stored features."""
    stored = redis.get(USER_KEY + user_id)
    if stored is None:
        abort(404)
    row = pd.DataFrame([json.loads(stored)])
    probability = float(players.predict_proba(row)[0, 1])
    prediction = "churn" if probability >= _THRESHOLD else "no churn"
    return jsonify(user_id=user_id, prediction=prediction, probability=probability)
