"""A worker's numbers, read from its metrics port."""

from __future__ import annotations

import http.client
from collections.abc import Iterable
from dataclasses import dataclass, replace

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from pipeline.declaration import UseCase

_SECONDS = 1.0
_HOST = "127.0.0.1"
_COUNTED_ELSEWHERE = frozenset({"rejected", "replayed", "undecoded"})
_OUT = frozenset({"forwarded", "counted", "scored", "logged"})
_FOLD = "stream_features"
_OWN_REQUESTS = frozenset({"/metrics", "/v2/health/live", "/v2/health/ready"})
_REFUSED = 400


@dataclass(frozen=True, slots=True)
class Numbers:
    """Records that came in, went out, and were rejected since the worker began; and its lag.

    Of the API: requests, those that were answered, and those that were answered with an error.
    """

    records_in: int = 0
    out: int = 0
    rejected: int = 0
    lag: int = 0

    @property
    def counts(self) -> Numbers:
        """Only what adds up over time."""
        return replace(self, lag=0)

    def __add__(self, other: Numbers) -> Numbers:
        return Numbers(
            self.records_in + other.records_in,
            self.out + other.out,
            self.rejected + other.rejected,
            self.lag + other.lag,
        )


@dataclass(frozen=True, slots=True)
class Models:
    """What serving workers say of models: serving, on trial, and named without being usable."""

    in_service: tuple[str, ...] = ()
    on_trial: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def __add__(self, other: Models) -> Models:
        return Models(
            _each_once(self.in_service + other.in_service),
            _each_once(self.on_trial + other.on_trial),
            _each_once(self.refused + other.refused),
        )


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def fetch(port: int, path: str = "/metrics") -> str | None:
    """What the worker on this port answers; None while it does not, or says no. May block 1 s."""
    connection = http.client.HTTPConnection(_HOST, port, timeout=_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == http.HTTPStatus.OK else None


def numbers_in(text: str, case: UseCase) -> Numbers:
    """The numbers in a page of metrics."""
    samples = _samples(text)
    rejected = _total(samples, "pipeline_rejected_total")
    dealt_with = [one for one in samples if one.name == "pipeline_records_total"]
    records = Numbers(
        records_in=rejected
        + _sum(one for one in dealt_with if one.labels["outcome"] not in _COUNTED_ELSEWHERE),
        out=_sum(one for one in dealt_with if _goes_out(one, case)),
        rejected=rejected,
        lag=_total(samples, "pipeline_lag_records"),
    )
    return records + _requests(samples)


def _requests(samples: Iterable[Sample]) -> Numbers:
    """Those of callers: not what we ask ourselves to see whether it is well."""
    asked = [
        one
        for one in samples
        if one.name == "requests_total" and one.labels["route"] not in _OWN_REQUESTS
    ]
    refused = _sum(one for one in asked if int(one.labels["status"]) >= _REFUSED)
    return Numbers(records_in=_sum(asked), out=_sum(asked) - refused, rejected=refused)


def models_in(text: str) -> Models:
    """The models in a page of metrics."""
    samples = _samples(text)
    return Models(
        in_service=_named(samples, "pipeline_model_info", "{model} {version}"),
        on_trial=_named(samples, "pipeline_challenger_info", "{model} {version}, share {share}"),
        refused=_named(samples, "pipeline_model_refused", "{model} {what}"),
    )


def _named(samples: Iterable[Sample], name: str, words: str) -> tuple[str, ...]:
    """The labels, in words, of the gauges of that name that are not 0."""
    return tuple(words.format(**one.labels) for one in samples if one.name == name and one.value)


def _samples(text: str) -> list[Sample]:
    families = text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples]


def _goes_out(sample: Sample, case: UseCase) -> bool:
    """Whether what it counts became a record or a row; of the fold, only what causes a score."""
    if sample.labels["stage"] == _FOLD and sample.labels["type"] not in case.scored_on:
        return False
    return sample.labels["outcome"] in _OUT


def _total(samples: Iterable[Sample], name: str) -> int:
    return _sum(sample for sample in samples if sample.name == name)


def _sum(samples: Iterable[Sample]) -> int:
    return int(sum(sample.value for sample in samples))
