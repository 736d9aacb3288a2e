"""A run on this machine: its servers and workers from start to end, and who watches them."""
