"""The store of bundles: each is written once, named by its content, and checked before anything in it is parsed.

``<root>/<id>/<version>/`` holds ``manifest.json``, the golden predictions and the model's own files. The version ends
in the hash of the manifest, which holds the hash of every other file, so that a reference ``<id>/<version>`` pins
the bytes. Nothing here imports pandas: the child process that parses a model imports this package too.
"""

from alpha.store.blessings import Blessing, Blessings, promote
from alpha.store.bundle_files import bundles, load, locate, reference, save
from alpha.store.disk import locked
from alpha.store.manifest import Manifest
from alpha.store.selection import check_selectable, select
from alpha.store.verification import read_manifest, verify

__all__ = [
    "Blessing",
    "Blessings",
    "Manifest",
    "bundles",
    "check_selectable",
    "load",
    "locate",
    "locked",
    "promote",
    "read_manifest",
    "reference",
    "save",
    "select",
    "verify",
]
