"""The edge to Redis: a stage's entities and its marker, read and written in one atomic step."""
