"""Names for content: hashes of values, of the code and of the environment."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "pandas", "scikit-learn", "lightgbm", "xgboost", "numba", "scipy")


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)


def digest(value: Any) -> str:
    """Return the SHA-256 of bytes, of a text, or of a value's canonical JSON."""
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        value = canonical(value).encode()
    return hashlib.sha256(value).hexdigest()


@cache
def code_id() -> str:
    """Return the hash of the library's own source files."""
    root = Path(__file__).resolve().parents[1]
    files = sorted(root.rglob("*.py"))
    return digest({str(path.relative_to(root)): digest(path.read_bytes()) for path in files})


@cache
def environment() -> dict[str, str]:
    """Return the interpreter, the machine's architecture and the versions of what a model depends on."""
    versions = {name: metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), **versions}
