"""Models for cases that are scored from the request: `python -m training.forms`.

Reads a form's invented world, or a table of real ones in CSV. Writes
`models/<use case>/<version>/`. Promises figures from rows that took no part in any choice, that
choices are encoded and what is empty filled in inside the model, equal answers in ONNX and
scikit-learn, and the same bytes for the same data and seed.
"""
