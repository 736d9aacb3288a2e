"""Where a dataset comes from, and where it is unless one says otherwise."""

from __future__ import annotations

from pathlib import Path

from pipeline.declaration import UseCase
from pipeline.settings import Settings
from pipeline.topics import Topics
from rebuild.history import manifests


def epochs_of(parquet_dir: Path, case: UseCase) -> list[Path]:
    """The directories that hold the topics of the log, the oldest epoch first."""
    topics = {Topics.of(case).incoming, Topics.of(case).inferences}
    older = [home for home, manifest in manifests(parquet_dir) if topics & manifest.ended.keys()]
    return [*older, parquet_dir]


def default_path(settings: Settings) -> Path:
    """The dataset of a use case."""
    return settings.data_dir / "datasets" / f"{settings.use_case}.parquet"
