"""How each of the two Kafka clients is told where the cluster is and who we are."""

from __future__ import annotations

import ssl
from typing import Any

from pipeline.settings import KafkaSettings


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


def kafka_python_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments for kafka-python's clients."""
    return {name: value for name, value in _common(settings).items() if value is not None}
