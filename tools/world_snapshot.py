"""What a seeded world's source sends, as a snapshot: the first step of dvc.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import use_cases
from pipeline.world import WorldSize
from tools.snapshot import About, take
from training.command import EVENTS, SEED, USERS, Events, Seed, Users
from training.source import world_of


def main(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder.")],
    *,
    use_case: Annotated[str, typer.Option(help="Whose world.")] = "first_day_churn",
    users: Users = USERS,
    events: Events = EVENTS,
    seed: Seed = SEED,
) -> None:
    """Write every event of a world, with its lookup tables. The same arguments give the same bytes.

    Example: python -m tools.world_snapshot snapshot --users 500
    """
    case, size = use_cases.load(use_case), WorldSize(users, events, seed)
    world = world_of(case.name, size)
    source = (
        f"the world of {case.name} with {users:,} users, {events:,} events each and seed {seed}"
    )
    take(out, case, world, About(case.name, source, size.end))
    typer.echo(f"{out}: {world.total:,} events of {users:,} users")


if __name__ == "__main__":
    typer.run(main)
