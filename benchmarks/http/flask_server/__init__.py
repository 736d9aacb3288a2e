"""The same scores by Flask, pandas and scikit-learn, written the usual way.

These files run in a Python of their own (.venv-flask) and import nothing of ours but this package.
"""

USER_KEY = "flask:users:"
"""What the Redis keys of users begin with; each holds the features by name, as JSON."""

SUBSCRIBERS, PLAYERS = "subscribers.csv", "players.csv"
"""What the models learn from: all columns are inputs but the last one, the outcome."""

OUTCOME = "churn"
MODELS = "models.joblib"
