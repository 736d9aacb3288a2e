"""`pipeline model`: which versions there are, which one serves, and how another comes to serve."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

import use_cases
from cli.commands.model_import import import_model
from cli.console import tell
from cli.datasets import default_path, epochs_of
from cli.endings import Failed
from cli.models import described, listed, versions
from cli.runs import settings_of
from pipeline.clock import SystemClock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.settings import Settings
from promotion.gates import Gate
from promotion.registrar import Judge, Registrar
from serving.forms import as_case

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="See, compare and change which model serves."
)

Why = Annotated[str, typer.Option(help="Why, for the record.")]
WhichVersion = Annotated[int, typer.Argument(min=1, help="A version, as `model list` has it.")]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DATASET",
        dir_okay=False,
        help="Unless it is the default one of `pipeline dataset`.",
    ),
]


@app.command("list")
def list_versions(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """List all versions, the newest last: what they are, how good, champion or challenger.

    Example: pipeline model list
    """
    settings, case = _case()
    found = versions(settings.models_dir, case)
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found]))
    else:
        Console().print(listed(found))


@app.command()
def show(version: WhichVersion) -> None:
    """Show one version: its manifest in short, its card's place, and what was decided about it.

    Example: pipeline model show 1
    """
    settings, case = _case()
    for line in described(settings.models_dir, case, str(version)):
        tell(line)


@app.command()
def compare(
    version: Annotated[
        int | None, typer.Argument(min=1, help="A version; without it the challenger's trial.")
    ] = None,
    *,
    data: Data = None,
) -> None:
    """Compare a version with the champion on a dataset, or the challenger by what was logged.

    With a version it says what each gate of `promote` would, on users of a dataset that neither
    learnt from. Without one it says how the trial stands, and whether to stop: it may be asked as
    often as one likes. Changes nothing.

    Example: pipeline model compare 2
    """
    settings, case = _streamed_case()
    if version is None:
        _print_course(settings, case)
        return
    registrar = _registrar(settings, case)
    registrar.check(str(version))
    verdict = registrar.compare(str(version), _judge(settings, case, data))
    both = verdict.comparison
    tell(f"on {both.rows:,} scores of {both.users:,} users that neither learnt from:")
    for name, one in (("champion", both.champion), (f"version {version}", both.challenger)):
        auc = "-" if one.auc is None else f"{one.auc:.4f}"
        error = one.calibration_error.value
        tell(f"{name}: log loss {one.log_loss:.4f}, AUC {auc}, calibration error {error:.4f}")
    _print_gates(verdict.gates)


@app.command()
def promote(
    version: WhichVersion,
    *,
    data: Data = None,
    without_gates: Annotated[
        str | None, typer.Option(metavar="WHY", help="Let no gate judge, and say why.")
    ] = None,
) -> None:
    """Make a version champion if it passes every gate; all workers follow within five seconds.

    A refusal ends with 1. Either way a record stays in `decisions` beside the versions.

    Example: pipeline model promote 2
    """
    settings, case = _case()
    registrar = _registrar(settings, case)
    if without_gates:
        tell(registrar.promote_unjudged(str(version), without_gates).line)
        return
    _refuse_form(settings)
    registrar.check(str(version))
    decision = registrar.promote(str(version), _judge(settings, case, data))
    _print_gates(decision.gates)
    if not decision.done:
        failed = ", ".join(gate.name for gate in decision.failed)
        raise Failed(f"version {version} was not promoted: {failed}")
    tell(decision.line)


@app.command()
def rollback(*, why: Why = "asked for") -> None:
    """Make the champion before champion again; all workers follow within five seconds.

    Example: pipeline model rollback --why "complaints since this morning"
    """
    settings, case = _case()
    tell(_registrar(settings, case).roll_back(why).line)


@app.command()
def challenge(
    version: WhichVersion,
    *,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Score the same records, and serve nobody.")
    ] = False,
    share: Annotated[
        float | None, typer.Option(min=0.001, max=0.999, help="Serve this share of the users.")
    ] = None,
) -> None:
    """Put a version on trial beside the champion, from now on.

    In shadow its scores are logged with those that are served. With a share it serves some of the
    users, always the same ones. A new trial takes the place of the one before.

    Example: pipeline model challenge 2 --share 0.1
    """
    if shadow == (share is not None):
        raise typer.BadParameter("either --shadow or --share is needed")
    settings, case = _streamed_case()
    tell(_registrar(settings, case).challenge(str(version), share or 0.0).line)


@app.command()
def withdraw(*, why: Why = "asked for") -> None:
    """End the trial of the challenger.

    Example: pipeline model withdraw --why "the two are equal"
    """
    settings, case = _streamed_case()
    tell(_registrar(settings, case).withdraw(why).line)


app.command("import")(import_model)


def _case() -> tuple[Settings, UseCase]:
    """Whose models are asked for; a case that is scored from the request has them too."""
    settings = settings_of(os.environ)
    if settings.use_case in use_cases.forms():
        return settings, as_case(use_cases.load_form(settings.use_case))
    case = use_cases.load(settings.use_case)
    if case.model is None:
        raise Refusal(f"{case.name} has no model", "Name another case in PIPELINE_USE_CASE")
    return settings, case


def _streamed_case() -> tuple[Settings, UseCase]:
    """The same, for trials and comparisons."""
    settings, case = _case()
    _refuse_form(settings)
    return settings, case


def _refuse_form(settings: Settings) -> None:
    if settings.use_case in use_cases.forms():
        raise Refusal(
            f"{settings.use_case} is scored from the request: there is no log to judge by",
            "Promote with --without-gates, and say why",
        )


def _registrar(settings: Settings, case: UseCase) -> Registrar:
    return Registrar(settings.models_dir, case, SystemClock())


def _judge(settings: Settings, case: UseCase, data: Path | None) -> Judge:
    from promotion.judging import DatasetJudge  # noqa: PLC0415 - brings scikit-learn: an extra, and a second
    from training.data.dataset import read_dataset  # noqa: PLC0415 - the same

    return DatasetJudge(case, read_dataset(data or default_path(settings)))


def _print_course(settings: Settings, case: UseCase) -> None:
    from promotion.trial import course  # noqa: PLC0415 - brings pandas: an extra, and a second

    found = course(
        case, epochs_of(settings.parquet_dir, case), _registrar(settings, case).aliases()
    )
    trial = found.trial
    way = f"serving {trial.share:.1%} of the users" if trial.share else "in shadow"
    tell(f"challenger {trial.version} against champion {found.champion}, {way} since {trial.since}")
    tell(f"{found.scores:,} scores of {found.users:,} users whose label is known")
    tell(
        f"log loss by user: champion {found.champion_log_loss:.4f}, challenger "
        f"{found.challenger_log_loss:.4f}, difference {found.difference}"
    )
    tell(found.advice)


def _print_gates(gates: tuple[Gate, ...]) -> None:
    for gate in gates:
        tell(gate.line)
