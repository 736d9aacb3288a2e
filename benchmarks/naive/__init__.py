"""The same work written the usual way: record by record, with a client's call awaited for each.

Held to the same results, not to the same promises: no origin, no marker, no replay after a crash.
"""

FEATURES_KEY, SCORES_KEY = "naive:features:", "naive:scores:"
"""What the Redis keys of the naive features and scores begin with."""

ROWS = 8_192
"""Rows in a file of the naive logger."""
