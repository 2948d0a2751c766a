"""What every source of bars must keep to, tested over the registry: a new source is tested when it exists."""

import numpy as np
import pandas as pd
import pytest

from alpha.core.calendar import Calendar
from alpha.core.errors import AlphaError, ConfigError
from alpha.data import inspect_bars, load_panel, source

NYSE = Calendar()
START, MIDDLE, END = pd.Timestamp("2009-12-01"), pd.Timestamp("2010-02-12"), pd.Timestamp("2010-06-30")
DAYS = NYSE.sessions("2009-11-02", "2010-07-30")
PRICES = ("open", "high", "low", "close")


def market():
    """Raw bars of four symbols: a split and dividends early and late, a late listing and a delisting."""
    rng = np.random.default_rng(11)
    parts = []
    for number, symbol in enumerate(("CC", "AA", "DD", "BB")):
        close = 40 * np.exp(np.cumsum(0.01 * rng.standard_normal(len(DAYS))))
        split, dividend = np.ones(len(DAYS)), np.zeros(len(DAYS))
        split[[30, 120]] = 2.0 if number % 2 else 1.0
        dividend[[25 + number, 100 + number]] = 0.3
        close /= np.cumprod(split)
        part = pd.DataFrame({"date": DAYS, "symbol": symbol, "open": close * 1.001, "high": close * 1.01,
                             "low": close * 0.99, "close": close, "volume": rng.integers(900, 1100, len(DAYS)),
                             "dividend": dividend, "split": split})  # fmt: skip
        parts.append(part.iloc[slice(*{"AA": (60, None), "DD": (0, 110)}.get(symbol, (0, None)))])
    return pd.concat(parts, ignore_index=True)


def parquet_file(path):
    market().to_parquet(path / "bars.parquet")
    return {"path": path / "bars.parquet"}, {"path": path / "gone.parquet"}


def csv_file(path):
    market().to_csv(path / "bars.csv", index=False)
    return {"path": path / "bars.csv"}, {"path": path / "gone.csv"}


def answers_of_yahoo(symbol, start, timeout, retries):
    """What the package gives for a symbol, adjusted for all splits; how it is fetched is tested with a server."""
    if symbol not in ("AA", "BB", "CC", "DD"):
        raise ConfigError(symbol, code="unknown_symbol")
    frame = market().loc[lambda f: (f["symbol"] == symbol) & (f["date"] >= start)].drop(columns="symbol")
    later = (frame["split"][::-1].cumprod()[::-1] / frame["split"]).to_numpy()
    frame[[*PRICES, "dividend"]] = frame[[*PRICES, "dividend"]].to_numpy() / later[:, None]
    frame["volume"] = frame["volume"] * later
    names = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume",
             "dividend": "Dividends", "split": "Stock Splits"}  # fmt: skip
    return frame.set_index(frame.pop("date").dt.tz_localize("America/New_York")).rename(columns=names)


# for each source: good parameters, and parameters that ask for what is not there
CASES = {
    "bundled": lambda path: ({}, {"symbols": ["NOPE"]}),
    "csv": csv_file,
    "parquet": parquet_file,
    "resampled": lambda path: ({"n_symbols": 25, "ic": 0.1}, {"calendar": "NOPE"}),
    "synthetic": lambda path: (
        {"n_symbols": 20, "late": 0.9, "delistings": 0.05, "events": True},
        {"calendar": "NOPE"},
    ),
    "yfinance": lambda path: ({"symbols": ["AA", "BB", "CC", "DD"]}, {"symbols": ["NOPE"]}),
}


@pytest.fixture(scope="module", params=list(source))
def case(request, tmp_path_factory):
    assert request.param in CASES, f"add a case for the new source {request.param!r}"
    good, bad = CASES[request.param](tmp_path_factory.mktemp(request.param))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alpha.data.sources.yahoo._fetch", answers_of_yahoo)
        yield source.bind({"name": request.param, **good}), source.bind({"name": request.param, **bad})


@pytest.fixture(scope="module")
def plugin(case):
    return case[0]


@pytest.fixture(scope="module")
def frame(plugin):
    return plugin(START, END)


@pytest.fixture(scope="module")
def whole(plugin):
    return load_panel(plugin, START, END)[0]


def assert_prefix(part, whole):
    """Every row of `part` is that of `whole` in every bit; symbols that come later have nothing yet."""
    rows = whole.rows(slice(0, len(part)))
    assert part.times.equals(rows.times)
    assert part.id == rows.select(part.symbols).id
    for symbol in set(whole.symbols) - set(part.symbols):
        assert np.isnan(rows.select([symbol])["close"]).all()


def test_it_returns_long_bars(frame):
    assert {"time", "symbol", "close"} <= set(frame)
    assert frame.attrs["prices"] in ("raw", "adjusted")
    dates = frame["time"].dt.tz_localize(None).dt.normalize()
    assert (dates.min(), dates.max()) == (START, END)
    assert not [finding for finding in inspect_bars(frame, NYSE) if finding.severity == "error"]


def test_its_panel_is_in_utc_strictly_increasing_and_sorted_by_name(whole):
    assert str(whole.times.tz) == "UTC"
    assert whole.times.is_monotonic_increasing
    assert whole.times.is_unique
    assert whole.times.equals(NYSE.closes(NYSE.sessions(START, END)))
    assert list(whole.symbols) == sorted(whole.symbols)


def test_what_it_does_not_have_is_absent(frame, whole):
    given = set(frame.columns) - {"time", "symbol"}
    assert set(whole.fields) <= given | {"raw_open", "raw_close"}
    for name, values in whole.fields.items():
        assert np.isfinite(values).any(), name


def test_a_row_does_not_depend_on_the_end(plugin, whole):
    for end in (MIDDLE, END - pd.Timedelta("1D")):
        assert_prefix(load_panel(plugin, START, end)[0], whole)


def test_ratios_do_not_depend_on_the_start(plugin, whole):
    later, _ = load_panel(plugin, MIDDLE, END)
    rows = whole.rows(slice(len(whole) - len(later), None)).select(later.symbols)
    for name in later.fields:
        if name in PRICES:
            got, expected = (np.diff(np.log(panel[name]), axis=0) for panel in (later, rows))
            np.testing.assert_allclose(got, expected, atol=1e-12)


def test_the_same_bits_twice(plugin, whole):
    assert load_panel(plugin, START, END)[0].id == whole.id


def test_what_it_returns_is_the_callers_own(plugin, frame):
    mine = plugin(START, END)
    mine["close"] = 0.0
    pd.testing.assert_frame_equal(plugin(START, END), frame)


def test_a_single_session(plugin):
    panel, _ = load_panel(plugin, MIDDLE, MIDDLE)
    assert len(panel) == 1
    assert np.isfinite(panel["close"]).all()


def test_what_is_not_there_is_an_error_of_ours(case):
    with pytest.raises(AlphaError) as caught:
        load_panel(case[1], START, END)
    assert caught.value.code.startswith("unknown_")


def test_nothing_in_the_time_asked_for_is_an_error_of_ours(plugin):
    with pytest.raises(AlphaError) as caught:
        load_panel(plugin, pd.Timestamp("1980-01-01"), pd.Timestamp("1980-12-31"))
    assert caught.value.code == "no_bars"


def test_an_unknown_parameter_is_refused_with_the_nearest(plugin):
    parameter = next(iter(source.schema(plugin.name).model_fields))
    with pytest.raises(ConfigError, match=f"did you mean '{parameter}'"):
        source.bind({"name": plugin.name, **plugin.params, f"{parameter}x": 1})


def test_every_case_is_a_source():
    assert set(CASES) == set(source)
