"""Asks the run's API for the scores of some users, as any program would."""

from __future__ import annotations

import json
from urllib.parse import quote

from cli.demo.facts import Told
from cli.state.scrape import fetch
from pipeline.times import parse_time


def ask(port: int, user: str) -> Told | None:
    """What the API on this port says of a user now; None while it says nothing. May block 1 s."""
    text = fetch(port, f"/users/{quote(user, safe='')}")
    if text is None:
        return None
    found = json.loads(text)
    return Told(
        user=user,
        prediction=found["prediction"],
        probability=found["probability"],
        version=found["version"],
        as_of=parse_time(found["as_of"]),
    )
