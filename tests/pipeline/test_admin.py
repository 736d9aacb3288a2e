"""Topics are made as they must be, and refused as they must not be."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kafka import KafkaConsumer

from embedded.ports import free_port
from pipeline.errors import InfrastructureError, Refusal
from pipeline.kafka.admin import Admin, Commit
from pipeline.records import OutRecord
from pipeline.settings import KafkaSettings
from pipeline.topics import REJECTED_MAX_BYTES, SOURCE_MAX_BYTES, Topics
from tests.support.kafka import Cluster, eventually
from use_cases.first_day_churn import USE_CASE


@pytest.fixture
def cluster(kafka: str) -> Cluster:
    return Cluster(kafka)


@pytest.fixture
def admin(kafka: str) -> Iterator[Admin]:
    with Admin.connect(KafkaSettings(kafka)) as found:
        yield found


@pytest.fixture
def topics(topic_prefix: str) -> Topics:
    return Topics.of(replace(USE_CASE, topic_prefix=topic_prefix))


def test_all_topics_of_a_case_are_made_and_pass_the_check(admin: Admin, topics: Topics) -> None:
    made = admin.create(topics, partitions=3)
    assert made == sorted([topics.generated, *topics.ours])
    admin.check(topics.ours, partitions=3)
    assert set(admin.partitions(tuple(made)).values()) == {3}


def test_what_is_there_is_not_made_again(admin: Admin, cluster: Cluster, topics: Topics) -> None:
    cluster.create(topics.generated, partitions=1)
    assert topics.generated not in admin.create(topics, partitions=3)
    assert admin.create(topics, partitions=3) == []
    assert admin.partitions((topics.generated,)) == {topics.generated: 1}


def test_made_topics_keep_the_order_of_arrival_and_take_what_they_must(
    admin: Admin, topics: Topics
) -> None:
    admin.create(topics, partitions=1)
    config = admin.configs((topics.rejected,))[topics.rejected]
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert config["cleanup.policy"] == "delete"
    assert int(config["max.message.bytes"]) == REJECTED_MAX_BYTES > SOURCE_MAX_BYTES


@pytest.mark.parametrize(
    ("configs", "problem"),
    [
        ({"cleanup.policy": "compact"}, "has cleanup.policy=compact. Set cleanup.policy=delete"),
        ({"cleanup.policy": "compact,delete"}, "Set cleanup.policy=delete on the topic"),
        ({"message.timestamp.type": "CreateTime"}, "Set message.timestamp.type=LogAppendTime"),
        ({"max.message.bytes": "1000"}, "up to 1000 bytes. Set max.message.bytes=1048576"),
    ],
)
def test_a_topic_that_would_break_a_promise_is_refused(
    admin: Admin, cluster: Cluster, topic_prefix: str, configs: dict[str, str], problem: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", partitions=2, configs=configs)
    with pytest.raises(Refusal, match=problem):
        admin.check({topic: SOURCE_MAX_BYTES}, partitions=2)


def test_a_topic_of_another_number_of_partitions_is_refused(
    admin: Admin, cluster: Cluster, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", partitions=2)
    with pytest.raises(Refusal, match=r"has 2 partitions, not 3. Set PIPELINE_PARTITIONS"):
        admin.check({topic: 1}, partitions=3)


def test_a_topic_that_does_not_exist_is_refused(admin: Admin) -> None:
    with pytest.raises(Refusal, match=r"no-such-topic does not exist. Run `pipeline"):
        admin.topic_ids(("no-such-topic",))


def test_a_topic_that_was_made_again_has_another_id(
    admin: Admin, cluster: Cluster, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t")
    before = admin.topic_ids((topic,))[topic]
    cluster.delete(topic)
    cluster.create(topic)
    after = admin.topic_ids((topic,))[topic]
    assert before != after
    assert [len(base64.urlsafe_b64decode(one + "==")) for one in (before, after)] == [16, 16]
    assert "/" not in before + after


def test_offsets_of_a_partition_are_those_of_its_log(
    admin: Admin, cluster: Cluster, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", partitions=2)
    cluster.append(topic, 1, [OutRecord(b"k", b"v")] * 5)
    cluster.delete_records(topic, 1, before=2)
    places = [(topic, 0), (topic, 1)]
    assert admin.ends(places) == {(topic, 0): 0, (topic, 1): 5}
    assert admin.starts(places) == {(topic, 0): 0, (topic, 1): 2}


def test_a_commit_for_a_group_without_members_is_read_with_its_note(
    admin: Admin, cluster: Cluster, topic_prefix: str
) -> None:
    topic = cluster.create(f"{topic_prefix}t", partitions=2)
    group = f"{topic_prefix}group"
    admin.commit(group, {(topic, 1): Commit(7, "why")})
    assert admin.commits(group) == {(topic, 1): Commit(7, "why")}
    assert admin.committed(group) == {(topic, 1): 7}
    assert admin.commits(f"{topic_prefix}other") == {}


def test_a_commit_for_a_group_with_members_is_an_outage(
    admin: Admin, cluster: Cluster, topic_prefix: str
) -> None:
    topic, group = cluster.create(f"{topic_prefix}t"), f"{topic_prefix}group"
    member = KafkaConsumer(topic, bootstrap_servers=cluster.bootstrap, group_id=group)
    try:
        eventually(lambda: [member.poll(timeout_ms=100), admin.members((group,))][1])
        with pytest.raises(InfrastructureError, match="commit of"):
            admin.commit(group, {(topic, 0): Commit(7)})
    finally:
        member.close()


def test_a_broker_that_is_away_is_an_outage() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(InfrastructureError, match=address), Admin.connect(KafkaSettings(address)):
        pass
