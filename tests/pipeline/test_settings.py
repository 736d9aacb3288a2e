"""Settings are read once, are typed, and a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import read_settings


def test_without_any_variable_the_defaults_hold() -> None:
    settings = read_settings({})
    assert settings.kafka.bootstrap == "127.0.0.1:9092"
    assert settings.redis.url == "redis://127.0.0.1:6379/0"
    assert (settings.partitions, settings.cached_entities) == (8, 200_000)
    assert settings.instance == ""  # a worker then takes one of its own
    assert settings.umask == 0o077


def test_the_address_of_redis_holds_no_password() -> None:
    url = "rediss://me:pass-u@r:6380/2?password=pass-q"
    assert read_settings({"PIPELINE_REDIS": url}).redis.address == "rediss://r:6380/2"


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    assert read_settings({"PIPELINE_PARTITIONS": " ", "PIPELINE_KAFKA": ""}).partitions == 8


def test_every_variable_is_read() -> None:
    settings = read_settings(
        {
            "PIPELINE_KAFKA": "k1:1,k2:2",
            "PIPELINE_KAFKA_PROTOCOL": "SASL_SSL",
            "PIPELINE_KAFKA_MECHANISM": "SCRAM-SHA-512",
            "PIPELINE_KAFKA_USERNAME": "me",
            "PIPELINE_KAFKA_PASSWORD": "pass-k",
            "PIPELINE_KAFKA_CA_FILE": "/ca",
            "PIPELINE_KAFKA_CERT_FILE": "/cert",
            "PIPELINE_KAFKA_KEY_FILE": "/key",
            "PIPELINE_KAFKA_REPLICATION": "3",
            "PIPELINE_KAFKA_COMPRESSION": "zstd",
            "PIPELINE_REDIS": "rediss://r:1/2",
            "PIPELINE_REDIS_CLUSTER": "true",
            "PIPELINE_REDIS_USERNAME": "you",
            "PIPELINE_REDIS_PASSWORD": "pass-r",
            "PIPELINE_REDIS_CA_FILE": "/ca-r",
            "PIPELINE_USE_CASE": "other",
            "PIPELINE_SOURCES": "a,b",
            "PIPELINE_PARTITIONS": "64",
            "PIPELINE_INSTANCE": "w1",
            "PIPELINE_DATA": "/data",
            "PIPELINE_LOOKUPS": "/lookups",
            "PIPELINE_MODELS": "/models",
            "PIPELINE_CACHED_ENTITIES": "10",
            "PIPELINE_BATCH_RECORDS": "500",
            "PIPELINE_FLOOD_SHARE": "0.8",
            "PIPELINE_METRICS_HOST": "0.0.0.0",
            "PIPELINE_METRICS_PORT": "9100",
            "PIPELINE_LOG_LEVEL": "debug",
            "PIPELINE_UMASK": "027",
            "PIPELINE_FAULTS": "p=raise",
            "PIPELINE_LOGGER_ROWS": "9",
            "PIPELINE_LOGGER_BYTES": "8",
            "PIPELINE_LOGGER_SECONDS": "0.5",
        }
    )
    kafka, redis, logger = settings.kafka, settings.redis, settings.logger
    assert (kafka.bootstrap, kafka.protocol) == ("k1:1,k2:2", "SASL_SSL")
    assert (kafka.mechanism, kafka.username) == ("SCRAM-SHA-512", "me")
    assert (kafka.password.value, kafka.ca_file) == ("pass-k", "/ca")
    assert (kafka.cert_file, kafka.key_file) == ("/cert", "/key")
    assert (kafka.replication, kafka.compression) == (3, "zstd")
    assert (redis.url, redis.cluster, redis.username) == ("rediss://r:1/2", True, "you")
    assert (redis.password.value, redis.ca_file) == ("pass-r", "/ca-r")
    assert (settings.use_case, settings.sources) == ("other", ("a", "b"))
    assert (settings.partitions, settings.instance) == (64, "w1")
    assert settings.parquet_dir == Path("/data/other")
    assert (settings.lookups_dir, settings.models_dir) == (Path("/lookups"), Path("/models"))
    assert (settings.cached_entities, settings.batch_records) == (10, 500)
    assert settings.flood_share == 0.8
    assert (settings.metrics_host, settings.metrics_port) == ("0.0.0.0", 9100)
    assert settings.umask == 0o027
    assert (settings.log_level, settings.faults) == ("debug", "p=raise")
    assert (logger.rows, logger.bytes, logger.seconds) == (9, 8, 0.5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PARTITIONS", "eight"),
        ("PARTITIONS", "0"),
        ("PARTITIONS", "-1"),
        ("PARTITIONS", "8.5"),
        ("PARTITIONS", "nan"),
        ("CACHED_ENTITIES", "0"),
        ("BATCH_RECORDS", "0"),
        ("FLOOD_SHARE", "1.1"),
        ("FLOOD_SHARE", "-0.1"),
        ("METRICS_PORT", "-1"),
        ("METRICS_PORT", "65536"),
        ("METRICS_PORT", "http"),
        ("LOG_LEVEL", "loud"),
        ("UMASK", "0777"),
        ("UMASK", "0100"),
        ("UMASK", "8"),
        ("UMASK", "private"),
        ("LOGGER_ROWS", "0"),
        ("LOGGER_BYTES", "many"),
        ("LOGGER_SECONDS", "0"),
        ("LOGGER_SECONDS", "nan"),
        ("KAFKA_PROTOCOL", "plaintext"),
        ("KAFKA_MECHANISM", "GSSAPI"),
        ("KAFKA_REPLICATION", "0"),
        ("KAFKA_COMPRESSION", "rar"),
        ("REDIS_CLUSTER", "yes"),
    ],
)
def test_a_wrong_value_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=f"PIPELINE_{name} is '{text}'") as caught:
        read_settings({f"PIPELINE_{name}": text})
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("RETENTION_DAYS", "Set it to at least 0"),
        ("METRICS_PORT", "Set it to at least 0, at most 65535"),
    ],
)
def test_what_a_value_may_be_is_said_without_an_end_that_there_is_not(
    name: str, remedy: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({f"PIPELINE_{name}": "-1"})
    assert caught.value.remedy == remedy


def test_a_wrong_url_of_redis_is_named_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="PIPELINE_REDIS is no URL of Redis") as caught:
        read_settings({"PIPELINE_REDIS": "me:pass-u@host:1"})
    assert "pass-" not in str(caught.value)


@pytest.mark.parametrize("show", [repr, str])
def test_no_secret_is_shown(show: object) -> None:
    settings = read_settings(
        {
            "PIPELINE_KAFKA_PASSWORD": "pass-k",
            "PIPELINE_REDIS_PASSWORD": "pass-r",
            "PIPELINE_REDIS": "redis://me:pass-u@host:1",
        }
    )
    assert callable(show)
    assert "pass-" not in show(settings)
    assert "pass-" not in show(settings.kafka.password)


def test_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pass-f\n")
    found = read_settings({"PIPELINE_REDIS_PASSWORD_FILE": str(tmp_path / "password")})
    assert found.redis.password.value == "pass-f"
    assert "pass-f" not in repr(found)


def test_a_password_given_twice_is_refused(tmp_path: Path) -> None:
    twice = {"PIPELINE_REDIS_PASSWORD": "x", "PIPELINE_REDIS_PASSWORD_FILE": str(tmp_path)}
    with pytest.raises(SettingsError, match="PIPELINE_REDIS_PASSWORD_FILE"):
        read_settings(twice)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_of_a_password_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=f"PIPELINE_KAFKA_PASSWORD_FILE names {path}"):
        read_settings({"PIPELINE_KAFKA_PASSWORD_FILE": str(path)})
