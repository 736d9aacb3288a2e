"""The workers: processes of their own, looked after by the product's own supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from cli.stack.restarts import Policy
from cli.stack.supervisor import Process, State, Supervisor, Worker
from cli.stack.workers import WorkerSpec, worker_specs
from cli.state.scrape import fetch
from embedded.tether import tethered

AT_ONCE = Policy(first_pause=0.1, longest_pause=1.0, refused_pause=2.0, steady_after=5.0)


class NotInjectedError(AssertionError):
    """The fault could not be injected."""


class Crew:
    """Workers by their instances, as `serving-1`. Tick it several times a second."""

    def __init__(
        self,
        name: str,
        counts: Mapping[str, int],
        environ: Mapping[str, str],
        logs: Path,
        cwd: Path,
        note: Callable[[Sequence[Worker]], None],
    ) -> None:
        """`cwd` holds the packages that the workers are made of; `note` hears of their ends."""
        self.extra: dict[str, dict[str, str]] = {}
        self._cwd = cwd
        made = worker_specs(counts, environ, logs)
        main = (sys.executable, "-m", "tests.support.worker_main")
        specs = [replace(one, argv=(*main, one.stage, name)) for one in made]
        self._supervisor = Supervisor(specs, AT_ONCE, self._spawn, note)
        note(self._supervisor.workers)

    @property
    def workers(self) -> dict[str, Worker]:
        """All, by instance."""
        return {worker.spec.instance: worker for worker in self._supervisor.workers}

    def tick(self) -> None:
        """Start what is due, and again what has died."""
        self._supervisor.tick(time.monotonic())

    def set(self, instance: str, **settings: str) -> None:
        """Settings (as FAULTS="fold=raise") that hold from a worker's next start on."""
        self.extra[instance] = {f"PIPELINE_{name}": value for name, value in settings.items()}

    def kill(self, instance: str) -> None:
        """Like kill -9."""
        process = self._running(instance)
        process.kill()
        process.wait()

    def terminate(self, instance: str, seconds: float) -> int | None:
        """The exit status after SIGTERM; None where it has not ended in time."""
        process = self._running(instance)
        process.terminate()
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def freeze(self, instance: str) -> None:
        """SIGSTOP."""
        os.kill(self._running(instance).pid, signal.SIGSTOP)

    def is_frozen(self, instance: str) -> bool:
        """Whether it stands still, as after SIGSTOP."""
        status = Path(f"/proc/{self._running(instance).pid}/stat").read_text()
        return status.rpartition(") ")[2].startswith("T")

    def thaw(self, instance: str) -> None:
        """SIGCONT."""
        process = self.workers[instance].process
        if process is not None and process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)

    def is_ready(self, instance: str) -> bool:
        """Whether its work comes to its effects."""
        return self._is_running(instance) and fetch(self._port(instance), "/ready") is not None

    def is_consuming(self, instance: str) -> bool:
        """Whether its present process has brought a batch to its effects."""
        return self.sum("pipeline_batch_seconds_count", instance) > 0

    def sum(self, metric: str, *instances: str, **labels: str) -> float:
        """A metric over the present processes of these workers, or of all that answer."""
        return sum(
            one.value
            for instance in instances or self.workers
            for one in self.samples(instance)
            if one.name == metric and labels.items() <= one.labels.items()
        )

    def samples(self, instance: str) -> list[Sample]:
        """Its page of metrics; nothing while it does not answer. May block a second."""
        page = fetch(self._port(instance)) if self._is_running(instance) else None
        families = text_string_to_metric_families(page or "")
        return [sample for family in families for sample in family.samples]

    def deaths(self) -> dict[str, int]:
        """How often each has ended."""
        return {name: worker.history.deaths for name, worker in self.workers.items()}

    def said(self) -> str:
        """How those fare that do not simply run."""
        return "; ".join(
            f"{name} {worker.state}: {worker.why}"
            for name, worker in self.workers.items()
            if worker.state is not State.RUNNING
        )

    def stop(self) -> list[str]:
        """Ask all to end; returns who had to be killed."""
        for instance in self.workers:
            self.thaw(instance)
        return self._supervisor.stop()

    def _spawn(self, spec: WorkerSpec) -> Process:
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        own = {"PIPELINE_INSTANCE": spec.instance}
        environ = {**spec.environ, **own, **self.extra.get(spec.instance, {})}
        with spec.log.open("ab") as log:
            return tethered(spec.argv, env=environ, stdout=log, cwd=self._cwd)

    def _running(self, instance: str) -> Process:
        process = self.workers[instance].process
        if process is None or process.poll() is not None:
            raise NotInjectedError(f"{instance} does not run: {self.workers[instance].why}")
        return process

    def _is_running(self, instance: str) -> bool:
        return self.workers[instance].state is State.RUNNING

    def _port(self, instance: str) -> int:
        return self.workers[instance].spec.port
