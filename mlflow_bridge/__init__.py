"""Versions of a model in a team's MLflow: pushed there, and pulled from there.

Reads and writes `models/` and an MLflow server. Promises: a version is there once however often it
is pushed, its aliases are those here, and what is pulled is the version its manifest names.
"""
