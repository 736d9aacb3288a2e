"""`python -m training.forms`: trains a model that scores requests and writes it under `models/`."""

from __future__ import annotations

import os
import sys

import typer

from pipeline.errors import PipelineError
from pipeline.settings import read_settings
from training.forms.command import command

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(command)

if __name__ == "__main__":
    try:
        os.umask(read_settings(os.environ).umask)
        app()
    except PipelineError as error:
        sys.exit(f"training: {error}")
