"""Who owns what in a consumer group, as the broker says."""

from __future__ import annotations

from kafka import KafkaAdminClient

Owned = dict[str, set[tuple[str, int]]]
"""(topic, partition) by the instance, as `serving-1`."""


def owned(bootstrap: str, group: str) -> Owned:
    """The assignment of a group; empty while it is being made."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        described = admin.describe_groups([group])[group]
    finally:
        admin.close()
    if described["group_state"] != "Stable":
        return {}
    return {
        member["group_instance_id"].removeprefix(f"{group}-"): {
            (topic["topic"], partition)
            for topic in member["member_assignment"]["assigned_partitions"]
            for partition in topic["partitions"]
        }
        for member in described["members"]
    }
