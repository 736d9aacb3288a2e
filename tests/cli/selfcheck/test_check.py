"""The whole self-check on the real Kafka and Redis, with the shipped model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import KafkaProducer

import use_cases
from cli.selfcheck import check
from pipeline.kafka.admin import Admin
from pipeline.kafka.client import kafka_python_options
from pipeline.manifest import newest_folder
from pipeline.topics import Topics, incarnations_of
from serving.model import Model
from tests.cli.selfcheck.small_run import INCARNATION, PARTITIONS, SmallRun, failing, settings_of
from tests.support.kafka import Cluster

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture
def real_run(kafka: str, clean_redis: str, topic_prefix: str, tmp_path: Path) -> SmallRun:
    """A run whose topics are on the real Kafka too, record for record."""
    case = replace(use_cases.load("first_day_churn"), topic_prefix=topic_prefix)
    settings = replace(settings_of(tmp_path, clean_redis, kafka), models_dir=MODELS)
    topics = Topics.of(case)
    with Admin.connect(settings.kafka) as admin:
        admin.create(topics, PARTITIONS)
        ids = admin.topic_ids((topics.generated, *topics.ours))
    model = Model.load(newest_folder(MODELS, case.name), case)
    run = SmallRun(settings, ids, case, model=model).play()
    _send(run)
    _number(run)
    return run


def _number(run: SmallRun) -> None:
    """The run's source is of the incarnation that its records name."""
    source, registry = run.topics.generated, incarnations_of(run.case)
    Cluster(run.settings.kafka.bootstrap).create(
        registry, configs={"message.timestamp.type": "CreateTime"}
    )
    met = json.dumps({"source": source, "topic_id": run.ids[source]}).encode()
    producer = KafkaProducer(acks="all", **kafka_python_options(run.settings.kafka))
    try:
        producer.send(registry, met, timestamp_ms=INCARNATION * 1000).get(30)
    finally:
        producer.close()


def _send(run: SmallRun) -> None:
    producer = KafkaProducer(acks="all", **kafka_python_options(run.settings.kafka))
    try:
        for topic, logs in run.logs.items():
            for number, log in logs.items():
                for record in log:
                    producer.send(
                        topic,
                        key=record.key,
                        value=record.value,
                        headers=list(record.headers),
                        partition=number,
                    )
        producer.flush()
    finally:
        producer.close()


def test_a_good_run_passes_until_a_record_comes_that_nobody_handles(real_run: SmallRun) -> None:
    facts, source = real_run.facts, real_run.topics.generated
    result = check(real_run.case, real_run.settings, facts)
    assert [(one.name, one.examples) for one in result.checks if not one.ok] == []

    one_more = replace(real_run, logs={source: {0: real_run.logs[source][0][:1]}})
    _send(one_more)
    result = check(real_run.case, real_run.settings, facts)
    assert failing(result) == {"every record sent came out once"}
