"""Every metric, in one place. Labels are stages, topics, codes and declared names: never values."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)

RECORDS = Counter(
    "pipeline_records_total",
    "Records that a stage has dealt with, by event type or topic, and by outcome.",
    ["stage", "type", "outcome"],
)
REJECTED = Counter(
    "pipeline_rejected_total", "Records sent to rejected-events.", ["stage", "reason"]
)
NOT_COUNTED = Counter(
    "pipeline_not_counted_total", "Events that changed no aggregation.", ["reason"]
)
DROPPED = Counter(
    "pipeline_dropped_total", "Records without effect: replays by their origin.", ["stage"]
)
LOOKUPS_MISSED = Counter(
    "pipeline_lookups_missed_total", "Look-ups that gave the declared default.", ["lookup"]
)
REPAIRED_KEYS = Counter(
    "pipeline_repaired_keys_total", "Source records whose key was not their entity."
)
REWINDS = Counter(
    "pipeline_rewinds_total", "Partitions read again because their marker moved.", ["stage", "why"]
)
RETRIES = Counter(
    "pipeline_retries_total", "Batches tried again after a failure outside.", ["stage"]
)
PAUSED = Gauge(
    "pipeline_paused_partitions", "Partitions not read until a person lets them go on.", ["stage"]
)
BATCH_SECONDS = Histogram(
    "pipeline_batch_seconds",
    "Time from reading a batch to its last effect.",
    ["stage"],
    buckets=_FAST,
)
EVENT_TO_EFFECT_SECONDS = Histogram(
    "pipeline_event_to_effect_seconds",
    "From a record's arrival in the first log to its effect: a feature, or a score.",
    ["effect"],
    buckets=_FAST,
)
LAG = Gauge("pipeline_lag_records", "Records not dealt with yet.", ["stage", "topic"])
POSITION = Gauge(
    "pipeline_position", "The next offset to be dealt with.", ["stage", "topic", "partition"]
)
COMPACTED = Counter(
    "pipeline_compacted_dates_total",
    "Dates of the log in Parquet that were merged, removed, or put off.",
    ["topic", "outcome"],
)
FEATURE_MISMATCHES = Gauge(
    "pipeline_feature_mismatches",
    "Inferences with another value than the fold's, when logged inputs were last verified.",
    ["feature"],
)
MODEL = Gauge("pipeline_model_info", "1 for the model in service.", ["model", "version"])
CHALLENGER = Gauge(
    "pipeline_challenger_info",
    "1 for the model on trial; it serves a share of the entities, or with 0 nobody.",
    ["model", "version", "share"],
)
MODEL_REFUSED = Gauge(
    "pipeline_model_refused",
    "1 for a version, or a file of aliases, that should be in force and cannot be used.",
    ["model", "what"],
)
CHALLENGER_FAILURES = Counter(
    "pipeline_challenger_failures_total", "Batches that the challenger could not score."
)
REQUESTS = Counter(
    "requests_total",
    "HTTP requests, by the path they matched and the status of the answer.",
    ["route", "method", "status"],
)
CONNECTIONS_DROPPED = Counter(
    "pipeline_connections_dropped_total",
    "HTTP connections ended without an answer: crowded out by others, or never read.",
    ["why"],
)
REQUEST_SECONDS = Histogram(
    "request_latency_seconds",
    "From a request's head to the end of its answer.",
    ["route", "method", "status"],
    buckets=_FAST,
)
MISSING_FEATURES = Counter(
    "pipeline_missing_features_total",
    "Fields that were empty in scored requests, and had a declared meaning.",
    ["model", "version", "feature"],
)
REQUESTED_SCORES = Histogram(
    "pipeline_requested_scores",
    "Probabilities that were answered over HTTP.",
    ["model", "version"],
    buckets=[tenth / 10 for tenth in range(1, 11)],
)
