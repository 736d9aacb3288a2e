"""`pipeline mlflow`: versions of a model to a team's MLflow, and from there."""

from __future__ import annotations

import os
import time
from typing import Annotated

import typer

import use_cases
from cli.console import tell
from cli.following import EVERY, Alias, Following, bring, put_in_force
from cli.runs import settings_of
from mlflow_bridge.push import CHAMPION, Pusher, named, registered_name
from mlflow_bridge.tracking import Tracking
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.registry import aliases_of
from promotion.registrar import Registrar

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Bring versions to the MLflow server that MLFLOW_TRACKING_URI names, or take them there.",
)

_ADDRESS = "MLFLOW_TRACKING_URI"
_WISHES = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # its own 7 take minutes
}
"""What we ask of MLflow's client, unless somebody has set it otherwise."""


@app.command()
def push(
    version: Annotated[
        int | None, typer.Argument(min=1, help="A version to bring beside these two.")
    ] = None,
) -> None:
    """Bring champion and challenger to MLflow, and have them under the same aliases there.

    Each is a run with parameters, metrics, card and report, and a version of the registered model.
    What is there already stays as it is.

    Example: pipeline mlflow push
    """
    tracking = _tracking()
    settings = settings_of(os.environ)
    aliases = aliases_of(settings.models_dir, settings.use_case)
    wanted = {*named(aliases).values(), *([str(version)] if version else [])}
    pusher = Pusher(tracking, settings.models_dir, settings.use_case)
    pushed = [pusher.push(one) for one in sorted(wanted, key=int)]
    for one in pushed:
        state = "pushed" if one.new else "was there"
        tell(f"version {one.version}: {state} as {pusher.name} {one.registered}")
    pusher.mirror(aliases, pushed)
    for alias, which in named(aliases).items():
        tell(f"{Alias(pusher.name, alias)} is version {which}")


@app.command()
def pull(
    address: Annotated[
        str | None,
        typer.Argument(help="models:/NAME@ALIAS or models:/NAME/VERSION; else the champion."),
    ] = None,
    *,
    promote: Annotated[
        bool, typer.Option("--promote", help="Make it champion here too; workers follow.")
    ] = False,
) -> None:
    """Take a version from MLflow into PIPELINE_MODELS, if its files are those its manifest names.

    Who is champion here changes only with --promote: no gate judges, the record says where it is
    from. Run again, it does nothing unless the address has come to mean another version.

    Example: pipeline mlflow pull models:/first-day-churn@champion --promote
    """
    tracking = _tracking()
    registrar = _registrar()
    wanted = address or str(_champion_of(registrar.case))
    pulled = bring(tracking, registrar, wanted)
    tell(f"{wanted} is version {pulled.version}, {'new' if pulled.new else 'and it was'} here")
    if promote:
        put_in_force(registrar, pulled.version, f"is {wanted} in MLflow")
        tell(f"version {pulled.version} is champion")


@app.command()
def follow(
    alias: Annotated[
        str | None, typer.Argument(help="models:/NAME@ALIAS; without it the champion.")
    ] = None,
    *,
    every: Annotated[
        float, typer.Option(min=1, max=3600, help="How many seconds between two looks.")
    ] = EVERY,
) -> None:
    """Pull what an alias in MLflow names whenever it moves, make it champion here, until Ctrl-C.

    Workers follow. Each version is put in force once: a rollback here holds until the alias moves.
    While the server is away, or the version there cannot be used, the champion here stays.

    Example: pipeline mlflow follow models:/first-day-churn@champion
    """
    tracking = _tracking()
    registrar = _registrar()
    followed = Alias.of(alias) if alias else _champion_of(registrar.case)
    following = Following(tracking, registrar, followed, tell, every)
    try:
        while True:
            time.sleep(following.tick())
    except KeyboardInterrupt:
        tell("Stopped. The champion here stays.")


def _champion_of(case: UseCase) -> Alias:
    return Alias(registered_name(case.name), CHAMPION)


def _registrar() -> Registrar:
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    return Registrar(settings.models_dir, case, SystemClock())


def _tracking() -> Tracking:
    """The server. Raises Refusal where none is named, or MLflow's client is not installed."""
    if not os.environ.get(_ADDRESS):
        raise Refusal(
            "no MLflow server is named",
            f"Set {_ADDRESS}, and where it asks for them MLFLOW_TRACKING_USERNAME and "
            "MLFLOW_TRACKING_PASSWORD",
        )
    os.environ.update({**_WISHES, **os.environ})
    try:
        from mlflow_bridge.server import Server  # noqa: PLC0415 - an extra, and it takes a second
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        raise Refusal(
            "MLflow's client is not installed", "pip install 'feature-stream[mlflow]'"
        ) from None
    return Server()
