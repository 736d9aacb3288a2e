"""Many users with a state in Redis, without folding the life of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.contender import Contender, Failed, module, watched
from benchmarks.filling import write
from benchmarks.lab import Lab
from benchmarks.steady import load_world_lookups
from benchmarks.visits import Scribe, user_id
from pipeline.keys import FEATURES, Keys
from pipeline.partitioner import partition_of
from pipeline.records import OutRecord

TEMPLATES = 200
_AT_ONCE = 1_000
_SEED = 5
_COPY = """
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, unpack(ARGV))
end
"""

Hash = list[Any]
"""Names and values by turns."""


def found_templates(lab: Lab, scribe: Scribe) -> list[Hash]:
    """The hashes of the first users, as the worker has written them of the events that they get."""
    load_world_lookups(lab)
    lives = scribe.lives(range(TEMPLATES), _SEED)
    watched(folding(lab, "templates", lives), lab.directory / "templates.log")
    keys = state_keys(lab, range(TEMPLATES))
    return [[part for pair in lab.redis.hgetall(key).items() for part in pair] for key in keys]


def folding(lab: Lab, name: str, records: Sequence[Sequence[OutRecord]]) -> Contender:
    """The worker, going on from its markers with these records, which are appended before."""
    before, count = lab.written(lab.topics.incoming), sum(map(len, records))

    def check() -> None:
        if rejected := lab.written(lab.topics.rejected):
            raise Failed(f"{rejected} records were rejected: they are not what they should be")

    return Contender(
        name=name,
        argv=module("stream_features"),
        environ=lab.environ,
        records=count,
        effects=count,
        clear=lambda: write(lab, lab.topics.incoming, records),
        done=lambda: lab.marked(FEATURES) - before,
        check=check,
    )


def copy(lab: Lab, templates: Sequence[Hash], users: range) -> None:
    """Give the users a state each: the templates' by turns, under their own ids."""
    script: Any = lab.redis.register_script(_COPY)
    turns = len(templates)
    for turn, template in enumerate(templates):
        keys = state_keys(lab, users[turn::turns])
        for start in range(0, len(keys), _AT_ONCE):
            script(keys=keys[start : start + _AT_ONCE], args=template)


def state_keys(lab: Lab, users: range) -> list[str]:
    """The names of the users' keys, in their order."""
    keys, generations = Keys(lab.case.name, FEATURES), lab.generations(FEATURES)
    ids = [user_id(number) for number in users]
    places = [partition_of(one.encode(), lab.partitions) for one in ids]
    return [
        keys.entity(place, generations[place], one) for place, one in zip(places, ids, strict=True)
    ]
