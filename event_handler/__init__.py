"""The common input: whatever the sources send becomes canonical, or is rejected with its reason.

Reads `generated-events`, or any other source topics. Writes `incoming-events` and
`rejected-events`. Promises that every source record comes out on exactly one of the two, with its
origin, and that from there on one entity is in one partition, whatever key or partitioner it came
with.
"""
