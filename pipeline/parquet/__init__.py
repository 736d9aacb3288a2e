"""The log in Parquet: its form, its files, and what is read and recomputed from them."""
