"""Trains the two models: `python -m benchmarks.http.flask_server.learn DIRECTORY`.

Of the kinds that the shipped ones are: a forest of 100 trees, and a logistic regression behind a
scaler and a one-hot encoder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import joblib  # type: ignore[import-untyped] # it has no types
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.http.flask_server import MODELS, OUTCOME, PLAYERS, SUBSCRIBERS

_SEED = 42
_LEVELS = "socioeconomic_idx"


def learn(directory: Path) -> None:
    """Learn from the tables in a directory, and write the models beside them."""
    subscribers = pd.get_dummies(pd.read_csv(directory / SUBSCRIBERS))
    players = pd.read_csv(directory / PLAYERS)
    forest = RandomForestClassifier(100, min_samples_leaf=10, random_state=_SEED)
    levels = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((levels, [_LEVELS]), remainder=StandardScaler())
    regression = make_pipeline(columns, LogisticRegression(max_iter=1_000))
    for model, table in ((forest, subscribers), (regression, players)):
        model.fit(table.drop(columns=OUTCOME), table[OUTCOME])
    joblib.dump({"subscribers": forest, "players": regression}, directory / MODELS)


if __name__ == "__main__":
    learn(Path(sys.argv[1]))
