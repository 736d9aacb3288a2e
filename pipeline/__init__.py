"""What two or more stages share: declaration, fold, origins, markers, Kafka, Redis, settings.

Imports no stage and no use case. Pure modules (declaration, validation, windows, fold, origin,
marker) know no client, clock or environment; `pipeline.kafka` and `pipeline.store` are the edges.
"""
