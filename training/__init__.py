"""From what was logged to a model: one version under `models/`, made again by the same command.

Reads a use case's seeded world, as the log would hold it. Writes `models/<use case>/<version>/`.
Promises that every row is what the features were at a score, that no user is in both parts of the
data, that the model kept answers in ONNX as it did in scikit-learn, and the same bytes for the same
data and seed.
"""
