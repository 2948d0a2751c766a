"""What has been written once can be read for ever: the schema and a report of version 1."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from alpha.report import evaluation, read, write, write_schema

REPORT = Path(__file__).with_name("alpha_eval.v1.json")


def test_the_schema_that_ships_is_the_one_of_the_models():
    assert evaluation.SCHEMA.read_text(encoding="utf-8") == evaluation.schema_text(), "run alpha.report.write_schema()"


def test_the_schema_is_written_where_it_ships(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "SCHEMA", tmp_path / "schema.json")
    assert write_schema().read_text(encoding="utf-8") == evaluation.schema_text()


def test_a_report_of_version_1_is_read_and_valid(tmp_path):
    jsonschema.validate(json.loads(REPORT.read_text(encoding="utf-8")), json.loads(evaluation.SCHEMA.read_text()))
    report = read(REPORT)
    assert report.chosen == "linear_v1"
    assert write(report, tmp_path).read_text(encoding="utf-8") == REPORT.read_text(encoding="utf-8")
