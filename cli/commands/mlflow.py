"""`pipeline mlflow`: versions of a model to a team's MLflow, and from there."""

from __future__ import annotations

import os
from typing import Annotated

import typer

import use_cases
from cli.console import tell
from cli.runs import settings_of
from mlflow_bridge.pull import Pulled
from mlflow_bridge.pull import pull as pull_version
from mlflow_bridge.push import Pusher, named, registered_name
from mlflow_bridge.tracking import Tracking
from pipeline.clock import SystemClock
from pipeline.errors import Refusal
from pipeline.manifest import versions_of
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
        tell(f"models:/{pusher.name}@{alias} is version {which}")


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
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    registrar = Registrar(settings.models_dir, case, SystemClock())
    if versions_of(settings.models_dir, case.name):
        registrar.keep_champion()  # else a newer version would be champion by being there
    wanted = address or f"models:/{registered_name(case.name)}@champion"
    pulled = pull_version(tracking, wanted, settings.models_dir, case)
    tell(f"{wanted} is version {pulled.version}, {'new' if pulled.new else 'and it was'} here")
    if promote:
        _promote(registrar, pulled, wanted)


def _promote(registrar: Registrar, pulled: Pulled, address: str) -> None:
    if registrar.aliases().champion != pulled.version:
        registrar.promote_unjudged(pulled.version, f"is {address} in MLflow")
    tell(f"version {pulled.version} is champion")


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
