"""State built again from the log in Parquet: what Redis or Kafka lost, or a declaration has gained.

Reads the logged topics as Parquet and the markers. Writes a new generation of each partition's
features and latest scores, beside the live one until one step puts it in its place. Promises the
bits that the workers would hold; a rebuild that dies leaves the live state as it was.
"""
