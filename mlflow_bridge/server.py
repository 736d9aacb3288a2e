"""A real MLflow server, through MLflow's own client, which reads MLFLOW_... from the environment.

Its errors may hold an address with a password in it: none of them is passed on or chained.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from mlflow import MlflowClient, get_tracking_uri
from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param, RunStatus
from mlflow.exceptions import MlflowException

from mlflow_bridge import mlmodel
from mlflow_bridge.tracking import Figure, Log, Run, Tags
from pipeline.errors import InfrastructureError, PipelineError, Refusal
from pipeline.manifest import Manifest

_FOLDER = "model"
_MOST_AT_ONCE = 100
_NOT_LET_IN = (401, 403)
_REFUSED = range(400, 500)
_NO_ANSWER = 503
_LONGEST = 300

_T = TypeVar("_T")


class Server:
    """The server that MLFLOW_TRACKING_URI names."""

    def __init__(self) -> None:
        for noisy in ("mlflow", "urllib3"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self._client = MlflowClient()

    def find_run(self, experiment: str, tags: Tags) -> Run | None:
        """The run of an experiment that has these tags; None without one."""
        wanted = " and ".join(f"tags.{name} = '{value}'" for name, value in tags.items())
        with _errors_of_ours():
            found = self._client.get_experiment_by_name(experiment)
            if found is None:
                return None
            runs = self._client.search_runs([found.experiment_id], wanted, max_results=1)
        finished = RunStatus.to_string(RunStatus.FINISHED)
        return Run(runs[0].info.run_id, runs[0].info.status == finished) if runs else None

    def begin_run(self, experiment: str, name: str, tags: Tags) -> Run:
        """A new run; makes the experiment where there is none."""
        with _errors_of_ours():
            found = self._client.get_experiment_by_name(experiment)
            home = found.experiment_id if found else self._client.create_experiment(experiment)
            made = self._client.create_run(home, run_name=name, tags=dict(tags))
        return Run(made.info.run_id, finished=False)

    def describe(self, manifest: Manifest, folder: Path) -> None:
        """Put into a version's folder what tells MLflow how to load the model in it."""
        mlmodel.describe(manifest, folder)

    def fill_run(self, run: Run, log: Log) -> None:
        """Log all of it, and finish the run. Done again, it is there once."""
        with _errors_of_ours():
            parameters = [Param(name, value) for name, value in log.parameters.items()]
            _in_parts(parameters, lambda some: self._client.log_batch(run.id, params=some))
            begun = self._client.get_run(run.id).info.start_time
            metrics = [_metric(one, begun) for one in log.figures]
            _in_parts(metrics, lambda some: self._client.log_batch(run.id, metrics=some))
            self._client.log_artifacts(run.id, str(log.folder), _FOLDER)
            self._client.set_terminated(run.id)

    def find_version(self, model: str, run: Run) -> str | None:
        """The version of a registered model that came from a run; None without one."""
        wanted = f"name = '{model}' and run_id = '{run.id}'"
        with _errors_of_ours():
            found = self._client.search_model_versions(wanted)
        return str(found[0].version) if found else None

    def register(self, model: str, run: Run, tags: Tags) -> str:
        """A new version of a registered model out of a run's files; makes the model if need be."""
        with _errors_of_ours():
            if not self._client.search_registered_models(f"name = '{model}'"):
                self._client.create_registered_model(model)
            source = f"{self._client.get_run(run.id).info.artifact_uri}/{_FOLDER}"
            made = self._client.create_model_version(model, source, run.id, tags=dict(tags))
        return str(made.version)

    def aliases(self, model: str) -> Mapping[str, str]:
        """Which versions of a registered model have which aliases."""
        with _errors_of_ours():
            known = self._client.get_registered_model(model).aliases
        return {alias: str(version) for alias, version in known.items()}

    def set_alias(self, model: str, alias: str, version: str) -> None:
        """Give an alias to a version, and to no other."""
        with _errors_of_ours():
            self._client.set_registered_model_alias(model, alias, version)

    def drop_alias(self, model: str, alias: str) -> None:
        """Let no version have an alias."""
        with _errors_of_ours():
            self._client.delete_registered_model_alias(model, alias)

    def fetch(self, address: str, into: Path) -> Path:
        """The folder, made in `into`, of the files of the version at `models:/...`."""
        with _errors_of_ours():
            return Path(download_artifacts(address, dst_path=str(into / _FOLDER)))


def _metric(figure: Figure, milliseconds: int) -> Metric:
    return Metric(figure.name, figure.value, milliseconds, figure.step)


def _in_parts(items: Sequence[_T], use: Callable[[Sequence[_T]], object]) -> None:
    for start in range(0, len(items), _MOST_AT_ONCE):
        use(items[start : start + _MOST_AT_ONCE])


@contextmanager
def _errors_of_ours() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        status = error.get_http_status_code()  # type: ignore[no-untyped-call] # MLflow's own has none
        raise _said(status, error.message) from None
    except OSError as error:
        if not hasattr(error, "response"):  # of requests, whose errors are OSErrors
            raise
        answered = error.response is not None
        raise _said(error.response.status_code if answered else _NO_ANSWER, "") from None


def _said(status: int, message: str) -> PipelineError:
    where = f"the MLflow server at {_host()}"
    if status in _NOT_LET_IN:
        return Refusal(
            f"{where} does not let this user do that",
            "Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or ask for leave",
        )
    if status in _REFUSED:
        return Refusal(f"{where} refuses: {message[:_LONGEST]}", "See what it holds: its own pages")
    return InfrastructureError(f"{where} does not answer, or fails")


def _host() -> str:
    """Where the server is, without a password that the address may hold."""
    address = urlsplit(get_tracking_uri())
    return address.netloc.rpartition("@")[2]
