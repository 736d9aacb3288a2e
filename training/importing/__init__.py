"""Brings in a model that somebody trained elsewhere with scikit-learn: `pipeline model import`.

Reads a `.joblib`, `.pkl` or `.bin` file, which runs the code inside. Writes a version folder under
`models/`. Promises that the version answers in ONNX as the file does in scikit-learn, on every row
of a sample; what it cannot prove it refuses.
"""
