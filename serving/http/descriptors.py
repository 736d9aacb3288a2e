"""How many files and connections a process may have open."""

from __future__ import annotations

import resource

from pipeline.logs import log

_OTHERS = 128
"""What a process opens beside the connections of its callers."""


def connections_within(wanted: int) -> int:
    """How many connections there may be: `wanted`, unless the system allows fewer open files.

    The limit of this process is raised as far as it takes, and as it may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHERS
    if _allows(soft, needed):
        return wanted
    raised = needed if _allows(hard, needed) else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    if raised == needed:
        return wanted
    fewer = max(1, raised - _OTHERS)
    log.warning("few files may be open, and so few connections", connections=fewer, files=raised)
    return fewer


def _allows(limit: int, needed: int) -> bool:
    return limit == resource.RLIM_INFINITY or limit >= needed
