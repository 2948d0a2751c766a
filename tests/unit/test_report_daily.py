"""Paper's daily report and the table a run ends with."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError
from rich.console import Console

from alpha.cli.tables import summary_table
from alpha.core.errors import DataError
from alpha.operate.study import SummaryRow
from alpha.report.daily import (
    TRADES_SHOWN,
    Costs,
    DailyReport,
    Decided,
    EquityPoint,
    Pnl,
    Position,
    Skip,
    Trade,
    read_daily,
    render_daily,
    write_daily,
)

FIRST, LAST = datetime(2022, 1, 3, 21, tzinfo=UTC), datetime(2022, 1, 4, 21, tzinfo=UTC)
BANNER = "SHADOW: not blessed"


def report(**changes: object) -> DailyReport:
    values = {
        "created": LAST,
        "run": "world",
        "mode": "paper",
        "bundle": "linear_v1/1",
        "bundles": (Decided(ref="linear_v1/1", sessions=2),),
        "in_sample": False,
        "first_bar": FIRST,
        "last_bar": LAST,
        "sessions": 2,
        "equity_start": 1_000.0,
        "equity_end": 1_010.0,
        "pnl": Pnl(total=10.0, realised=4.0, unrealised=6.0, day=-2.5),
        "costs": Costs(fees=1.25),
        "positions": (Position(symbol="A", shares=-3, price=10.0, value=-30.0, weight=-0.03, unrealised=-1.0),
                      Position(symbol="B", shares=1.5, price=100.0, value=150.0, weight=0.15, unrealised=0.0)),
        "trades": (Trade(bar="2022-01-04", symbol="A", side="sell", quantity=3, price=10.0, fee=0.1),),
        "limits_hit": {"max_name": 2},
        "skipped": (Skip(bar="2022-01-03", reason="no price"),),
        "order_hash": "abc123",
        "equity": (EquityPoint(bar=FIRST, equity=1_012.5), EquityPoint(bar=LAST, equity=1_010.0)),
    }  # fmt: skip
    return DailyReport.model_validate(values | changes)


def test_what_is_written_is_read_back(tmp_path):
    data, page = write_daily(report(), tmp_path / "run")
    assert (data.name, page.name) == ("daily_report.json", "daily_report.html")
    assert read_daily(data) == read_daily(tmp_path / "run") == report()
    assert page.read_text(encoding="utf-8") == render_daily(report())


def test_shadow_is_loud_and_paper_is_not():
    assert BANNER not in render_daily(report())
    text = render_daily(report(mode="shadow"))
    assert text.index(BANNER) < text.index("<h1>")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"halted": "kill file exists"}, "HALTED</strong>kill file exists"),
        ({"fallback": "linear_v1/1, because 2 is damaged"}, "fallback bundle</strong>linear_v1/1, because"),
        ({"in_sample": True}, "In sample"),
        ({"other_data": "source: {bundled} in research"}, "Other data</strong>source: {bundled} in research"),
        ({"bundles": ({"ref": "a/1", "sessions": 1}, {"ref": "b/1", "sessions": 1})}, "a/1 for 1 sessions; then b/1"),
    ],
)
def test_what_must_not_be_missed(change, said):
    assert said not in render_daily(report())
    assert said in render_daily(report(**change))


def test_the_page_shows_everything():
    text = render_daily(report())
    for said in (
        "1,010.00",
        "+10.00",
        "−2.50",
        "1.25",
        "−30.00",
        "−0.0300",
        "1.5000",
        "max_name",
        "no price",
        "abc123",
    ):
        assert said in text
    assert text.index("<td>B</td>") < text.index("<td>A</td>")  # the largest position first


def test_nothing_happened():
    text = render_daily(report(positions=(), trades=(), limits_hit={}, skipped=(), equity=()))
    for said in ("Nothing is held.", "Nothing was traded.", "No limit was hit.", "No bar was skipped.", "no data"):
        assert said in text


def test_many_trades_are_cut_and_said_so():
    trade = report().trades[0]
    trades = tuple(trade.model_copy(update={"quantity": float(k)}) for k in range(1, TRADES_SHOWN + 11))
    text = render_daily(report(trades=trades))
    assert f"The last {TRADES_SHOWN} are shown" in text
    assert "<td>260</td>" in text
    assert "<td>10</td>" not in text


def test_what_is_not_finite_is_null(tmp_path):
    costs = Costs(fees=np.nan, slippage=np.inf)
    given = report(
        pnl=Pnl(total=np.nan, realised=0.0, unrealised=0.0, day=0.0), equity_end=np.float64("nan"), costs=costs
    )
    data, _ = write_daily(given, tmp_path)
    values = json.loads(data.read_text(), parse_constant=pytest.fail)
    assert values["pnl"]["total"] is values["equity_end"] is values["costs"]["fees"] is None


def test_texts_are_escaped():
    text = render_daily(
        report(run="<script>", bundle="<script>", halted="<script>", fallback="<script>", order_hash="<script>",
               limits_hit={"<script>": 1}, skipped=(Skip(bar="<script>", reason="<script>"),),
               trades=(Trade(bar="<script>", symbol="<script>", side="buy", quantity=1, price=1, fee=0),),
               positions=(Position(symbol="<script>", shares=1, price=1, value=1, weight=0, unrealised=0),))
    )  # fmt: skip
    assert "<script" not in text


def test_a_report_that_contradicts_itself_is_refused():
    with pytest.raises(ValidationError, match=r"pnl\.total is 10\.00, but equity went from 1,000\.00 to 1,020\.00"):
        report(equity_end=1_020.0)


def test_reading_names_the_field(tmp_path):
    data, _ = write_daily(report(), tmp_path)
    values = json.loads(data.read_text())
    values["trades"][0]["side"] = "hold"
    values["pnl"]["dai"] = 1
    data.write_text(json.dumps(values))
    with pytest.raises(DataError, match=r"no field pnl\.dai; did you mean 'day'.*trades\.0\.side") as error:
        read_daily(data)
    assert error.value.code == "report_invalid"


LONG = "reports/" + "x" * 120 + "/report.html"
ROWS = [
    SummaryRow("us_large_caps", "lightgbm_v1", 0.01234, 0.5123, (7, 10), False, LONG, 1_012_345.67, shadow=True),
    SummaryRow("plan [edge]", "linear_v1", 0.0512, 0.5301, (10, 10), True, "reports/planted/report.html"),
]


def printed(width: int, rows: list[SummaryRow]) -> str:
    out = io.StringIO()
    summary_table(rows, Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_last_table_is_readable(width):
    text = printed(width, ROWS)
    lines = text.splitlines()
    assert all(len(line) <= width for line in lines if LONG not in line)
    for said in ("us_large_caps", "lightgbm_v1", "0.0123", "0.5123", "7/10", "1,012,346 shadow", "plan [edge]"):
        assert said in text
    assert "us_large_caps: " + LONG in lines  # whole, on one line: it can be copied
    assert any(line.split()[:4] == ["plan", "[edge]", "linear_v1", "0.0512"] and " yes " in line for line in lines)
    assert "shadow: not blessed" in text


def test_no_shadow_no_footnote():
    assert "shadow" not in printed(80, ROWS[1:])
