"""Sends a seeded world, as a source would, to `generated-events`, and writes its lookup tables.

Reads a use case's world (`use_cases/<name>/world.py`) and knows nothing else of any case.
Promises: the same seed gives the same keys and values, byte for byte; what it counts as sent was
acknowledged. The pure parts are `stream`, `disorder`, `malformed` and `pace`; the edges are
`kafka_sink`, `lookup_file` and `progress`.
"""
