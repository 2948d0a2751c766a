from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import aggregate, load_panel, source
from alpha.data.fields.options import FIELDS

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-01-15")
TIMES = NYSE.closes(DAYS)
PANEL = Panel(TIMES, ("AA", "BB"), {"close": np.ones((len(DAYS), 2))})
SHARED = Path(__file__).parents[2].parent / "shared/data"
NAN = float("nan")
FORWARD = 100.0
STRIKES = np.arange(70.0, 140.0, 2.5)


def volatility(strike, days):
    """A smile that falls with the strike and rises with time, as those of indexes do."""
    return 0.2 + 0.1 * days / 365 - 0.15 * np.log(strike / FORWARD)


def worth(strike, days, call, vol):
    spread = vol * np.sqrt(days / 365)
    d1 = np.log(FORWARD / strike) / spread + spread / 2
    side = 1 if call else -1
    return side * (FORWARD * norm.cdf(side * d1) - strike * norm.cdf(side * (d1 - spread)))


def chain(day, symbol="AA", expiries=(10, 24, 52, 80, 108), rate=0.0, strikes=STRIKES):
    rows = []
    for days in expiries:
        for strike in strikes:
            for right in ("call", "put"):
                vol = volatility(strike, days)
                price = worth(strike, days, right == "call", vol) * np.exp(-rate * days / 365)
                rows.append((day, symbol, day + pd.Timedelta(days=days), right, strike, price, 10.0, 100.0, vol))
    names = ["date", "symbol", "expiry", "right", "strike", "price", "volume", "open_interest", "implied_volatility"]
    return pd.DataFrame(rows, columns=names)


def summed(frame, tmp_path, panel=PANEL, **params):
    path = tmp_path / "chains.parquet"
    frame.to_parquet(path)
    return aggregate.bind({"name": "options", "path": path, **params})(panel, NYSE)


def field(frame, tmp_path, name, **params):
    return summed(frame, tmp_path, **params)[0][name][:, 0]


def found(findings):
    return {finding.code: finding.value for finding in findings}


def same(got, expected):
    np.testing.assert_array_equal(got, np.array(list(expected), float))


# when a chain counts


def test_a_chain_counts_once_in_the_first_bar_that_closes_when_it_is_known(tmp_path):
    frame = chain(DAYS[3], expiries=(24,), strikes=[100.0])
    same(field(frame, tmp_path, "option_put_volume"), [NAN] * 4 + [10] + [NAN] * 5)
    same(field(frame, tmp_path, "option_put_volume", delay="0min"), [NAN] * 3 + [10] + [NAN] * 6)
    same(field(frame, tmp_path, "option_put_volume", delay="24h"), [NAN] * 4 + [10] + [NAN] * 5)
    same(field(frame, tmp_path, "option_put_volume", delay="86401s"), [NAN] * 5 + [10] + [NAN] * 4)


def test_of_two_chains_that_become_known_together_the_newer_counts(tmp_path):
    frame = pd.concat([chain(DAYS[4], strikes=[100.0]), chain(DAYS[3], strikes=[90.0, 100.0])])
    got = field(frame.assign(volume=1.0), tmp_path, "option_call_volume", delay="65h")  # Thursday's and Friday's
    same(got, [NAN] * 5 + [5, NAN, NAN, NAN, NAN])
    alone = field(chain(DAYS[4], strikes=[100.0]).assign(volume=1.0), tmp_path, "option_call_volume", delay="65h")
    same(got, alone)


def test_chains_of_before_the_panel_are_not_heaped_on_its_first_row(tmp_path):
    early = [chain(day) for day in NYSE.sessions("2009-12-01", "2010-01-04")]
    assert np.isnan(field(pd.concat(early), tmp_path, "option_call_volume", delay="0min")).all()


def test_a_later_chain_never_changes_an_earlier_row(tmp_path):
    rng = np.random.default_rng(2)
    frame = pd.concat([chain(day, symbol, expiries=(9, 40, 100)) for day in DAYS for symbol in ("AA", "BB")])
    frame["price"] *= np.exp(0.02 * rng.standard_normal(len(frame)))
    whole, _ = summed(frame.sample(frac=1, random_state=1), tmp_path)
    assert np.isfinite(whole["option_iv_skew"][1:]).all()
    for row in (1, 4, 8):
        part, _ = summed(frame[frame["date"] < DAYS[row]], tmp_path)
        assert part.rows(slice(0, row + 1)).id == whole.rows(slice(0, row + 1)).id
        short, _ = summed(frame, tmp_path, panel=PANEL.rows(slice(0, row + 1)))
        assert short.id == whole.rows(slice(0, row + 1)).id


# what is traded


def test_volume_and_open_interest_are_sums_over_strikes_and_expiries(tmp_path):
    frame = chain(DAYS[2])
    rng = np.random.default_rng(3)
    frame["volume"] = rng.integers(0, 50, len(frame)).astype(float)
    frame["open_interest"] = np.where(rng.random(len(frame)) < 0.3, NAN, rng.integers(0, 50, len(frame)))
    got, _ = summed(frame, tmp_path)
    for side in ("put", "call"):
        own = frame[frame["right"] == side]
        assert got[f"option_{side}_volume"][3, 0] == sum(own["volume"])
        assert got[f"option_{side}_open_interest"][3, 0] == sum(own["open_interest"].dropna())


def test_what_a_table_lacks_is_unknown_not_zero(tmp_path):
    frame = chain(DAYS[2]).drop(columns=["open_interest", "implied_volatility"]).assign(volume=NAN)
    got, _ = summed(frame, tmp_path)
    assert np.isnan(got["option_put_open_interest"]).all()
    assert np.isnan(got["option_put_volume"]).all()
    assert np.isfinite(got["option_iv"][3, 0])


# what is expected


def expected_iv(days, expiries=(10, 24, 52, 80, 108)):
    """At the money, by hand: variance x time, linear between the expiries around."""
    before, after = max(e for e in expiries if e <= days), min(e for e in expiries if e > days)
    total = [volatility(FORWARD, e) ** 2 * e for e in (before, after)]
    return np.sqrt((total[0] + (total[1] - total[0]) * (days - before) / (after - before)) / days)


def strike_of_delta(days, level):
    """The strike at which the call's delta is `level`, on the true smile."""
    return brentq(
        lambda k: norm.cdf(np.log(FORWARD / k) / (s := volatility(k, days) * np.sqrt(days / 365)) + s / 2) - level,
        50,
        200,
    )


@pytest.mark.parametrize("rate", [0.0, 0.05])
def test_level_and_term_are_those_of_the_surface_the_prices_were_made_from(tmp_path, rate):
    frame = chain(DAYS[2], rate=rate).assign(implied_volatility=0.0)
    got, findings = summed(frame, tmp_path, rate=rate)
    assert found(findings) == {}
    near, far = got["option_iv"][3, 0], got["option_iv"][3, 0] + got["option_iv_term"][3, 0]
    np.testing.assert_allclose([near, far], [expected_iv(30), expected_iv(90)], rtol=1e-9)


def test_the_skew_is_that_between_the_deltas(tmp_path):
    frame = chain(DAYS[2], strikes=np.arange(70.0, 140.0, 0.25))
    got = field(frame, tmp_path, "option_iv_skew")[3]
    skews = [
        volatility(strike_of_delta(days, 0.75), days) - volatility(strike_of_delta(days, 0.25), days)
        for days in (24, 52)
    ]
    assert got == pytest.approx(
        (skews[0] * 24 + (skews[1] * 52 - skews[0] * 24) * (30 - 24) / (52 - 24)) / 30, rel=1e-3
    )
    assert got > 0


def test_the_forward_comes_from_the_chain_whatever_the_share_is_said_to_cost(tmp_path):
    header = chain(DAYS[2])[:1].assign(expiry=pd.NaT, right=None, strike=NAN, price=14.3, volume=1e9)
    got, findings = summed(pd.concat([header, chain(DAYS[2])]), tmp_path)
    plain, _ = summed(chain(DAYS[2]), tmp_path)
    assert got.id == plain.id
    assert found(findings) == {"header_row": 1}


def test_an_expiry_of_the_very_day_needs_no_other(tmp_path):
    got = field(chain(DAYS[2], expiries=(30, 90)), tmp_path, "option_iv")[3]
    assert got == pytest.approx(volatility(FORWARD, 30), rel=1e-9)


def test_the_first_expiry_stands_for_the_time_before_it_if_it_is_near(tmp_path):
    near = field(chain(DAYS[2], expiries=(45, 100)), tmp_path, "option_iv")[3]
    assert near == pytest.approx(volatility(FORWARD, 45), rel=1e-9)
    assert np.isnan(field(chain(DAYS[2], expiries=(46, 100)), tmp_path, "option_iv")[3])


def test_nothing_is_said_of_times_after_the_last_expiry_or_of_today(tmp_path):
    got, _ = summed(chain(DAYS[2], expiries=(10, 52)), tmp_path)
    assert np.isfinite(got["option_iv"][3, 0])
    assert np.isnan(got["option_iv_term"][3, 0])
    today, _ = summed(chain(DAYS[2], expiries=(1, 52)).assign(expiry=DAYS[2]), tmp_path)
    assert np.isnan(today["option_iv"][3, 0])
    assert today["option_call_volume"][3, 0] > 0


def test_strikes_that_do_not_surround_the_money_say_nothing(tmp_path):
    got, _ = summed(chain(DAYS[2], strikes=[101.0, 105.0, 110.0]), tmp_path)
    assert np.isnan(got["option_iv"]).all()


def test_stray_prices_far_from_the_money_do_not_matter(tmp_path):
    """As of contracts that are still listed with strikes of before a split."""
    strays = chain(DAYS[2], strikes=[15.0, 500.0]).assign(price=lambda rows: np.where(rows["strike"] < 50, 3.0, 2.0))
    got, _ = summed(pd.concat([chain(DAYS[2]), strays]), tmp_path)
    plain, _ = summed(chain(DAYS[2]), tmp_path)
    for name in ("option_iv", "option_iv_skew", "option_iv_term"):
        same(got[name][3], plain[name][3])


def test_prices_are_believed_unless_the_table_is_to_be(tmp_path):
    frame = chain(DAYS[2]).assign(implied_volatility=lambda rows: rows["implied_volatility"] + 0.3)
    got, findings = summed(frame, tmp_path)
    assert got["option_iv"][3, 0] == pytest.approx(expected_iv(30), rel=1e-9)
    assert set(found(findings)) == {"volatility_mismatch"}
    told, _ = summed(frame, tmp_path, volatility="table")
    before, after = ((volatility(FORWARD, days) + 0.3) ** 2 * days for days in (24, 52))
    expected = np.sqrt((before + (after - before) * 6 / 28) / 30)
    assert told["option_iv"][3, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("nothing", [0.0, NAN, -1.0, np.inf])
def test_a_volatility_that_the_table_lacks_comes_from_the_price(tmp_path, nothing):
    frame = chain(DAYS[2])
    frame.loc[::3, "implied_volatility"] = nothing
    got, findings = summed(frame, tmp_path, volatility="table")
    assert got["option_iv"][3, 0] == pytest.approx(expected_iv(30), rel=1e-9)
    assert found(findings) == {}


# what is odd


def odd(change, count=1):
    frame = chain(DAYS[2])
    return pd.concat([frame, frame[:count].assign(strike=99.0, **change)])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"expiry": pd.NaT}, "header_row"),
        ({"right": None}, "header_row"),
        ({"strike": NAN}, "header_row"),
        ({"expiry": DAYS[1]}, "expired_contract"),
        ({"right": "x"}, "bad_contract"),
        ({"strike": 0.0}, "bad_contract"),
        ({"strike": np.inf}, "bad_contract"),
        ({"price": -1.0}, "bad_contract"),
        ({"volume": -1.0}, "bad_contract"),
        ({"open_interest": np.inf}, "bad_contract"),
        ({"date": pd.Timestamp("2010-01-09")}, "off_session"),
        ({"strike": 70.0}, "duplicate_contract"),
    ],
)
def test_what_is_no_living_contract_is_left_out_and_counted(tmp_path, change, code):
    frame = chain(DAYS[2])
    spoiled = pd.concat([frame[:1].assign(**{"strike": 99.0, **change}), frame])
    got, findings = summed(spoiled, tmp_path)
    plain, none = summed(frame, tmp_path)
    assert found(findings) == {code: 1}
    assert none == []
    assert got.id == plain.id
    (finding,) = findings
    assert (finding.severity, finding.symbol, finding.time.tz) == ("warning", "*", None)
    assert "AA" in str(finding)


def test_contracts_without_a_price_are_counted_and_trade_all_the_same(tmp_path):
    frame = chain(DAYS[2])
    frame.loc[(frame["strike"] > 115) & (frame["right"] == "call"), "price"] = 0.0
    got, findings = summed(frame, tmp_path)
    assert found(findings) == {"no_implied_volatility": 5 * np.sum(STRIKES > 115)}
    assert got["option_call_volume"][3, 0] == 10 * np.sum(frame["right"] == "call")
    assert got["option_iv"][3, 0] == pytest.approx(expected_iv(30), rel=1e-9)


def test_a_chain_of_nothing_but_headers_makes_fields_of_nothing(tmp_path):
    got, findings = summed(chain(DAYS[2]).assign(strike=NAN), tmp_path)
    assert set(found(findings)) == {"header_row"}
    assert all(np.isnan(got[name]).all() for name in FIELDS)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"symbol": "ZZ"}, "foreign_table"), ({"price": "dear"}, "wrong_type"), ({"date": 20100105}, "wrong_type")],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, change, code):
    with pytest.raises(DataError) as caught:
        summed(chain(DAYS[2]).assign(**change), tmp_path)
    assert caught.value.code == code


def test_columns_have_other_names(tmp_path):
    frame = chain(DAYS[2]).rename(columns={"symbol": "underlying", "price": "close"})
    columns = {"symbol": "underlying", "price": "close"}
    assert summed(frame, tmp_path, columns=columns)[0].id == summed(chain(DAYS[2]), tmp_path)[0].id
    with pytest.raises(DataError, match="did you mean 'underlying'") as missing:
        summed(frame, tmp_path, columns={**columns, "symbol": "underlyin"})
    assert missing.value.code == "missing_column"
    with pytest.raises(DataError) as missing:
        summed(frame, tmp_path, columns={**columns, "volume": "traded"})
    assert missing.value.code == "missing_column"
    with pytest.raises(ConfigError, match="did you mean 'price'") as unknown:
        summed(frame, tmp_path, columns={"prize": "close"})
    assert unknown.value.code == "unknown_column"


def test_fields_are_not_overwritten(tmp_path):
    once, _ = summed(chain(DAYS[2]), tmp_path)
    with pytest.raises(ConfigError) as caught:
        summed(chain(DAYS[2]), tmp_path, panel=once)
    assert caught.value.code == "field_taken"


# all the way


def test_chains_come_into_a_panel_and_what_is_odd_is_shown(tmp_path):
    path = tmp_path / "chains.csv"
    odd({"expiry": DAYS[0]}).assign(symbol="S000").to_csv(path, index=False)
    market = source.bind({"name": "synthetic", "n_symbols": 4, "late": 0.0})
    chains = aggregate.bind({"name": "options", "path": path})
    panel, findings = load_panel(market, DAYS[0], DAYS[-1], aggregates=[chains])
    assert panel["option_iv"][3, panel.symbols.index("S000")] == pytest.approx(expected_iv(30), rel=1e-9)
    assert "expired_contract" in found(findings)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not there")
def test_chains_of_june_2014():
    """A split 7 to 1 on 9 June, headers whose price is adjusted while strikes are not, volatilities that are wrong."""
    path = SHARED / "options_chain_sample.parquet"
    days = NYSE.sessions("2014-05-30", "2014-06-17")
    panel = Panel(NYSE.closes(days), ("AAPL", "TWX"), {"close": np.ones((len(days), 2))})
    chains = aggregate.bind({"name": "options", "path": path, "columns": {"symbol": "underlying", "price": "close"}})
    got, findings = chains(panel, NYSE)
    assert found(findings)["header_row"] == 16
    frame = pd.read_parquet(path).query("underlying == 'AAPL' and right == 'P'")
    day = pd.to_datetime(frame["date"]) == days[4]
    assert got["option_put_volume"][5, 0] == frame.loc[day, "volume"].sum()
    told = got["option_iv"][np.isfinite(got["option_iv"])]
    assert len(told) == 15
    assert ((told > 0.15) & (told < 0.30)).all()  # the VIX stood at 11 to 13
    assert np.nanmax(np.abs(got["option_iv_skew"])) < 0.15
