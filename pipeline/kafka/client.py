"""How each of the two Kafka clients is told where the cluster is and who we are."""

from __future__ import annotations

import ssl
from typing import Any

from pipeline.settings import KafkaSettings

_SESSION_MS = 10_000
_HEARTBEAT_MS = 1_000
_REQUEST_MS = 15_000
_METADATA_MS = 10_000


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """The TLS context that the settings ask for; None without TLS. Reads the named files."""
    if "SSL" not in settings.protocol.split("_"):
        return None
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    return context


def _common(settings: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap,
        "security_protocol": settings.protocol,
        "ssl_context": ssl_context(settings),
    }
    if settings.protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.mechanism
        options["sasl_plain_username"] = settings.username
        options["sasl_plain_password"] = settings.password.value
    return options


def aiokafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments for aiokafka's consumer and producer."""
    return _common(settings)


def member_options(settings: KafkaSettings, group: str, instance: str) -> dict[str, Any]:
    """The same for the consumer that is a group's static member of this name."""
    return {
        "group_id": group,
        "group_instance_id": f"{group}-{instance}",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "session_timeout_ms": _SESSION_MS,
        "heartbeat_interval_ms": _HEARTBEAT_MS,
        "request_timeout_ms": _REQUEST_MS,
        "metadata_max_age_ms": _METADATA_MS,
        **aiokafka_options(settings),
    }


def kafka_python_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments for kafka-python's clients."""
    return {name: value for name, value in _common(settings).items() if value is not None}
