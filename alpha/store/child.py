"""Parse a model in a child process, and check that it reproduces its golden predictions.

Reading a damaged file of trees can crash a process or block it forever, so a child process reads it first. The child
gets the bytes whose hashes were checked: one line of JSON that lists the files, then their contents.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from alpha.core import plugins
from alpha.core.errors import ModelError

if TYPE_CHECKING:
    from alpha.core.nouns import Model

GOLDEN = "golden.npz"
_OPTIONAL = {"pandas": "pandas", "scikit-learn": "sklearn"}


def reproduce_in_child(
    called: str, entry: Mapping[str, Any], packages: Iterable[str], files: Mapping[str, bytes], timeout: float
) -> None:
    """Parse a model and predict its golden inputs in a child process.

    Raises
    ------
    ModelError
        `parse_crashed`, `parse_timeout`, `golden_mismatch`, `golden_empty`, or the code of the model's own reader.
    """
    sizes = {name: len(each) for name, each in files.items()}
    header = {"entry": entry, "packages": list(packages), "files": sizes, "plugins": plugins.loaded()}
    sent = json.dumps(header).encode() + b"\n" + b"".join(files.values())
    try:
        done = subprocess.run([sys.executable, "-P", "-m", __name__], input=sent, capture_output=True,
                              env=_environment(), timeout=timeout, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ModelError(f"{called}: parsing the model took more than {timeout:g} s and was stopped; the file is "
                         f"damaged, or the machine is overloaded", code="parse_timeout") from None  # fmt: skip
    if done.returncode or not done.stdout:
        raise ModelError(f"{called}: the process that parsed the model {_how(done)}", code="parse_crashed")
    if answer := json.loads(done.stdout):
        raise ModelError(f"{called}: {answer['message']}", code=answer["code"])


def parsed(entry: Mapping[str, Any], files: Mapping[str, bytes]) -> Model:
    """Return the model in the files of a bundle, after checking that it reproduces its golden predictions."""
    from alpha.models import differing, model, tolerance_of

    bound = model.bind(entry)
    own = {name: content for name, content in files.items() if name != GOLDEN}
    kind = cast("type[Model]", model[bound.name])
    fitted = kind.from_files(own, bound.params)
    inputs, predictions = golden(files)
    known = np.isfinite(predictions).all(axis=tuple(range(1, predictions.ndim)))
    if not known.any():
        raise ModelError("the bundle has no golden prediction to compare with", code="golden_empty")
    again = fitted.predict(inputs[known])
    same = again.shape == predictions[known].shape
    if not same or differing(predictions[known], again, tolerance_of(fitted)).any():
        off = float(np.abs(again - predictions[known]).max()) if same else np.inf
        raise ModelError(f"the model does not give its golden predictions again: they are off by up to {off:.3g}; it "
                         f"is not the model that was blessed, or this machine computes in another way",
                         code="golden_mismatch")  # fmt: skip
    return fitted


def golden(files: Mapping[str, bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return the golden inputs, shape (K, F), and predictions, shape (K,) or (K, outputs)."""
    with np.load(io.BytesIO(files[GOLDEN]), allow_pickle=False) as arrays:
        return arrays["inputs"], arrays["predictions"]


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)]),  # the child's import path is this one's
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _how(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"was killed by {signal.Signals(-done.returncode).name}: the file is damaged"
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
    return f"ended with {done.returncode}: {last[0]}"


def main() -> None:
    """Read the bytes that `reproduce_in_child` sends; answer with an empty object, or with the error."""
    reply = os.dup(1)
    os.dup2(2, 1)  # libraries print to standard output
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    header = json.loads(sys.stdin.buffer.readline())
    files = {name: sys.stdin.buffer.read(size) for name, size in header["files"].items()}
    plugins.load(header["plugins"])
    importlib.import_module("alpha.models").model.load()  # before any package is hidden
    _skip_imports(header["packages"])
    answer = {}
    try:
        parsed(header["entry"], files)
    except ModelError as error:
        answer = {"code": error.code, "message": error.args[0]}
    os.write(reply, json.dumps(answer).encode())


def _skip_imports(packages: Iterable[str]) -> None:
    """Hide the optional imports of the model's readers from the child: they take two of three seconds for trees."""
    for package, module in _OPTIONAL.items():
        if package not in packages:
            sys.modules.setdefault(module, None)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
