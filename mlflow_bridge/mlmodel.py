"""What tells MLflow how to load a version: the `MLmodel` file beside its ONNX file. No pickle."""

from __future__ import annotations

from pathlib import Path

from mlflow.models import Model

from pipeline.manifest import MODEL, Manifest

_ONE_THREAD = {"intra_op_num_threads": 1, "inter_op_num_threads": 1, "execution_mode": "sequential"}


def describe(manifest: Manifest, folder: Path) -> None:
    """Write `MLmodel`: the ONNX file for `mlflow.onnx`, and for `mlflow.pyfunc` through it."""
    told = {
        "use_case": manifest.use_case,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "features": list(manifest.features),
        "threshold": manifest.threshold,
    }
    model = Model(metadata=told)
    model.add_flavor("python_function", loader_module="mlflow.onnx", data=MODEL)
    model.add_flavor(
        "onnx",
        onnx_version=manifest.libraries.get("onnx"),
        data=MODEL,
        providers=["CPUExecutionProvider"],
        onnx_session_options=_ONE_THREAD,
    )
    model.save(str(folder / "MLmodel"))
