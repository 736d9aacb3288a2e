"""Records as a person handles them: brought in, read, shown, and replayed once rejected."""
