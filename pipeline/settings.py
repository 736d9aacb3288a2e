"""All settings of a process, read from the environment once and frozen.

Nothing else reads the environment. Every variable begins with `PIPELINE_`.
"""

from __future__ import annotations

import math
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from pipeline.errors import SettingsError
from pipeline.offers.deciding import USUAL, Policy

T = TypeVar("T")
UNPACKED_BYTES = 64 * 1024 * 1024
_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PRIVATE = 0o077


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that shows itself to no log and no error."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach Kafka; and how many bytes may come out of a compressed batch that is read."""

    bootstrap: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str = ""
    password: Secret = Secret("")
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    replication: int = 1
    compression: str = "none"
    unpacked_bytes: int = UNPACKED_BYTES


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """How to reach Redis: one server, or a cluster of them."""

    url: str = field(repr=False)
    cluster: bool = False
    username: str = ""
    password: Secret = Secret("")
    ca_file: str = ""

    @property
    def address(self) -> str:
        """The URL without what it may hold of a password: fit to be shown."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(frozen=True, slots=True)
class LoggerSettings:
    """When `inference_logger` closes a file: by rows, by bytes held, at the latest by seconds."""

    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where the HTTP service listens, who may ask it, and how much: bytes, seconds, requests.

    `rate` is of each key, `address_rate` of each address without one, both a second.
    `peer_connections` is how many connections of one address may wait for it at once.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys_file: str = ""
    proxies: tuple[str, ...] = ()
    rate: float = 1_000.0
    address_rate: float = 20.0
    concurrent: int = 256
    connections: int = 1_000
    peer_connections: int = 250
    body_bytes: int = 1024 * 1024
    csv_bytes: int = 64 * 1024 * 1024
    csv_rows: int = 1_000_000
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """How to reach the mail server, and whom the letters are from."""

    host: str = ""
    port: int = 587
    tls: str = "starttls"
    username: str = ""
    password: Secret = Secret("")
    sender: str = ""


@dataclass(frozen=True, slots=True)
class OffersSettings:
    """Whether this pipeline has offers, by which rules, and how they go out.

    `letter` is not sent later than so many `minutes` after its decision. `api` is the churn API
    that `pipeline offers run` asks.
    """

    on: bool = False
    policy: Policy = USUAL
    letter: str = ""
    minutes: int = 60
    smtp: SmtpSettings = SmtpSettings()
    api: str = "http://127.0.0.1:8000"
    api_key: Secret = Secret("")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a worker or a command may be told."""

    kafka: KafkaSettings
    redis: RedisSettings
    use_case: str = "first_day_churn"
    sources: tuple[str, ...] = ()
    partitions: int = 8
    instance: str = ""
    data_dir: Path = Path(".pipeline/data")
    lookups_dir: Path = Path(".pipeline/lookups")
    models_dir: Path = Path(".pipeline/models")
    cached_entities: int = 200_000
    batch_records: int = 20_000
    flood_share: float = 0.5
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    log_level: str = "info"
    umask: int = _PRIVATE
    """Permissions that files and directories of a process, and of what it starts, lack."""
    faults: str = ""
    logger: LoggerSettings = LoggerSettings()
    retention_days: int = 0
    http: HttpSettings = HttpSettings()
    offers: OffersSettings = OffersSettings()

    @property
    def parquet_dir(self) -> Path:
        """Where `inference_logger` keeps the topics of this use case."""
        return self.data_dir / self.use_case


class _Reader:
    """Reads typed values out of an environment and names the variable that is wrong."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str) -> str:
        return self._environ.get(f"PIPELINE_{name}", "").strip() or default

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(filter(None, self.text(name, "").split(",")))

    def number(
        self, name: str, default: T, kind: Callable[[str], T], low: float, high: float = math.inf
    ) -> T:
        text = self.text(name, "")
        if not text:
            return default
        try:
            value = kind(text)
        except ValueError:
            raise _wrong(name, text, "a number") from None
        if not low <= float(text) <= high:
            raise _wrong(name, text, _between(low, high))
        return value

    def umask(self, name: str) -> int:
        """Of the permissions of others; the owner keeps all."""
        text = self.text(name, f"{_PRIVATE:04o}")
        if not re.fullmatch("0*[0-7]{1,2}", text):
            raise _wrong(name, text, "an octal number from 0000 to 0077")
        return int(text, 8)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self.text(name, default)
        if text not in choices:
            raise _wrong(name, text, f"one of {', '.join(choices)}")
        return text

    def redis_url(self, name: str, default: str) -> str:
        """A URL that redis-py takes; it may hold a password, and is not shown."""
        text = self.text(name, default)
        if not text.startswith(("redis://", "rediss://", "unix://")):
            raise SettingsError(
                f"PIPELINE_{name} is no URL of Redis", "Set it to redis://HOST:PORT"
            )
        return text

    def secret(self, name: str) -> Secret:
        return Secret(self.text(name, ""))

    def flag(self, name: str) -> bool:
        return self.choice(name, "false", ("true", "false")) == "true"


def _between(low: float, high: float) -> str:
    at_most = "" if high == math.inf else f", at most {high:g}"
    return f"at least {low:g}{at_most}"


def _wrong(name: str, text: str, wanted: str) -> SettingsError:
    return SettingsError(f"PIPELINE_{name} is {text!r}", f"Set it to {wanted}")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`. Raises SettingsError, which names the variable at fault."""
    read = _Reader(environ)
    return Settings(
        kafka=_kafka(read),
        redis=_redis(read),
        use_case=read.text("USE_CASE", "first_day_churn"),
        sources=read.texts("SOURCES"),
        partitions=read.number("PARTITIONS", 8, int, 1),
        instance=read.text("INSTANCE", socket.gethostname()),
        data_dir=Path(read.text("DATA", ".pipeline/data")),
        lookups_dir=Path(read.text("LOOKUPS", ".pipeline/lookups")),
        models_dir=Path(read.text("MODELS", ".pipeline/models")),
        cached_entities=read.number("CACHED_ENTITIES", 200_000, int, 1),
        batch_records=read.number("BATCH_RECORDS", 20_000, int, 1),
        flood_share=read.number("FLOOD_SHARE", 0.5, float, 0, 1),
        metrics_host=read.text("METRICS_HOST", "127.0.0.1"),
        metrics_port=read.number("METRICS_PORT", 0, int, 0, 65_535),
        log_level=read.choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
        umask=read.umask("UMASK"),
        faults=read.text("FAULTS", ""),
        logger=LoggerSettings(
            rows=read.number("LOGGER_ROWS", 100_000, int, 1),
            bytes=read.number("LOGGER_BYTES", 64 * 1024 * 1024, int, 1),
            seconds=read.number("LOGGER_SECONDS", 300.0, float, 0.1),
        ),
        retention_days=read.number("RETENTION_DAYS", 0, int, 0),
        http=_http(read),
        offers=_offers(read),
    )


def _kafka(read: _Reader) -> KafkaSettings:
    return KafkaSettings(
        bootstrap=read.text("KAFKA", "127.0.0.1:9092"),
        protocol=read.choice("KAFKA_PROTOCOL", "PLAINTEXT", _PROTOCOLS),
        mechanism=read.choice("KAFKA_MECHANISM", "PLAIN", _MECHANISMS),
        username=read.text("KAFKA_USERNAME", ""),
        password=read.secret("KAFKA_PASSWORD"),
        ca_file=read.text("KAFKA_CA_FILE", ""),
        cert_file=read.text("KAFKA_CERT_FILE", ""),
        key_file=read.text("KAFKA_KEY_FILE", ""),
        replication=read.number("KAFKA_REPLICATION", 1, int, 1),
        compression=read.choice("KAFKA_COMPRESSION", "none", ("none", "lz4", "zstd", "gzip")),
        unpacked_bytes=read.number("KAFKA_UNPACKED_BYTES", UNPACKED_BYTES, int, 1024 * 1024),
    )


def _redis(read: _Reader) -> RedisSettings:
    return RedisSettings(
        url=read.redis_url("REDIS", "redis://127.0.0.1:6379/0"),
        cluster=read.flag("REDIS_CLUSTER"),
        username=read.text("REDIS_USERNAME", ""),
        password=read.secret("REDIS_PASSWORD"),
        ca_file=read.text("REDIS_CA_FILE", ""),
    )


def _http(read: _Reader) -> HttpSettings:
    return HttpSettings(
        host=read.text("HTTP_HOST", "127.0.0.1"),
        port=read.number("HTTP_PORT", 8000, int, 0, 65_535),
        keys_file=read.text("HTTP_KEYS", ""),
        proxies=read.texts("HTTP_PROXIES"),
        rate=read.number("HTTP_RATE", 1_000.0, float, 0.01),
        address_rate=read.number("HTTP_ADDRESS_RATE", 20.0, float, 0.01),
        concurrent=read.number("HTTP_CONCURRENT", 256, int, 1),
        connections=read.number("HTTP_CONNECTIONS", 1_000, int, 1),
        peer_connections=read.number("HTTP_PEER_CONNECTIONS", 250, int, 1),
        body_bytes=read.number("HTTP_BODY_BYTES", 1024 * 1024, int, 1024),
        csv_bytes=read.number("HTTP_CSV_BYTES", 64 * 1024 * 1024, int, 1024),
        csv_rows=read.number("HTTP_CSV_ROWS", 1_000_000, int, 1),
        seconds=read.number("HTTP_SECONDS", 30.0, float, 0.1),
    )


def _offers(read: _Reader) -> OffersSettings:
    return OffersSettings(
        on=read.flag("OFFERS"),
        policy=Policy(
            campaign=read.text("OFFERS_CAMPAIGN", USUAL.campaign),
            threshold=read.number("OFFERS_THRESHOLD", USUAL.threshold, float, 0, 1),
            first_in_days=read.number("OFFERS_FIRST_IN_DAYS", USUAL.first_in_days, int, 0, 3_650),
            most=read.number("OFFERS_MOST", USUAL.most, int, 1, 100),
            most_in_days=read.number("OFFERS_MOST_IN_DAYS", USUAL.most_in_days, int, 1, 3_650),
            quiet_from=read.number("OFFERS_QUIET_FROM", USUAL.quiet_from, int, 0, 24),
            quiet_until=read.number("OFFERS_QUIET_UNTIL", USUAL.quiet_until, int, 0, 24),
            hold_out=read.number("OFFERS_HOLD_OUT", USUAL.hold_out, float, 0, 1),
        ),
        letter=read.text("OFFERS_LETTER", ""),
        minutes=read.number("OFFERS_MINUTES", 60, int, 1, 7_200),
        smtp=SmtpSettings(
            host=read.text("SMTP_HOST", ""),
            port=read.number("SMTP_PORT", 587, int, 1, 65_535),
            tls=read.choice("SMTP_TLS", "starttls", ("starttls", "tls", "none")),
            username=read.text("SMTP_USERNAME", ""),
            password=read.secret("SMTP_PASSWORD"),
            sender=read.text("SMTP_FROM", ""),
        ),
        api=read.text("OFFERS_API", "http://127.0.0.1:8000"),
        api_key=read.secret("OFFERS_API_KEY"),
    )
