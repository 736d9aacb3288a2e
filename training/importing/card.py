"""The card of an imported model: what a person must know before using it."""

from __future__ import annotations

from pipeline.manifest import Manifest

_CARD = """\
# {use_case}, version {version}

{purpose}

- **What it gives:** the probability of churn, from {width} inputs. It says churn at {threshold:g} \
or more.
- **What it is:** a {algorithm} of scikit-learn, imported from `{file}`, SHA-256 `{file_sha256}`.
- **What it learnt from:** nobody told. So there are no figures of how good it is.
- **What is proved:** in ONNX it answers as the file does in scikit-learn on {proved_on}: the \
largest difference is {largest_difference:.1e}, and no decision is another one.
{ignored}
## Limits

- Users of a dataset may be among those it learnt from, so the gates of `pipeline model promote` \
may flatter it. A trial in shadow judges it by what comes after: `pipeline model challenge \
{version} --shadow`.
- That the file means what its columns are called cannot be proved: it was taken at its word.
- Converted with {libraries}. The same file gives the same bytes.
"""


def card(manifest: Manifest, purpose: str) -> str:
    """The card in Markdown; `purpose` is what the use case says of itself."""
    training = manifest.training
    ignored = ", ".join(training["ignored"])
    return _CARD.format(
        use_case=manifest.use_case,
        version=manifest.version,
        purpose=purpose.strip(),
        width=len(manifest.features),
        threshold=manifest.threshold,
        algorithm=manifest.algorithm.replace("_", " "),
        ignored=f"- **What changes no answer of it on those rows:** {ignored}.\n"
        if ignored
        else "",
        libraries=", ".join(f"{name} {version}" for name, version in manifest.libraries.items()),
        **{name: training[name] for name in _TOLD},
    )


_TOLD = ("file", "file_sha256", "proved_on", "largest_difference")
