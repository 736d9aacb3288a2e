"""`pipeline offers`: contacts and flags, decisions from a file, and what offers came to."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

import use_cases
from cli.console import say
from cli.datasets import epochs_of
from cli.endings import Failed
from cli.offers.asking import Decided, Rules, ask_all, client_of, customers_in
from cli.offers.beginning import begin as begin_anew
from cli.offers.effect import Effect, effect
from cli.runs import environment, find, settings_of
from pipeline.clock import SystemClock
from pipeline.errors import Refusal
from pipeline.offers.contacts import CUSTOMER, install, read
from pipeline.offers.deciding import Contacts, Decision
from pipeline.settings import Settings
from training.data.labels import LabelsBy, labels_by

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Decide who gets an offer, and see its effect."
)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="A CSV file of contacts and flags.", dir_okay=False)],
    *,
    use_case: Annotated[str | None, typer.Option(help="Whose; else PIPELINE_USE_CASE.")] = None,
) -> None:
    """Put a table of contacts and flags in force, in the place of the one before.

    Its header is user_id,email,time_zone,consent,self_excluded,harm (customerID instead of user_id
    for a case that is scored from the request); the last three are yes or no.

    Example: pipeline offers load contacts.csv
    """
    settings = settings_of(os.environ)
    name = use_case or settings.use_case
    table = install(file, settings.lookups_dir, name, _entity_of(name))
    typer.echo(f"{len(table.contacts):,} contacts are in force, version {table.version}")


@app.command()
def begin() -> None:
    """Let marketing begin at the end of the log of scores, with nothing remembered of anyone.

    Before its first start on a log that is old, and whenever it refuses to start. Somebody who got
    an offer lately may then get another one sooner than the cap allows.

    Example: pipeline offers begin
    """
    settings = settings_of(os.environ, "KAFKA", "REDIS")
    passed = begin_anew(settings, use_cases.load(settings.use_case))
    typer.echo(f"marketing begins behind {passed:,} scores")


@app.command()
def decide() -> None:
    """Run the worker that decides about offers beside a running pipeline, until Ctrl-C.

    Example: pipeline offers decide
    """
    _become("marketing")


@app.command()
def mail() -> None:
    """Run the worker that sends offers by e-mail beside a running pipeline, until Ctrl-C.

    Example: PIPELINE_SMTP_HOST=relay pipeline offers mail
    """
    _become("marketing.mailing")


@app.command()
def report(
    *,
    campaign: Annotated[str | None, typer.Option(help="Which; else that of the settings.")] = None,
    labels: Annotated[
        LabelsBy | None,
        typer.Option(help="What tells who churned; without it the outcome, if one is declared."),
    ] = None,
) -> None:
    """Show decisions by their reason, what became of e-mails, and what offers changed.

    That is who churned of those who were to get one, against the hold-out.

    Example: pipeline offers report --campaign spring
    """
    settings = settings_of(os.environ)
    case = use_cases.load(settings.use_case)
    chosen = campaign or settings.offers.policy.campaign
    homes, kind = epochs_of(settings.parquet_dir, case), labels_by(case, labels)
    found = effect(case, homes, chosen, kind)
    if not found.decisions:
        raise Failed(f"no decision of the campaign {chosen} is logged; is PIPELINE_OFFERS set?")
    _show(Console(), found)


@app.command()
def run(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv|FILE.json", dir_okay=False)],
    *,
    use_case: Annotated[str, typer.Option(help="By which case they are scored.")] = "telecom_churn",
) -> None:
    """Decide who of the customers in a file gets an offer; the churn API scores them.

    Prints one JSON object a line. Nothing is remembered: whoever is in the file is decided as if
    for the first time. Ends with 1 where a customer could not be scored.

    Example: pipeline offers run customers.csv
    """
    settings = settings_of(os.environ)
    form = use_cases.load_form(use_case)
    contacts = _contacts(settings, form.name)
    rules = Rules(settings.offers.policy, contacts, SystemClock().now())
    customers = customers_in(file, form)

    async def ask() -> list[Decided]:
        async with client_of(settings.offers.api, settings.offers.api_key) as client:
            return await ask_all(client, form, customers, rules)

    decided = asyncio.run(ask())
    for one in decided:
        typer.echo(msgspec.json.encode(_told(one)).decode())
    failed = sum(one.decision is None for one in decided)
    if failed:
        raise Failed(f"{failed:,} of {len(decided):,} customers could not be scored")


def _become(module: str) -> None:
    """Go on as a worker, with the settings that a command finds."""
    settings_of(os.environ, "KAFKA", "REDIS")
    complete = environment(os.environ, find(os.environ))
    command = [sys.executable, "-m", module]
    os.execve(sys.executable, command, complete)  # noqa: S606 - a program of ours, no shell


def _entity_of(name: str) -> str:
    return CUSTOMER if name in use_cases.forms() else use_cases.load(name).entity


def _contacts(settings: Settings, use_case: str) -> Contacts | None:
    try:
        return read(settings.lookups_dir, use_case, CUSTOMER).contacts
    except Refusal as error:
        typer.echo(f"pipeline: {error}; nobody gets an offer", err=True)
        return None


def _told(one: Decided) -> dict[str, str | float | None]:
    if one.decision is None:
        return {CUSTOMER: one.customer, "error": one.error}
    is_yes = one.decision is Decision.YES
    return {
        CUSTOMER: one.customer,
        "offer": "yes" if is_yes else "no",
        "reason": None if is_yes else one.decision.value,
        "probability": one.probability,
    }


def _show(console: Console, found: Effect) -> None:
    for decision, count in found.decisions.items():
        say(console, f"{decision}: {count:,}")
    for told, count in found.mails.items():
        say(console, f"e-mail {told}: {count:,}")
    table = Table("", *(f"{name}" for name in ("users", "with a label", "churned")))
    for name, group in (("offered", found.offered), ("hold-out", found.hold_out)):
        share = "-" if group.share is None else f"{group.share:.1%}"
        table.add_row(name, f"{group.users:,}", f"{group.labelled:,}", share)
    console.print(table)
    if found.difference is not None:
        by, low, high = found.difference
        say(console, f"difference {by:+.1%}, 95 % interval {low:+.1%} to {high:+.1%}")
