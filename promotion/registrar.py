"""Changes who is champion and challenger, each time with a record of why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.clock import Clock
from pipeline.declaration import UseCase
from pipeline.errors import Refusal
from pipeline.manifest import read_manifest, readable_folder, verified_model, versions_of
from pipeline.registry import (
    Aliases,
    Challenger,
    aliases_of,
    changing,
    keep_champion,
    write_aliases,
)
from pipeline.times import format_time
from promotion.decisions import Act, Decision, record
from promotion.gates import Verdict
from serving.model import Model
from training.train import HELD_OUT_USERS


@dataclass(frozen=True, slots=True)
class Contender:
    """A version: the model, its file, and the seed by which it left users out when it learnt.

    No seed where nobody knows whom it learnt from: it was imported.
    """

    model: Model
    content: bytes
    seed: int | None


class Judge(Protocol):
    """Holds a challenger against the champion."""

    def judge(self, champion: Contender, challenger: Contender) -> Verdict:
        """What the gates say. Raises Refusal where they cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Registrar:
    """The models of one use case. Only one act at a time can change them.

    A record is written before its act: it may stand there without it after a power failure, never
    the other way round.
    """

    models: Path
    case: UseCase
    clock: Clock

    def aliases(self) -> Aliases:
        """Who is what now. Raises Refusal where there is no version."""
        return aliases_of(self.models, self.case.name)

    def check(self, version: str) -> None:
        """Raises Refusal unless the version is there and can score."""
        self._contender(version)

    def compare(self, version: str, judge: Judge) -> Verdict:
        """What the gates say of a version, and nothing is changed. Raises Refusal."""
        champion = self.aliases().champion
        return judge.judge(self._contender(champion), self._contender(version))

    def promote(self, version: str, judge: Judge) -> Decision:
        """Make a version champion if it passes every gate; the decision says whether it did.

        Raises Refusal where another became champion while it was judged.
        """
        return self._judged(Act.PROMOTE, version, judge, lambda all_: all_.promoted(version))

    def shadow(self, version: str, judge: Judge) -> Decision:
        """Put a version on trial in shadow if it passes every gate; otherwise like `promote`."""
        trial = Challenger(version=version, since=self._now())
        return self._judged(Act.CHALLENGE, version, judge, lambda all_: all_.challenged(trial))

    def promote_unjudged(self, version: str, why: str) -> Decision:
        """Make a version champion on a person's word. Raises Refusal unless it can score."""
        with changing(self.models, self.case.name):
            aliases = self._other_than_champion(version)
            decision = self._decision(Act.PROMOTE, version, aliases, why=why)
            return self._put(decision, aliases.promoted(version))

    def roll_back(self, why: str) -> Decision:
        """Make the champion before champion again. Raises Refusal where there is none."""
        with changing(self.models, self.case.name):
            aliases = self.aliases()
            back = aliases.rolled_back()
            self._contender(back.champion)
            return self._put(self._decision(Act.ROLLBACK, back.champion, aliases, why=why), back)

    def challenge(self, version: str, share: float) -> Decision:
        """Put a version on trial from now on, for a share of the users; with 0 in shadow."""
        with changing(self.models, self.case.name):
            aliases = self._other_than_champion(version)
            trial = Challenger(version=version, since=self._now(), share=share)
            why = f"serves {share:.1%} of the users" if share else "scores in shadow"
            decision = self._decision(Act.CHALLENGE, version, aliases, why=why)
            return self._put(decision, aliases.challenged(trial))

    def withdraw(self, why: str) -> Decision:
        """End the trial. Raises Refusal where none goes on."""
        with changing(self.models, self.case.name):
            aliases = self.aliases()
            version = trial_of(aliases).version
            decision = self._decision(Act.WITHDRAW, version, aliases, why=why)
            return self._put(decision, aliases.withdrawn())

    def keep_champion(self) -> None:
        """Name the champion, so that a newer version does not become it by being there."""
        keep_champion(self.models, self.case.name)

    def _judged(
        self, act: Act, version: str, judge: Judge, then: Callable[[Aliases], Aliases]
    ) -> Decision:
        """Judge first, which takes its time; then decide, if the champion is still the same."""
        judged_against = self._other_than_champion(version).champion
        verdict = self.compare(version, judge)
        with changing(self.models, self.case.name):
            aliases = self._other_than_champion(version)
            if aliases.champion != judged_against:
                raise Refusal(f"{aliases.champion} became champion meanwhile", "Run it again")
            decision = self._decision(
                act,
                version,
                aliases,
                done=verdict.passed,
                why=verdict.why,
                gates=verdict.gates,
                judged_on=verdict.judged_on,
                figures=asdict(verdict.comparison),
            )
            return self._put(decision, then(aliases))

    def _put(self, decision: Decision, aliases: Aliases) -> Decision:
        record(self.models, decision)
        if decision.done:
            write_aliases(self.models, self.case.name, aliases)
        return decision

    def _other_than_champion(self, version: str) -> Aliases:
        """Who is what. Raises Refusal if the version is champion, or cannot score."""
        aliases = self.aliases()
        if version == aliases.champion:
            raise Refusal(
                f"version {version} is champion already", "`pipeline model list` shows the others"
            )
        self._contender(version)
        return aliases

    def _contender(self, version: str) -> Contender:
        if version not in versions_of(self.models, self.case.name):
            raise Refusal(
                f"there is no version {version} of {self.case.name}",
                "`pipeline model list` shows those there are",
            )
        folder = readable_folder(self.models, self.case.name, version)
        manifest = read_manifest(folder)
        content = verified_model(folder, manifest)
        seed = manifest.seed if HELD_OUT_USERS in manifest.training else None
        return Contender(Model.load(folder, self.case), content, seed)

    def _decision(
        self, act: Act, version: str, aliases: Aliases, *, why: str, **judged: Any
    ) -> Decision:
        return Decision(
            at=self._now(),
            use_case=self.case.name,
            act=act,
            version=version,
            sha256=self._hash(version),
            champion=aliases.champion,
            champion_sha256=self._hash(aliases.champion),
            why=why,
            **{"done": True, **judged},
        )

    def _hash(self, version: str) -> str:
        """Of its file as the manifest has it; empty where a version can no longer be read."""
        try:
            return read_manifest(readable_folder(self.models, self.case.name, version)).sha256
        except Refusal:
            return ""

    def _now(self) -> str:
        return format_time(self.clock.now())


def trial_of(aliases: Aliases) -> Challenger:
    """The trial that goes on. Raises Refusal where there is none."""
    if aliases.challenger is None:
        raise Refusal(
            "no version is on trial", "Begin one: pipeline model challenge VERSION --shadow"
        )
    return aliases.challenger
