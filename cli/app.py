"""The root of the command line: which commands there are, and how each of them ends.

A command's module is imported when it is asked for: the others' clients cost a second.
"""

from __future__ import annotations

import importlib
import os
from collections import UserDict
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

import use_cases
from cli.endings import exit_code
from pipeline.errors import PipelineError
from pipeline.setting_names import ignored_variables
from pipeline.settings import read_settings

_COMMANDS = (
    "demo",
    "up",
    "status",
    "runs",
    "prepare",
    "generate",
    "ingest",
    "tail",
    "features",
    "train",
    "model",
    "mlflow",
    "retrain",
    "offers",
    "api",
    "keys",
    "schema",
    "rejected",
    "resume",
    "lookup",
    "rebuild",
    "compact",
    "backfill",
    "sql",
    "dataset",
    "describe",
    "inference",
    "predict",
    "forget",
    "topics",
    "doctor",
)


_HELP = ("-h", "--help")


class _Modules(UserDict[str, Any]):
    """Command by name, each made out of `app` in its module of `cli.commands` when asked for."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            command = get_command(importlib.import_module(f"cli.commands.{name}").app)
            command.name = name
            self.data[name] = command
        return self.data[name]


class Commands(TyperGroup):
    """The group of all commands; turns errors into one line and an exit code."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Modules(dict.fromkeys(_COMMANDS))

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002 - Typer's signature
        """Their names, in the order of a newcomer's way, without importing any."""
        return list(_COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """What is asked for. Raises SettingsError where it would run in a wrong environment."""
        resolved = super().resolve_command(ctx, args)
        if not {*args} & {*_HELP}:
            _look_at(os.environ)
        return resolved

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # typer's Context is click's
        """Run a command. Under `--debug` errors come out as they are."""
        try:
            return super().invoke(ctx)
        except PipelineError as error:
            raise _ended(ctx, error, f"pipeline: {error}") from error
        except KeyboardInterrupt as error:
            raise _ended(ctx, error, "") from error
        except Exception as error:
            if hasattr(error, "exit_code") or isinstance(error, BrokenPipeError):
                raise  # Typer's own: wrong usage, an exit, a reader that went away
            unexpected = f"pipeline: unexpected {type(error).__name__}: {error}"
            raise _ended(ctx, error, f"{unexpected}. `--debug` shows where") from error


def _look_at(environ: Mapping[str, str]) -> None:
    """Name what is wrong in it, whether or not this command would use it; files are as it says."""
    for ignored in ignored_variables(environ):
        typer.echo(f"pipeline: {ignored}", err=True)
    settings = read_settings(environ)
    os.umask(settings.umask)
    use_cases.check(settings.use_case)


def _ended(ctx: typer.Context, error: BaseException, line: str) -> BaseException:
    """What to raise instead of `error`: itself under `--debug`, else the exit after one line."""
    if ctx.params.get("debug"):
        return error
    if line:
        typer.echo(line, err=True)
    return typer.Exit(exit_code(error))


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": [*_HELP]},
)


@app.callback()
def root(
    *,
    debug: Annotated[  # noqa: ARG001 - read by `_ended`
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
    run: Annotated[
        str | None,
        typer.Option(
            "--run", metavar="NAME", help="Which run (PIPELINE_RUN); else the one that runs."
        ),
    ] = None,
) -> None:
    """A real-time churn pipeline: Kafka, features in Redis, a score for every bet and win.

    Begin with `pipeline demo`. Every command has its own --help with an example.
    """
    if run is not None:
        os.environ["PIPELINE_RUN"] = run
