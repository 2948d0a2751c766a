"""What has been written once can be read for ever: the schema, and a report of each version."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from alpha.report import evaluation
from alpha.report.evaluation import read, write, write_schema

REPORTS = {version: Path(__file__).with_name(f"alpha_eval.v{version}.json") for version in (1, 2)}


def test_the_schema_that_ships_is_the_one_of_the_models():
    assert evaluation.SCHEMA.read_text(encoding="utf-8") == evaluation.schema_text(), "run: make docs"


def test_the_schema_is_written_where_it_ships(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "SCHEMA", tmp_path / "schema.json")
    assert write_schema().read_text(encoding="utf-8") == evaluation.schema_text()


@pytest.mark.parametrize("version", REPORTS)
def test_a_report_of_each_version_is_read_valid_and_written_as_it_was(version, tmp_path):
    path = REPORTS[version]
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json.loads(evaluation.SCHEMA.read_text()))
    report = read(path)
    assert (report.schema_version, report.chosen) == (version, "linear_v1")
    assert bool(report.models[0].intervals) == bool(report.holdout) == (version == 2)
    assert write(report, tmp_path).read_text(encoding="utf-8") == path.read_text(encoding="utf-8")
