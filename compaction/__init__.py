"""Few big files of the log in place of many small ones, and none that are older than is wanted.

Reads and writes the Parquet files of dates that are over, while the logger runs. Promises the same
rows, with their offsets and origins, and that a reader finds all of a date's old files or all of
its new ones; killed at any moment it leaves the log whole, and the next run tidies up.
"""
