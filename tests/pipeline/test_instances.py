"""The name that a worker takes: no other on this host has it, and who comes back gets it again."""

from __future__ import annotations

import socket
import subprocess
import sys
import uuid

import pytest

from pipeline.errors import SettingsError
from pipeline.instances import own_name

HOST = socket.gethostname()
ELSEWHERE = "from pipeline.instances import own_name\nwith own_name({group!r}) as name: print(name)"


@pytest.fixture
def group() -> str:
    return f"group-{uuid.uuid4().hex}"


def in_another_process(group: str) -> str:
    command = [sys.executable, "-c", ELSEWHERE.format(group=group)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_first_takes_the_first_number(group: str) -> None:
    with own_name(group) as name:
        assert name == f"{HOST}-1"


def test_another_process_takes_the_next(group: str) -> None:
    with own_name(group), own_name(group) as second:
        assert [second, in_another_process(group)] == [f"{HOST}-2", f"{HOST}-3"]


def test_who_starts_again_while_the_others_run_has_its_name_back(group: str) -> None:
    with own_name(group):
        again = [in_another_process(group) for _ in range(2)]
    assert again == [f"{HOST}-2"] * 2


def test_other_groups_have_numbers_of_their_own(group: str) -> None:
    with own_name(group), own_name(f"{group}-b") as name:
        assert name == f"{HOST}-1"


def test_where_there_are_no_such_sockets_a_name_is_asked_for(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SettingsError, match="PIPELINE_INSTANCE"), own_name(group):
        pass
