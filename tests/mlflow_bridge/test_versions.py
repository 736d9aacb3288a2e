"""Versions go to a team's MLflow and come back whole; held of a fake and of a real server.

All that needs the real server is in this file, so that it is started once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import use_cases
from cli.app import app
from mlflow_bridge.pull import Pulled, pull
from mlflow_bridge.push import Pushed, Pusher
from mlflow_bridge.tracking import Tracking
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError, Refusal
from pipeline.manifest import MANIFEST, MODEL, model_folder, versions_of
from pipeline.registry import Aliases, Challenger, aliases_of, write_aliases
from promotion.decisions import decisions
from serving.holder import ModelHolder
from serving.model import Model
from tests.mlflow_bridge.conftest import TeamServer
from tests.mlflow_bridge.fake import FakeTracking
from tests.mlflow_bridge.shelf import contents, own_case, shelve

pytestmark = pytest.mark.timeout(900)

TRIAL = Challenger(version="2", since="2026-01-02T03:04:05Z")


@pytest.fixture
def case() -> UseCase:
    return own_case()


@pytest.fixture
def pusher(tracking: Tracking, case: UseCase, tmp_path: Path) -> Pusher:
    """Two versions to push."""
    models = tmp_path / "models"
    shelve(models, case, "1")
    shelve(models, case, "2", seed=2)
    return Pusher(tracking, models, case.name)


def address(pusher: Pusher, which: str = "@champion") -> str:
    return f"models:/{pusher.name}{which}"


def push_all(pusher: Pusher, aliases: Aliases) -> None:
    pusher.mirror(aliases, [pusher.push("1"), pusher.push("2")])


def test_a_version_pushed_twice_is_one_version(pusher: Pusher) -> None:
    assert pusher.push("1") == Pushed("1", "1", new=True)
    assert pusher.push("1") == Pushed("1", "1", new=False)


def test_the_same_number_with_other_content_is_another_version(
    pusher: Pusher, case: UseCase
) -> None:
    pusher.push("1")
    shelve(pusher.models, case, "1", seed=3)
    assert pusher.push("1") == Pushed("1", "2", new=True)


def test_what_is_not_whole_is_not_pushed(pusher: Pusher, case: UseCase) -> None:
    (model_folder(pusher.models, case.name, "1") / MODEL).write_bytes(b"torn")
    with pytest.raises(Refusal, match="not the file its manifest names"):
        pusher.push("1")


def test_a_push_that_broke_off_goes_on(tmp_path: Path, case: UseCase) -> None:
    tracking = FakeTracking(tmp_path / "mlflow", fails=True)
    shelve(tmp_path / "models", case, "1")
    pusher = Pusher(tracking, tmp_path / "models", case.name)
    with pytest.raises(InfrastructureError):
        pusher.push("1")
    assert pusher.push("1") == Pushed("1", "1", new=True)
    assert len(tracking.runs) == 1


def test_aliases_are_those_here(pusher: Pusher) -> None:
    push_all(pusher, Aliases(champion="1", challenger=TRIAL))
    assert pusher.tracking.aliases(pusher.name) == {"champion": "1", "challenger": "2"}


def test_an_alias_that_is_gone_here_goes_there(pusher: Pusher) -> None:
    push_all(pusher, Aliases(champion="1", challenger=TRIAL))
    push_all(pusher, Aliases(champion="2", before=("1",)))
    assert pusher.tracking.aliases(pusher.name) == {"champion": "2"}


def test_what_is_pulled_is_what_was_pushed(pusher: Pusher, case: UseCase, tmp_path: Path) -> None:
    push_all(pusher, Aliases(champion="2"))
    there = tmp_path / "elsewhere"
    assert pull(pusher.tracking, address(pusher), there, case) == Pulled("2", new=True)
    came = contents(model_folder(there, case.name, "2"))
    assert came == contents(model_folder(pusher.models, case.name, "2"))
    assert [path.name for path in (there / case.name).iterdir()] == ["2"]


def test_a_version_is_pulled_by_its_number_there_too(
    pusher: Pusher, case: UseCase, tmp_path: Path
) -> None:
    push_all(pusher, Aliases(champion="2"))
    pulled = pull(pusher.tracking, address(pusher, "/1"), tmp_path / "elsewhere", case)
    assert pulled.version == "1"


def test_pulled_again_it_stays(pusher: Pusher, case: UseCase) -> None:
    push_all(pusher, Aliases(champion="2"))
    assert pull(pusher.tracking, address(pusher), pusher.models, case) == Pulled("2", new=False)


def test_another_version_is_not_overwritten(pusher: Pusher, case: UseCase) -> None:
    push_all(pusher, Aliases(champion="2"))
    folder = shelve(pusher.models, case, "2", seed=3)
    before = contents(folder)
    with pytest.raises(Refusal, match="another version 2"):
        pull(pusher.tracking, address(pusher), pusher.models, case)
    assert contents(folder) == before


def test_what_is_not_there_is_refused(pusher: Pusher, case: UseCase) -> None:
    push_all(pusher, Aliases(champion="2"))
    with pytest.raises(Refusal):
        pull(pusher.tracking, address(pusher, "@nobody"), pusher.models, case)
    with pytest.raises(Refusal):
        pull(pusher.tracking, "models:/nothing-of-the-kind@champion", pusher.models, case)


@pytest.mark.parametrize("name", [MODEL, MANIFEST])
def test_what_was_changed_there_is_refused(name: str, tmp_path: Path, case: UseCase) -> None:
    home = tmp_path / "mlflow"
    shelve(tmp_path / "models", case, "1")
    pusher = Pusher(FakeTracking(home), tmp_path / "models", case.name)
    pusher.mirror(Aliases(champion="1"), [pusher.push("1")])
    (home / "run-0" / name).write_bytes(b"changed")
    with pytest.raises(Refusal, match=f"no whole version: {name}"):
        pull(pusher.tracking, address(pusher), tmp_path / "elsewhere", case)
    assert versions_of(tmp_path / "elsewhere", case.name) == []


def test_a_model_of_another_case_is_refused(pusher: Pusher, tmp_path: Path) -> None:
    push_all(pusher, Aliases(champion="2"))
    with pytest.raises(Refusal, match="the model is one of"):
        pull(pusher.tracking, address(pusher), tmp_path / "elsewhere", own_case())


@pytest.mark.parametrize("version", ["../../evil", "", "2b"])
def test_a_version_that_is_no_number_gets_no_folder(
    version: str, tmp_path: Path, case: UseCase
) -> None:
    folder = shelve(tmp_path / "models", case, "1")
    manifest = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(manifest.replace('"version": "1"', f'"version": "{version}"'))
    pusher = Pusher(FakeTracking(tmp_path / "mlflow"), tmp_path / "models", case.name)
    pusher.mirror(Aliases(champion="1"), [replace(pusher.push("1"), version="1")])
    with pytest.raises(Refusal, match="names no version"):
        pull(pusher.tracking, address(pusher), tmp_path / "elsewhere", case)


def test_without_a_server_the_command_says_which_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = CliRunner().invoke(app, ["mlflow", "push"])
    assert result.exit_code == 3
    assert "MLFLOW_TRACKING_URI" in result.stderr


@pytest.fixture
def shelf(
    case: UseCase, team_server: TeamServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Version 1 as champion and 2 in its shadow, found by commands, and so is the real server."""
    models = tmp_path / "models"
    shelve(models, case, "1")
    shelve(models, case, "2", seed=2)
    write_aliases(models, case.name, Aliases(champion="1", challenger=TRIAL))
    monkeypatch.setattr(use_cases, "load", lambda _name: case)
    monkeypatch.setenv("PIPELINE_USE_CASE", case.name)
    monkeypatch.setenv("PIPELINE_MODELS", str(models))
    for name, value in team_server.environ.items():
        monkeypatch.setenv(name, value)
    return models


@pytest.mark.slow
def test_the_commands_bring_the_champion_from_one_place_to_another(
    shelf: Path, case: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = CliRunner().invoke(app, ["mlflow", "push"])
    assert pushed.exit_code == 0, pushed.output
    assert f"models:/{case.name.replace('_', '-')}@champion is version 1" in pushed.stdout
    shelve(there := tmp_path / "elsewhere", case, "5")
    monkeypatch.setenv("PIPELINE_MODELS", str(there))
    for _ in range(2):
        pulled = CliRunner().invoke(app, ["mlflow", "pull", "--promote"])
        assert pulled.exit_code == 0, pulled.output
    assert aliases_of(there, case.name) == Aliases(champion="1", before=("5",))
    (decision,) = decisions(there, case.name)
    assert decision.why.startswith("is models:/")
    assert aliases_of(shelf, case.name).champion == "1"


@pytest.mark.slow
@pytest.mark.usefixtures("shelf")
def test_the_command_puts_the_teams_champion_in_force_whenever_it_is_another(
    case: UseCase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient  # noqa: PLC0415 - it takes seconds, for slow tests only

    assert CliRunner().invoke(app, ["mlflow", "push"]).exit_code == 0
    shelve(there := tmp_path / "elsewhere", case, "5")
    monkeypatch.setenv("PIPELINE_MODELS", str(there))
    worker, served = ModelHolder.load(there, case), []

    def pause(_seconds: float) -> None:
        """Between two looks the team makes version 2 its champion; after the second one it ends."""
        worker.follow()
        served.append(worker.current.version)
        if len(served) > 1:
            raise KeyboardInterrupt
        MlflowClient().set_registered_model_alias(case.name.replace("_", "-"), "champion", "2")

    monkeypatch.setattr("cli.commands.mlflow.time.sleep", pause)
    followed = CliRunner().invoke(app, ["mlflow", "follow"])
    assert followed.exit_code == 0, followed.output
    assert served == ["1", "2"]
    assert followed.stdout.count("is champion here") == 2


@pytest.mark.slow
@pytest.mark.usefixtures("shelf")
def test_a_server_that_hangs_up_on_a_download_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import requests  # noqa: PLC0415 - MLflow's, which takes seconds, for slow tests only

    from mlflow_bridge import server  # noqa: PLC0415 - the same

    def hang_up(*_: object, **__: object) -> str:
        raise requests.ConnectionError

    monkeypatch.setattr(server, "download_artifacts", hang_up)
    with pytest.raises(InfrastructureError):
        server.Server().fetch("models:/churn/1", tmp_path)


@pytest.mark.slow
def test_mlflow_itself_loads_the_model_and_gives_the_same_probabilities(
    shelf: Path, case: UseCase
) -> None:
    import mlflow.pyfunc  # noqa: PLC0415 - it takes seconds, for slow tests only

    assert CliRunner().invoke(app, ["mlflow", "push"]).exit_code == 0
    name = case.name.replace("_", "-")
    rows = np.random.default_rng(1).uniform(0, 100, (20, len(case.inputs)))
    theirs = mlflow.pyfunc.load_model(f"models:/{name}@champion").predict(rows)
    ours = Model.load(model_folder(shelf, case.name, "1"), case).score(rows)
    np.testing.assert_allclose(np.asarray(theirs["probabilities"])[:, 1], ours, rtol=1e-6)


@pytest.mark.slow
def test_a_run_holds_parameters_metrics_card_and_report(shelf: Path, case: UseCase) -> None:
    from mlflow import MlflowClient  # noqa: PLC0415 - it takes seconds, for slow tests only

    for _ in range(2):
        assert CliRunner().invoke(app, ["mlflow", "push", "2"]).exit_code == 0
    client, name = MlflowClient(), case.name.replace("_", "-")
    home = client.get_experiment_by_name(name)
    assert home is not None
    runs = client.search_runs([home.experiment_id])
    assert sorted(run.data.tags["version"] for run in runs) == ["1", "2"]
    run = next(run for run in runs if run.data.tags["version"] == "2")
    assert run.data.params["seed"] == "2"
    assert 0 < run.data.metrics["log_loss"] < 1
    curve = client.get_metric_history(run.info.run_id, "by_counted_events.auc")
    assert len(curve) == len({point.step for point in curve}) > 1
    files = {one.path for one in client.list_artifacts(run.info.run_id, "model")}
    expected = {"MLmodel", "report.html", *contents(model_folder(shelf, case.name, "2"))}
    assert files == {f"model/{one}" for one in expected}


@pytest.mark.slow
@pytest.mark.usefixtures("shelf")
def test_a_wrong_password_is_one_clear_line_that_does_not_hold_it(
    team_server: TeamServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "not-the-password")
    result = CliRunner().invoke(app, ["mlflow", "push"])
    host = team_server.address.removeprefix("http://")
    assert result.exit_code == 3
    assert result.stderr.startswith(f"pipeline: the MLflow server at {host} does not let this user")
    assert len(result.stderr.splitlines()) == 1
    assert "not-the-password" not in result.output


@pytest.mark.slow
@pytest.mark.usefixtures("shelf")
def test_a_server_that_is_away_is_one_clear_line_without_the_password_in_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somebody:a-secret@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = CliRunner().invoke(app, ["mlflow", "push"])
    assert result.exit_code == 4
    assert result.stderr == (
        "pipeline: the MLflow server at 127.0.0.1:9 does not answer, or fails\n"
    )
