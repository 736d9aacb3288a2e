"""`pipeline keys`: who may ask the HTTP service for what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from rich.console import Console

from cli.console import say
from cli.endings import Failed
from pipeline.errors import SettingsError
from pipeline.settings import read_settings
from serving.http.keys import Key, Scope, new_key, read_keys, write_keys

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Keys of the HTTP service: add, list, remove."
)

_File = Annotated[
    Path | None,
    typer.Option("--file", help="The file of keys; PIPELINE_HTTP_KEYS unless it is named."),
]


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it opens: predict, events or admin; repeatable."),
    ] = None,
    file: _File = None,
) -> None:
    """Make a key, and print it this once: the file keeps only its hash.

    To change a key, add another of the same name, and remove the old one by its hash. The service
    reads the file when it starts.

    Example: pipeline keys add shop --scope predict --scope events --file keys.json
    """
    place = _place(file)
    kept = read_keys(place) if place.exists() else []
    secret, key = new_key(name, _scopes(scope or ["predict"]))
    _write(place, [*kept, key])
    typer.echo(secret)


@app.command("list")
def list_keys(*, file: _File = None) -> None:
    """Show each key's hash, name and scopes.

    Example: pipeline keys list --file keys.json
    """
    for key in read_keys(_place(file)):
        say(Console(), f"{key.sha256[:12]}  {key.name}  {', '.join(key.scopes)}")


@app.command()
def remove(
    digest: Annotated[
        str, typer.Argument(metavar="HASH", help="The first digits, as `list` shows them.")
    ],
    *,
    file: _File = None,
) -> None:
    """Remove a key; it is good until the service starts again.

    Example: pipeline keys remove 5f2c81aa90b3 --file keys.json
    """
    place = _place(file)
    kept = read_keys(place)
    found = [key for key in kept if key.sha256.startswith(digest)]
    if len(found) != 1:
        raise Failed(f"{len(found)} keys have a hash that begins with {digest}")
    _write(place, [key for key in kept if key not in found])


def _place(file: Path | None) -> Path:
    """The file of keys. Raises SettingsError where none is named."""
    named = file or read_settings(os.environ).http.keys_file
    if not named:
        raise SettingsError("no file of keys is named", "Name it: --file FILE")
    return Path(named)


def _scopes(wanted: list[str]) -> list[Scope]:
    known = get_args(Scope)
    for one in wanted:
        if one not in known:
            raise typer.BadParameter(f"{one!r} is none of {', '.join(known)}")
    return [cast("Scope", one) for one in wanted]


def _write(place: Path, keys: list[Key]) -> None:
    try:
        write_keys(place, keys)
    except OSError as error:
        raise Failed(f"{place} cannot be written: {error.strerror}") from error
