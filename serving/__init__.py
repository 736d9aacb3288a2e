"""Scores: one inference for each record that asks for one, by the model in service.

Reads `serving-features`. Writes `inferences` (one record for each score, and one for each erased
entity), the latest score of each entity in Redis under a marker, and `rejected-events`. Promises
one inference per serving record; an erased entity's latest score goes with its features.
"""
