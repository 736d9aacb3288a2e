"""Training data out of the log: what a model was told at each score, and what became of the user.

Reads the Parquet log. Writes a dataset: one Parquet file, and a JSON file that says where it came
from. Promises the same bytes for the same log, no input from after a score, and no label before
it is known.
"""
