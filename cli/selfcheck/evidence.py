"""Gathers what the checks look at, from Parquet, Kafka, Redis and the files beside. Blocks."""

from __future__ import annotations

from cli.selfcheck.broker import read_broker
from cli.selfcheck.examine import Evidence
from cli.selfcheck.held import read_held
from cli.selfcheck.logged import files_of, read_logged
from cli.selfcheck.tables import table_reader
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.keys import FEATURES, SCORES
from pipeline.lookups import LookupTables
from pipeline.manifest import readable_folder
from pipeline.settings import Settings
from serving.model import Model
from serving.scorer import Scorer


def gather(case: UseCase, settings: Settings) -> Evidence:
    """Read it all. Raises Refusal or InfrastructureError."""
    return Evidence(
        logged=read_logged(settings.parquet_dir, case),
        files=files_of(settings.parquet_dir, case),
        broker=read_broker(settings, case),
        features=read_held(settings, FEATURES),
        scores=read_held(settings, SCORES),
        fold_tables=LookupTables(settings.lookups_dir, case).table,
        recomputation_tables=table_reader(settings.lookups_dir, case),
        model_of=lambda version: _model(settings, case, version),
    )


def _model(settings: Settings, case: UseCase, version: str) -> Scorer | None:
    """The model of a version; None where there is none that can be used."""
    try:
        return Model.load(readable_folder(settings.models_dir, case.name, version), case)
    except Refusal:
        return None
