"""The daily report of a paper account: trades, costs, profit and loss, limits hit and skipped bars."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self

import pandas as pd
from pydantic import Field, model_validator

from alpha.report import plots
from alpha.report.page import MISSING, Html, by_width, facts, figure, number, page, safe, table, tiles
from alpha.report.record import Count, Instant, Number, Record, read_record, write_record, write_text

JSON_FILE, HTML_FILE = "daily_report.json", "daily_report.html"
TRADES_SHOWN = 250

_money, _signed = number(2), number(2, sign="+")
_shares = number(0)
_price = number(4)
_weight = number(4)


class Position(Record):
    """A position after the last bar."""

    symbol: str
    shares: Number
    price: Number = Field(description="last price, in the currency of the symbol")
    value: Number = Field(description="in the account's currency, as `unrealised`")
    weight: Number = Field(description="fraction of equity, negative when short")
    unrealised: Number


class Trade(Record):
    """One fill."""

    bar: str = Field(description="the bar at whose open (or close, where there are no opens) it filled")
    symbol: str
    side: Literal["buy", "sell"]
    quantity: Annotated[float, Field(gt=0)]
    price: Number
    fee: Number


class Pnl(Record):
    """Profit and loss in the account's currency, after all costs; `day` is that of the last bar.

    The changes of the rates of other currencies are in `total` alone.
    """

    total: Number
    realised: Number
    unrealised: Number
    day: Number


class Costs(Record):
    """The costs of trading, in the account's currency; slippage is null where the broker does not report it."""

    fees: Number
    slippage: Number = None


class Skip(Record):
    """A bar without a decision, on which positions were held."""

    bar: str
    reason: str


class EquityPoint(Record):
    """Equity after a bar."""

    bar: Instant
    equity: Number


class Decided(Record):
    """Consecutive sessions in which one bundle decided."""

    ref: str
    sessions: Count


class DailyReport(Record):
    """The report of one paper run, from its first bar to its last."""

    schema_version: Literal[1] = 1
    created: Instant
    run: str = Field(min_length=1)
    mode: Literal["paper", "shadow"] = Field(description="shadow: the candidate is not blessed")
    bundle: str = Field(description="the bundle that decided last")
    bundles: tuple[Decided, ...] = Field(description="the bundles that decided, newest last")
    traded: int | None = Field(None, description="sessions that the last run added")
    fallback: str | None = Field(None, description="why the fallback bundle trades instead of the selected one")
    other_data: str | None = Field(None, description="how the data differ from those of the bundle's research")
    in_sample: bool = Field(description="whether some bars lie in the window the bundle was trained on")
    first_bar: Instant
    last_bar: Instant
    sessions: Count
    equity_start: Number
    equity_end: Number
    pnl: Pnl
    costs: Costs
    balances: dict[str, Number] = Field(
        {}, exclude_if=lambda cash: not cash, description="cash by currency, where the account has several"
    )
    positions: tuple[Position, ...]
    trades: tuple[Trade, ...]
    limits_hit: dict[str, Count] = Field(description="how often each limit clipped a target")
    skipped: tuple[Skip, ...]
    halted: str | None = Field(None, description="why the run halted")
    order_hash: str = Field(description="hash of the order list; equals that of the backtest over the same bars")
    equity: tuple[EquityPoint, ...]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        start, end, total = self.equity_start, self.equity_end, self.pnl.total
        if start is None or end is None or total is None:
            return self
        if abs(end - start - total) > 0.01 + 1e-9 * abs(start):
            raise ValueError(f"pnl.total is {total:,.2f}, but equity went from {start:,.2f} to {end:,.2f}")
        return self


def write_daily(report: DailyReport, folder: str | Path) -> tuple[Path, Path]:
    """Write ``daily_report.json`` and ``daily_report.html`` into `folder` and return their paths."""
    folder = Path(folder)
    return write_record(report, folder / JSON_FILE), write_text(render_daily(report), folder / HTML_FILE)


def read_daily(path: str | Path) -> DailyReport:
    """Read a report from its JSON file, or from the folder of that file.

    Raises
    ------
    DataError
        ``report_invalid``, naming each wrong field.
    """
    path = Path(path)
    return read_record(DailyReport, path / JSON_FILE if path.is_dir() else path)


def render_daily(report: DailyReport) -> str:
    """Return the report as one HTML text; equal inputs give equal bytes."""
    body = [
        *_banners(report),
        *_header(report),
        *_curve(report),
        *_positions(report),
        *_trades(report),
        *_events(report),
    ]
    return page(f"{report.run}: Alpha {report.mode} report", body)


def _banners(report: DailyReport) -> Iterator[str]:
    if report.mode == "shadow":
        yield (
            '<div class="banner" role="alert"><strong>SHADOW: not blessed</strong>This candidate is not blessed. It '
            "is replayed to show its trades; these results do not count as passing its gates.</div>"
        )
    if report.halted is not None:
        yield f'<div class="banner" role="alert"><strong>HALTED</strong>{safe(report.halted)}</div>'
    if report.fallback is not None:
        yield f'<div class="banner note"><strong>Trading on the fallback bundle</strong>{safe(report.fallback)}</div>'
    if report.other_data is not None:
        yield f'<div class="banner note"><strong>Other data</strong>{safe(report.other_data)}</div>'
    if len(report.bundles) > 1:
        told = "; then ".join(f"{span.ref} for {span.sessions:,} sessions" for span in report.bundles)
        yield f'<div class="banner note"><strong>More than one bundle decided</strong>{safe(told)}</div>'
    if report.in_sample:
        yield (
            '<div class="banner note"><strong>In sample</strong>Some of these bars lie in the window the bundle was '
            "trained on. Profit on them is no evidence.</div>"
        )


def _header(report: DailyReport) -> Iterator[str]:
    yield f'<div class="kicker">Alpha · {report.mode} report</div><h1>{safe(report.run)}</h1>'
    yield (
        f'<p class="lede">{report.first_bar:%Y-%m-%d} to {report.last_bar:%Y-%m-%d} · {report.sessions:,} sessions · '
        f"bundle <code>{safe(report.bundle)}</code></p>"
    )
    pnl, costs = report.pnl, report.costs
    slippage = MISSING if costs.slippage is None else _money(costs.slippage)
    yield tiles((
        ("equity at the end", _money(report.equity_end)),
        ("P&L, total", _coloured(pnl.total)),
        ("P&L, last day", _coloured(pnl.day)),
        ("P&L, realised", _coloured(pnl.realised)),
        ("P&L, unrealised", _coloured(pnl.unrealised)),
        ("fees", _money(costs.fees)),
        ("slippage", slippage),
    ))  # fmt: skip
    yield f'<p class="small">In the {"account" if report.balances else "quote"} currency, after costs.</p>'
    if report.balances:
        yield table(("currency", "cash"), ((code, _money(cash)) for code, cash in report.balances.items()))


def _curve(report: DailyReport) -> Iterator[str]:
    times = pd.DatetimeIndex([point.bar for point in report.equity])
    values = pd.Series([point.equity for point in report.equity], index=times, dtype=float)
    note = f"After each bar. Dashed: where it began, {_money(report.equity_start)}."
    drawn = (plots.account(values, report.equity_start, size=size) for size in (plots.WIDE, plots.HALF))
    yield figure("Equity of the account", note, by_width(*drawn))


def _positions(report: DailyReport) -> Iterator[str]:
    yield f"<h2>Positions <small>({len(report.positions)})</small></h2>"
    if not report.positions:
        yield "<p>Nothing is held.</p>"
        return
    rows = [
        (p.symbol, _quantity(p.shares), _price(p.price), _money(p.value), _weight(p.weight), _coloured(p.unrealised))
        for p in sorted(report.positions, key=lambda held: -abs(held.value or 0.0))
    ]
    head = [_head(*pair) for pair in (("symbol", ""), ("shares", ""), ("price", ""), ("value", ""),
                                      ("weight", "fraction of equity"), ("unrealised", ""))]  # fmt: skip
    yield table(head, rows)


def _trades(report: DailyReport) -> Iterator[str]:
    yield f"<h2>Trades <small>({len(report.trades):,})</small></h2>"
    if not report.trades:
        yield "<p>Nothing was traded.</p>"
        return
    shown = report.trades[-TRADES_SHOWN:]
    if len(shown) < len(report.trades):
        yield f"<p>The last {TRADES_SHOWN} are shown; all of them are in <code>{JSON_FILE}</code>.</p>"
    rows = [(trade.bar, trade.symbol, trade.side, _quantity(trade.quantity), _price(trade.price), _money(trade.fee))
            for trade in reversed(shown)]  # fmt: skip
    yield table(("bar", "symbol", "side", "quantity", "price", "fee"), rows, text=(1, 2))


def _events(report: DailyReport) -> Iterator[str]:
    yield "<h2>Limits, skipped bars and identity</h2>"
    if report.limits_hit:
        yield table(("limit", "bars on which it clipped the target"), report.limits_hit.items())
    else:
        yield "<p>No limit was hit.</p>"
    if report.skipped:
        yield table(("skipped bar", "reason"), ((skip.bar, skip.reason) for skip in report.skipped), text=(1,))
    else:
        yield "<p>No bar was skipped.</p>"
    yield facts((
        ("order hash", Html(f"<code>{safe(report.order_hash)}</code>")),
        ("bundle", Html(f"<code>{safe(report.bundle)}</code>")),
        ("halted", report.halted or "no"),
    ))  # fmt: skip
    yield (
        f"<footer>Made {report.created:%Y-%m-%d %H:%M} UTC. The same numbers, for programs, are in "
        f"<code>{JSON_FILE}</code> beside this file.</footer>"
    )


def _head(title: str, unit: str) -> Html:
    return Html(f"{safe(title)}<br><small>{safe(unit)}</small>" if unit else safe(title))


def _quantity(shares: float | None) -> str:
    whole = shares is None or shares == int(shares)
    return _shares(shares) if whole else _price(shares)


def _coloured(value: float | None) -> Html:
    kind = "" if not value else "good" if value > 0 else "bad"
    return Html(f'<span class="{kind}">{_signed(value)}</span>')
