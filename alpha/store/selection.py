"""Set the blessed bundle in a configuration file, without any other change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alpha.core.errors import ConfigError
from alpha.store.disk import replace_file

if TYPE_CHECKING:
    import yaml

_KEYS = ("models", "selected")


def select(config_path: str | Path, ref: str | None) -> None:
    """Set ``models.selected`` in the text of a YAML file; comments, order and layout stay as they are.

    A file without the section, such as an overlay, gets it at its end.

    Parameters
    ----------
    ref : str or None
        A bundle's reference ``<id>/<version>``; None: no bundle.

    Raises
    ------
    ConfigError
        `select_failed`: the file is not YAML, has no such key, or has it in a form in which changing it would change
        something else. The file is not changed.
    """
    path = Path(config_path)
    replace_file(path, _with(path, ref))


def check_selectable(config_path: str | Path) -> None:
    """Raise as `select` would; write nothing."""
    _with(Path(config_path), None)


def _with(path: Path, ref: str | None) -> bytes:
    """Return the content of the file with `ref` selected in it."""
    import yaml

    try:
        text = path.read_bytes().decode()  # bytes, because reading text would change the line endings
        changed = _selected(text, ref)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot select a model in {path}: {error}", code="select_failed") from None
    if changed is None:
        raise ConfigError(f"cannot select a model in {path}: expected the key models.selected once, with a plain "
                          f"value; write `selected: null` under `models:`", code="select_failed")  # fmt: skip
    return changed.encode()


def _selected(text: str, ref: str | None) -> str | None:
    """Return the text with the new value of the key, or None if more than the key would change."""
    import yaml

    before = yaml.safe_load(text)
    if isinstance(before, dict) and "models" not in before:
        before = {**before, "models": {}}
        changed = text + ("" if text.endswith("\n") else "\n") + f"models:\n  selected: {ref or 'null'}\n"
    else:
        start, end = _span(yaml.compose(text, yaml.SafeLoader), _KEYS)
        if start < 0:
            return None
        space = "" if start < end else " "  # `selected:` with nothing after it
        changed = text[:start] + space + (ref or "null") + text[end:]
    after = yaml.safe_load(changed)
    return changed if after == {**before, "models": {**before["models"], "selected": ref}} else None


def _span(node: yaml.Node | None, keys: Sequence[str]) -> tuple[int, int]:
    """Return the start and end in the text of the value at a path of keys, or (-1, -1)."""
    import yaml

    for key in keys:
        if not isinstance(node, yaml.MappingNode):
            return -1, -1
        node = next((value for name, value in node.value if name.value == key), None)
    if not isinstance(node, yaml.ScalarNode):
        return -1, -1
    return node.start_mark.index, node.end_mark.index
