"""What a declaration has gained since the live state was made. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.state import Raw, StateCodec

_PACKED = "m2"  # of all aggregations together: its bytes differ where there is one more


@dataclass(frozen=True, slots=True)
class Added:
    """The aggregations of `case` that are new, or changed."""

    case: UseCase
    names: frozenset[str]

    @classmethod
    def of(cls, case: UseCase, texts: Sequence[str]) -> Added:
        """Those that are called so, or have a feature that is.

        Raises Refusal for an unknown name, and where the model reads one of them already.
        """
        found = [_named(case, text) for text in texts]
        added = cls(case, frozenset(found))
        features = {name for one in case.aggregations if one.name in found for name in one.features}
        read = sorted(features & {*case.inputs})
        if read:
            raise Refusal(
                f"the model reads {', '.join(read)}, which requests that are under way do not have",
                "Leave it out of the model's inputs until the backfill is done and the workers run",
            )
        return added

    @property
    def before(self) -> UseCase:
        """The declaration without them."""
        kept = tuple(one for one in self.case.aggregations if one.name not in self.names)
        events = {one.event for one in kept}
        scored = tuple(name for name in self.case.scored_on if name in events)
        return replace(self.case, aggregations=kept, scored_on=scored, model=None)

    @property
    def carried(self) -> tuple[str, ...]:
        """The fields of an entity's hash that they leave as they were."""
        kept = {*StateCodec(self.before).fields} & {*StateCodec(self.case).fields}
        features = self.case.features
        return tuple(sorted(n for n in kept if n in features or not n.startswith(_PACKED)))

    def refuse_unless_all(self, live: Sequence[Raw]) -> None:
        """Raise Refusal where a live hash, its values by `carried`, lacks what is not named."""
        absent = {name for name, one in zip(self.carried, live, strict=True) if one is None}
        lacking = absent & {*StateCodec(self.before).required}
        if not lacking or len(absent) == len(self.carried):
            return
        new = [one.name for one in self.before.aggregations if lacking & {*one.features}]
        raise Refusal(
            f"the live state has no {', '.join(sorted(lacking))} either",
            f"Run `pipeline backfill {' '.join(sorted({*self.names, *new}))}`"
            if new
            else "Run `pipeline rebuild features`",
        )


def refuse_mismatch(partition: int, entities: Collection[str]) -> None:
    """Raise Refusal if there are any: what was live of them is not what their log comes to."""
    if entities:
        some = ", ".join(sorted(entities)[:3])
        raise Refusal(
            f"of partition {partition}, {len(entities):,} entities would have other values than "
            f"before in features that are not named ({some}); nothing was handed over",
            "More has changed in the declaration: name it too, or run `pipeline rebuild features`",
        )


def _named(case: UseCase, text: str) -> str:
    for one in case.aggregations:
        if text == one.name or text in one.features:
            return one.name
    known = ", ".join(one.name for one in case.aggregations) or "none"
    raise Refusal(f"{case.name} has no aggregation {text!r}", f"It declares: {known}")
