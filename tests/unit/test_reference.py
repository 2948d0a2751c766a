"""docs/configuration.md is made from the code, and says everything that is in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import configuration
from pydantic import BaseModel

from alpha.config import Config

ROOT = Path(__file__).resolve().parents[2]
PAGE = configuration.page()


def keys(section: type[BaseModel]):
    for key, field in section.model_fields.items():
        yield key
        for inner in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from keys(inner)


def test_it_is_the_same_every_time():
    assert configuration.page() == PAGE


def test_the_page_is_the_newest():
    path = ROOT / "docs/configuration.md"
    assert path.read_text(encoding="utf-8") == PAGE, "run: make docs"


def test_every_key_appears():
    every = set(keys(Config))
    assert {"sessions", "waive", "known_at", "max_drawdown", "kill_file"} <= every
    for key in every:
        assert f"\n| `{key}` | " in PAGE, key


@pytest.mark.parametrize("registry", configuration.registries(), ids=lambda registry: registry.kind)
def test_every_plugin_and_parameter_appears(registry):
    part = PAGE.split(f"\n### {registry.kind}\n")[1].split("\n### ")[0]
    for name in registry:
        row = next(line for line in part.splitlines() if line.startswith(f"| `{name}` |"))
        assert row.rstrip(" |").rpartition("|")[2].strip(), f"{name} does not say what it is"
        assert all(f"`{key}=" in row for key in registry.schema(name).model_fields)


def test_every_registry_of_the_configuration_appears():
    from alpha.core.registry import Registry

    shown = {registry.kind for registry in configuration.registries()}
    bound = {
        meta.registry.kind
        for field in (*Config.model_fields.values(),)
        for part in (field, *getattr(field.annotation, "__args__", ()))
        for meta in getattr(part, "metadata", getattr(part, "__metadata__", ()))
        if isinstance(getattr(meta, "registry", None), Registry)
    }
    assert {"source", "gate", "limit", "broker"} <= bound <= shown


def test_tables_are_tables():
    for line in PAGE.splitlines():
        if line.startswith("|"):
            assert line.replace("\\|", "").count("|") == 4, line
    assert "PydanticUndefined" not in PAGE
    assert "default_factory" not in PAGE


def test_the_tool_writes_the_page_and_the_schema(workspace, capsys):
    import runpy

    from alpha.report import evaluation

    main = runpy.run_path(str(workspace / "tools/generate_docs.py"))["main"]
    assert main(None) == 0
    assert capsys.readouterr().out.split() == [
        "docs/configuration.md", "docs/features.md", "docs/leaks.md", "alpha/report/alpha_eval.schema.json",
    ]  # fmt: skip
    assert (workspace / "docs/configuration.md").read_text(encoding="utf-8") == PAGE
    assert (workspace / "alpha/report/alpha_eval.schema.json").read_text() == evaluation.schema_text()
