"""The feature stage's work on other frameworks: same events, same features, same requests.

Held to the same results, not to the same promises: no origin, no marker, no recent event ids. These
files run in a Python of their own (.venv-peers) and import nothing of ours but this package.
"""

import sys
from typing import NamedTuple

FEATURES_KEY = "peers:features:"
"""What the Redis keys of their features begin with."""


class Place(NamedTuple):
    """What each of them is told: where it reads and writes, and where it may keep files.

    Where Redis is they are told by PIPELINE_REDIS: everybody can list arguments, and passwords.
    """

    kafka: str
    table: str
    source: str
    target: str
    directory: str
    group: str


def place() -> Place:
    """As the command line says."""
    return Place(*sys.argv[1:])
