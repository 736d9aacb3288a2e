"""Every error the pipeline raises on purpose.

PipelineError
|-- DataError              a record that cannot be used; it goes to `rejected-events`
|-- InfrastructureError    Kafka, Redis or the disk fails for now; retried with backoff
|   `-- Waiting            only one partition has to wait for it; the others go on
|-- Refusal                a person must act before the process may go on; says what to do
|   `-- SettingsError      a setting is missing or wrong
`-- Fatal                  the process must end at once; its supervisor starts it again
"""

from __future__ import annotations

from collections.abc import Sequence


class PipelineError(Exception):
    """The root of all errors that the pipeline raises on purpose."""


class DataError(PipelineError):
    """A record that cannot be used: `reason` is a stable code, `detail` names the field.

    Neither carries a value from the record: both are logged and counted.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class InfrastructureError(PipelineError):
    """Something outside fails for now; the same work is tried again."""


class Waiting(InfrastructureError):
    """What one partition needs is not there for now; the others do not need it."""


class Refusal(PipelineError):
    """The process may not go on as things are; `remedy` is the command or act that mends it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}. {remedy}")
        self.problem = problem
        self.remedy = remedy


class SettingsError(Refusal):
    """A setting is missing or wrong."""


class Fatal(PipelineError):
    """The process must end, non-zero; the same input is read again after the restart."""


def most_serious(failures: Sequence[BaseException]) -> BaseException:
    """The failure to act on: what must not be tried again comes before what may be."""
    return min(failures, key=lambda failure: isinstance(failure, InfrastructureError))
