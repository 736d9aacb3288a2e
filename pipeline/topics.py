"""The names of all topics and consumer groups, and how the topics must be configured."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.declaration import UseCase

_KIB = 1024
SOURCE_MAX_BYTES = 1024 * _KIB
REJECTED_MAX_BYTES = SOURCE_MAX_BYTES + 64 * _KIB  # the original and its headers
_SERVING = "serving"
STAGES = ("event_handler", "stream_features", _SERVING, "inference_logger")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one use case, side by side with those of others by their prefix."""

    generated: str
    incoming: str
    features: str
    inferences: str
    rejected: str

    @classmethod
    def of(cls, case: UseCase) -> Topics:
        """The topics of `case`."""
        prefix = case.topic_prefix
        return cls(
            generated=f"{prefix}generated-events",
            incoming=f"{prefix}incoming-events",
            features=f"{prefix}serving-features",
            inferences=f"{prefix}inferences",
            rejected=f"{prefix}rejected-events",
        )

    @property
    def ours(self) -> dict[str, int]:
        """The topics that our stages write, each with the largest record it must take (bytes)."""
        return {
            self.incoming: SOURCE_MAX_BYTES,
            self.features: SOURCE_MAX_BYTES,
            self.inferences: SOURCE_MAX_BYTES,
            self.rejected: REJECTED_MAX_BYTES,
        }

    @property
    def logged(self) -> tuple[str, ...]:
        """The topics that `inference_logger` keeps."""
        return (self.incoming, self.inferences, self.rejected)


def stages_of(case: UseCase) -> tuple[str, ...]:
    """The stages that a case needs, in the order of the data's way: without a model none serves."""
    return tuple(stage for stage in STAGES if case.model or stage != _SERVING)


def group_of(case: UseCase, stage: str) -> str:
    """The consumer group of `stage`."""
    return f"{case.name}-{stage}"


def incarnations_of(case: UseCase) -> str:
    """The topic by which handlers number the topics that a source has been; see ADR 15.

    It has one partition, and nothing of it may ever be deleted.
    """
    return f"{case.topic_prefix}source-incarnations"


def ledger_of(case: UseCase) -> str:
    """The topic that remembers which rejected records were replayed; no stage uses it."""
    return f"{case.topic_prefix}replayed-rejections"


def ingested_of(case: UseCase) -> str:
    """The topic that remembers how far files were ingested; no stage uses it."""
    return f"{case.topic_prefix}ingested-files"


def offers_of(case: UseCase) -> str:
    """The topic of decisions about offers; there only where offers are on."""
    return f"{case.topic_prefix}offers"


def mails_of(case: UseCase) -> str:
    """The topic of what became of each e-mail; there only where some are sent."""
    return f"{case.topic_prefix}offer-mails"


def offer_topics(case: UseCase) -> tuple[str, str]:
    """Decisions and e-mails, which there are only where offers are on."""
    return offers_of(case), mails_of(case)


def logged_with_offers(case: UseCase) -> tuple[str, ...]:
    """What `inference_logger` keeps where offers are on."""
    return (*Topics.of(case).logged, *offer_topics(case))
