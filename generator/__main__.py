"""`python -m generator`: sends a world to the Kafka that `PIPELINE_KAFKA` names."""

from __future__ import annotations

import os
import sys

import typer

from generator.command import command
from pipeline.errors import PipelineError
from pipeline.logs import configure, log
from pipeline.setting_names import ignored_variables
from pipeline.settings import read_settings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    try:
        settings = read_settings(os.environ)
        os.umask(settings.umask)
        configure("generator", settings.log_level)
        for ignored in ignored_variables(os.environ):
            log.warning(ignored)
        app()
    except PipelineError as error:
        sys.exit(f"generator: {error}")
