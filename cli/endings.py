"""With which exit status an error ends a command."""

from __future__ import annotations

from pipeline.errors import InfrastructureError, PipelineError, Refusal
from pipeline.exit_codes import ExitCode

_BY_KIND: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (Refusal, ExitCode.REFUSED),
    (InfrastructureError, ExitCode.UNREACHABLE),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)


class Failed(PipelineError):
    """A command could not do, or did not find, what it was asked for."""


def exit_code(error: BaseException) -> ExitCode:
    """The exit status for `error`; FAILED for whatever nobody expected."""
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), ExitCode.FAILED)
