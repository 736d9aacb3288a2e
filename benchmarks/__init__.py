"""How fast each stage is, beside the same work written the usual way. Never part of a test.

Runs the real workers, unchanged, one at a time, on an embedded Kafka and Redis of its own, and
writes what it found to `benchmarks/results/`. README.md says what each figure holds.
"""
