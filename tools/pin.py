"""Pin images and actions to what their tags name now, as their own sources say: `make pin`.

It asks by `docker buildx imagetools` and `git ls-remote`, so it needs both, and a network. What it
was not told by a source it does not write; where one does not answer, nothing changes.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("docker-compose.yml", "Dockerfile", ".github/workflows/ci.yml")
_IMAGE = re.compile(
    r"^(?P<before> *image: |FROM )(?P<name>[\w./-]+:[\w.-]+)(?:@sha256:[0-9a-f]{64})?", re.MULTILINE
)
_ACTION = re.compile(
    r"(?P<before>uses: )(?P<name>[\w.-]+/[\w.-]+)@(?:[0-9a-f]{40} # )?(?P<tag>v[\w.-]+)$",
    re.MULTILINE,
)

Ask = Callable[[str], str]
"""The digest of `NAME:TAG`, or the commit of `OWNER/REPOSITORY TAG`. Raises ValueError."""


def pinned(text: str, digest_of: Ask, commit_of: Ask) -> str:
    """The text with every image and action pinned; the tags stay beside, and are asked again."""

    def image(found: re.Match[str]) -> str:
        return f"{found['before']}{found['name']}@{digest_of(found['name'])}"

    def action(found: re.Match[str]) -> str:
        commit = commit_of(f"{found['name']} {found['tag']}")
        return f"{found['before']}{found['name']}@{commit} # {found['tag']}"

    return _ACTION.sub(action, _IMAGE.sub(image, text))


def digest_of(name: str) -> str:
    """The digest under which an image stands, for all its platforms."""
    command = ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}")
    return _checked(name, _said((*command, name)).strip(), r"sha256:[0-9a-f]{64}")


def commit_of(name: str) -> str:
    """The commit of an action's tag: of an annotated one what it stands on, which comes last."""
    repository, tag = name.split()
    url = f"https://github.com/{repository}"
    lines = _said(("git", "ls-remote", url, f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"))
    last = (lines.splitlines() or [""])[-1]
    return _checked(name, last.partition("\t")[0], r"[0-9a-f]{40}")


def _said(command: Iterable[str]) -> str:
    try:
        return subprocess.run([*command], capture_output=True, text=True, check=True).stdout  # noqa: S603 - ours
    except OSError as error:
        raise ValueError(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise ValueError(error.stderr.strip() or f"status {error.returncode}") from error


def _checked(name: str, answer: str, shape: str) -> str:
    if not re.fullmatch(shape, answer):
        raise ValueError(f"the answer about {name} is none: {answer[:100]!r}")
    return answer


def main(root: Path = ROOT) -> int:
    """Pin all files or none; 1 with a line where a source does not answer."""
    pin = partial(pinned, digest_of=digest_of, commit_of=commit_of)
    try:
        texts = {root / name: pin((root / name).read_text()) for name in FILES}
    except ValueError as error:
        sys.stderr.write(f"nothing was pinned: {error}\n")
        return 1
    for path, text in texts.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
