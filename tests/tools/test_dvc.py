"""The steps of dvc.yaml make the shipped model again, in a copy of the checkout."""

from __future__ import annotations

import json
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from pipeline.manifest import read_manifest

ROOT = Path(__file__).parents[2]
DVC = ROOT / ".venv-dvc" / "bin" / "dvc"
SHIPPED = "models/first_day_churn/1"
APART = ("docs/", "tests/", "benchmarks/", "dvc.lock", "reproduced/metrics.json")

pytestmark = pytest.mark.skipif(not DVC.exists(), reason="no DVC: make .venv-dvc/.installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What git knows or would, without what was made already, in a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    copy = tmp_path / "checkout"
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(APART):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    return copy


def dvc(checkout: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(DVC), *arguments], cwd=checkout, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outputs(checkout: Path) -> set[str]:
    """What dvc.lock names with a hash of its content."""
    lock = yaml.safe_load((checkout / "dvc.lock").read_text())
    return {out["path"] for step in lock["stages"].values() for out in step["outs"] if out["md5"]}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_shipped_model_is_made_again_byte_for_byte_and_once(checkout: Path) -> None:
    libraries = read_manifest(ROOT / SHIPPED).libraries
    if any(version(one) != built for one, built in libraries.items()):
        pytest.skip(f"it was built with {libraries}")
    dvc(checkout, "repro")
    made, shipped = checkout / "reproduced" / SHIPPED, ROOT / SHIPPED
    assert (made / "model.onnx").read_bytes() == (shipped / "model.onnx").read_bytes()
    metrics = json.loads((checkout / "reproduced/metrics.json").read_text())
    assert metrics["is_the_shipped_model"]
    assert outputs(checkout) >= {f"reproduced/{one}" for one in ("snapshot", "dataset.parquet")}
    assert "Data and pipelines are up to date." in dvc(checkout, "repro")
