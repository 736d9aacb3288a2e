"""A name for a worker that nobody gave one: that of the host, and a number free on it.

The number is held by an abstract Unix socket, which the kernel lets go of when its process ends.
It is seen by exactly those who may have the same host name: the processes of one network
namespace, whatever folder, user or read-only file system they run in.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import socket
import sys
from collections.abc import Iterator

from pipeline.errors import SettingsError


@contextlib.contextmanager
def own_name(group: str) -> Iterator[str]:
    """A name that no other worker of `group` on this host has until the end of the block.

    Who starts again while the others run gets the same. Raises SettingsError off Linux.
    """
    if sys.platform != "linux":
        raise SettingsError(
            "PIPELINE_INSTANCE is not set", "Set it to a name that no other worker has"
        )
    for number in itertools.count(1):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as slot:
            if _takes(slot, group, number):
                yield f"{socket.gethostname()}-{number}"
                return


def _takes(slot: socket.socket, group: str, number: int) -> bool:
    digest = hashlib.sha256(group.encode()).hexdigest()[:32]
    try:
        slot.bind(f"\0feature-stream-{digest}-{number}")
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    return True
