"""The log: every record of the logged topics as Parquet, for training, replay and audits.

Reads `incoming-events`, `inferences` and `rejected-events`, and where offers are on `offers` and
`offer-mails`. Writes Parquet files and a small position file per partition. Promises that every
record of a topic is in exactly one file, once: replays too, marked by the origin rule, and what
could not be decoded, as its original bytes.
"""
