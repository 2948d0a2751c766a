"""What people and programs read about a run: ``alpha_eval.json``, one HTML page, the daily report, the last table."""

from alpha.report.daily import (
    Costs,
    DailyReport,
    Decided,
    EquityPoint,
    Pnl,
    Position,
    Skip,
    Trade,
    read_daily,
    write_daily,
)
from alpha.report.evaluation import (
    Evaluation,
    FindingCount,
    FoldSpan,
    LabelSpec,
    ModelResult,
    Span,
    read,
    write,
    write_schema,
)
from alpha.report.html import render, write_html
from alpha.report.table import SummaryRow, evidence_table, summary_table

__all__ = [
    "Costs",
    "DailyReport",
    "Decided",
    "EquityPoint",
    "Evaluation",
    "FindingCount",
    "FoldSpan",
    "LabelSpec",
    "ModelResult",
    "Pnl",
    "Position",
    "Skip",
    "Span",
    "SummaryRow",
    "Trade",
    "evidence_table",
    "read",
    "read_daily",
    "render",
    "summary_table",
    "write",
    "write_daily",
    "write_html",
    "write_schema",
]
