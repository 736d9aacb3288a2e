"""The pipeline as of one moment: lags, markers, pauses, the workers' own numbers, and an entity."""
