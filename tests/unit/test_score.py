"""The scorecard, number by number, from a signal and a book small enough to recompute."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pandas as pd
import pytest
from traded import Traded

import alpha.stats
import alpha.validation
from alpha.core.errors import ConfigError, DataError
from alpha.core.instrument import Instrument
from alpha.core.nouns import Fold, Label, Scorecard
from alpha.core.panel import Panel
from alpha.stats import metrics
from alpha.stats.significance import mean_interval, newey_west_t
from alpha.validation import Trials, score
from alpha.validation.scorecard import measure
from alpha.validation.splits import walk_forward

ROWS, NAMES = 700, 8
TIMES = pd.date_range("2019-01-01", periods=ROWS, freq="B", tz="UTC")
PANEL = Panel(TIMES, tuple("ABCDEFGH"), {"close": np.ones((ROWS, NAMES))})
NOWHERE: dict[str, str] = {}


@dataclass(frozen=True)
class Case:
    signal: np.ndarray
    label: Label
    folds: list[Fold]
    book: Traded

    @property
    def rows(self) -> slice:
        return slice(int(self.folds[0].test[0]), ROWS)

    def card(self) -> Scorecard:
        return measure("mine", self.signal, self.label, self.book, self.folds, panel=PANEL)

    def scored(self, trials: Trials, **given: object) -> Scorecard:
        given = {"panel": PANEL, "source": NOWHERE, **given}
        return score("mine", self.signal, self.label, self.book, self.folds, trials=trials, **given)


@pytest.fixture(scope="module")
def case() -> Case:
    rng = np.random.default_rng(8)
    realised = rng.normal(0, 0.02, (ROWS, NAMES))
    realised[-4:] = np.nan
    signal = realised + rng.normal(0, 0.1, realised.shape)
    signal[-4:] = 1.0
    signal[rng.random(signal.shape) < 0.1] = np.nan
    instants = TIMES.tz_localize(None).as_unit("ns").to_numpy()
    known_at = np.append(instants[4:], np.full(4, np.datetime64("NaT", "ns")))
    label = Label("rank", np.sign(realised), known_at, 3, "next_open", realised)
    folds = walk_forward(TIMES, label, folds=3)
    tested = ROWS - folds[0].test[0]
    net, costs = rng.normal(0.0005, 0.01, tested), np.full(tested, 0.0002)
    targets = np.where(rng.random((tested, NAMES)) < 0.5, 0.0, rng.normal(size=(tested, NAMES)))
    book = Traded(TIMES[-tested:], 1e6 * np.cumprod(1 + net), net, net + costs, targets, rng.random(tested), costs)
    return Case(signal, label, folds, book)


def test_every_metric_by_its_definition(case: Case) -> None:
    card, rows = case.card(), case.rows
    signal, realised, book = case.signal[rows], case.label.realised[rows], case.book
    ic = metrics.daily_ic(signal, realised)
    low, high = mean_interval(ic, horizon=3)
    both = np.isfinite(signal) & np.isfinite(realised)
    expected = {
        "ic": np.nanmean(ic), "ic_t": newey_west_t(ic, horizon=3), "ic_low": low, "ic_high": high,
        "icir": np.nanmean(ic) / np.nanstd(ic, ddof=1), "ic_days": np.isfinite(ic).sum(), "predictions": both.sum(),
        "hit_rate": (np.sign(signal) == np.sign(realised))[both].mean(),
        "hit_base_rate": max((realised[both] > 0).mean(), (realised[both] < 0).mean()),
        "hit_rate_positions": metrics.position_hit_rate(book.targets, realised),
        "turnover": book.turnover.mean(), "cost_annual": 0.0002 * 252,
        "net_return_annual": metrics.annual_return(book.net_returns),
        "gross_return_annual": metrics.annual_return(book.gross_returns),
        "total_net_return": book.equity[-1] / 1e6 - 1, "volatility": metrics.volatility(book.net_returns),
        "sharpe": metrics.sharpe(book.net_returns), "sortino": metrics.sortino(book.net_returns),
        "max_drawdown": metrics.max_drawdown(book.net_returns), "var_95": metrics.value_at_risk(book.net_returns),
        "cvar_95": metrics.conditional_value_at_risk(book.net_returns),
    }  # fmt: skip
    assert dict(card.metrics) == pytest.approx(expected)
    assert all(isinstance(value, float) for value in card.metrics.values())
    assert card.model == "mine"
    assert card.metrics["predictions"] < signal.size


def test_years_and_folds_are_parts_of_the_whole(case: Case) -> None:
    card = case.card()
    for parts in (card.by_year, card.by_fold):
        assert sum(part["predictions"] for part in parts) == card.metrics["predictions"]
        days = np.array([part["ic_days"] for part in parts])
        assert days @ [part["ic"] for part in parts] / days.sum() == pytest.approx(card.metrics["ic"])
        grown = np.prod([1 + part["net_return"] for part in parts]) - 1
        assert grown == pytest.approx(card.metrics["total_net_return"])
    assert [part["year"] for part in card.by_year] == [2019, 2020, 2021]
    first = card.by_fold[0]
    assert (first["fold"], first["train_rows"]) == (0, len(case.folds[0].train))
    assert first["cutoff"] == first["test_start"] == str(TIMES[case.folds[0].test[0]].date())
    assert first["test_end"] == str(TIMES[case.folds[0].test[-1]].date())


def test_series_for_the_plots(case: Case) -> None:
    card = case.card()
    for name in ("ic", "net_returns", "equity", "drawdown", "turnover"):
        assert card.series[name].index.equals(case.book.times)
    assert card.series["drawdown"].max() == card.metrics["max_drawdown"]
    assert card.series["ic"].mean() == pytest.approx(card.metrics["ic"])
    assert card.series["quantile_returns"].index.tolist() == [1, 2, 3, 4, 5]
    assert card.series["quantile_returns"].is_monotonic_increasing
    assert card.series["hit_rate"].columns.tolist() == ["hit_rate", "hit_base_rate"]
    assert card.series["hit_rate"].index.tolist() == [2019, 2020, 2021]


def test_nothing_before_the_first_test_row_counts(case: Case) -> None:
    planted = case.signal.copy()
    planted[: case.rows.start] = np.nan_to_num(case.label.realised[: case.rows.start])
    assert replace(case, signal=planted).card().metrics == case.card().metrics


def test_a_label_without_realised_returns_is_measured_on_its_values(case: Case) -> None:
    plain = replace(case.label, values=case.label.realised, realised=None)
    assert replace(case, label=plain).card().metrics == case.card().metrics


def test_a_signal_without_opinions_has_no_ic(case: Case) -> None:
    card = replace(case, signal=np.full_like(case.signal, np.nan)).card()
    assert np.isnan(card.metrics["ic"])
    assert np.isnan(card.metrics["ic_low"])
    assert card.metrics["predictions"] == 0
    assert np.isfinite(card.metrics["sharpe"])


def test_baselines_stand_beside_the_model(case: Case) -> None:
    other = {"random": {"ic": 0.0}}
    card = measure("mine", case.signal, case.label, case.book, case.folds, panel=PANEL, baselines=other)
    assert card.baselines == other
    assert case.card().baselines == {}


@pytest.mark.parametrize(
    "pick",
    [
        lambda f: [replace(f[0], test=f[0].test[:0])],
        lambda f: [replace(f[0], test=f[0].test.astype(float))],
        lambda f: [],
        lambda f: f[::-1],
        lambda f: [f[0], f[0]],
        lambda f: [replace(f[0], test=f[0].test[::2])],
    ],
)
def test_folds_that_do_not_test_one_run_of_rows_are_refused(case: Case, pick: Callable[[list], list]) -> None:
    """The rows between them were learned from, and would be scored as if they had not been."""
    with pytest.raises(DataError, match="one run of rows") as caught:
        replace(case, folds=pick(list(case.folds))).card()
    assert caught.value.code == "test_rows"


@pytest.mark.parametrize("rows", [slice(None), slice(-1), slice(0, 489), slice(0, 0)])
def test_a_book_of_other_rows_is_refused(case: Case, rows: slice) -> None:
    """Of as many rows, too: they would be recorded as those that were tested."""
    assert len(case.book.times) == 490
    with pytest.raises(DataError, match="must cover the 490 tested rows, from 2019-10-22") as caught:
        replace(case, book=replace(case.book, times=TIMES[rows])).card()
    assert caught.value.code == "book_rows"
    with pytest.raises(DataError) as caught:
        replace(case, book=replace(case.book, times=TIMES[:490])).card()
    assert caught.value.code == "book_rows"


@pytest.mark.parametrize("part", ["equity", "net_returns", "gross_returns", "targets", "turnover", "costs"])
def test_a_book_must_tell_everything_of_its_rows(case: Case, part: str) -> None:
    with pytest.raises(DataError) as caught:
        replace(case, book=replace(case.book, **{part: getattr(case.book, part)[1:]})).card()
    assert caught.value.code == "book_rows"


@pytest.mark.parametrize(
    "change",
    [
        lambda book: {"net_returns": book.net_returns + 0.01},
        lambda book: {"equity": book.equity[::-1].copy()},
        lambda book: {"costs": book.costs * 2},
        lambda book: {"net_returns": np.where(book.net_returns < 0, np.nan, book.net_returns)},
        lambda book: {"net_returns": np.append(np.nan, book.net_returns[1:])},
        lambda book: {"net_returns": np.ma.masked_array(book.net_returns, book.net_returns < 0)},
        lambda book: {"net_returns": book.net_returns.tolist()},
        lambda book: {"net_returns": pd.Series(book.net_returns)},
        lambda book: {"net_returns": book.net_returns[:, None]},
        lambda book: {"targets": book.targets[:, 1:]},
        lambda book: {"times": list(book.times)},
    ],
)
def test_a_book_that_does_not_add_up_is_refused(case: Case, change) -> None:  # type: ignore[no-untyped-def]
    """What is recorded as earned is what the equity did."""
    with pytest.raises(DataError) as caught:
        replace(case, book=replace(case.book, **change(case.book))).card()
    assert caught.value.code == "book_rows"


def test_a_lost_book_is_told_as_far_as_it_goes(case: Case) -> None:
    equity, net = case.book.equity.copy(), case.book.net_returns.copy()
    equity[100:] = 0.0
    net[100], net[101:] = -1.0, np.nan
    lost = replace(case.book, equity=equity, net_returns=net, gross_returns=net + case.book.costs)
    assert replace(case, book=lost).card().metrics["ic"] == case.card().metrics["ic"]


def frame(values: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(values, TIMES, list(PANEL.symbols))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda signal: signal[:-1], "bad_shape"),
        (lambda signal: signal[:, :-1], "bad_shape"),
        (lambda signal: signal[..., None], "bad_shape"),
        (lambda signal: 1.0, "bad_shape"),
        (lambda signal: "rising", "not_numbers"),
        (lambda signal: signal.astype(str), "not_numbers"),
        (lambda signal: frame(signal)[list("HGFEDCBA")], "bad_shape"),
        (lambda signal: frame(signal).set_axis(TIMES + pd.Timedelta("1D")), "bad_shape"),
    ],
)
def test_a_signal_that_is_not_of_the_panel_is_refused(case: Case, change, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="signal") as caught:
        replace(case, signal=change(case.signal)).card()
    assert caught.value.code == code


def test_a_label_that_is_not_of_the_panel_is_refused(case: Case) -> None:
    with pytest.raises(DataError, match="label must be of the panel's") as caught:
        replace(case, label=replace(case.label, realised=case.label.realised[1:])).card()
    assert caught.value.code == "bad_shape"


def test_folds_beyond_the_panel_are_refused(case: Case) -> None:
    later = [replace(case.folds[-1], test=case.folds[-1].test + 1)]
    with pytest.raises(DataError) as caught:
        replace(case, folds=later).card()
    assert caught.value.code == "test_rows"


def test_a_frame_or_a_list_is_as_good_as_an_array(case: Case) -> None:
    for same in (frame(case.signal), case.signal.tolist()):
        assert replace(case, signal=same).card().metrics == case.card().metrics


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"panel": None}, "panel must be"),
        ({"panel": "us"}, "panel must be"),
        ({"source": None}, "source must be origin"),
        ({"source": "bundled"}, "source must be origin"),
        ({"periods": 0}, "periods"),
        ({"periods": np.nan}, "periods"),
    ],
)
def test_what_a_score_must_be_given(case: Case, trials: Trials, given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        case.scored(trials, **given)
    assert caught.value.code == "bad_parameter"
    assert trials.read() == []


def test_where_the_data_came_from_is_kept(case: Case, trials: Trials) -> None:
    case.scored(trials, source={"name": "bundled", "symbols": "null"})
    (trial,) = trials.read()
    assert trial["source"] == {"name": "bundled", "symbols": "null"}
    assert trial["tested"] == ["2019-10-22", str(TIMES[-1].date())]


def test_a_year_may_have_another_length(case: Case) -> None:
    card = measure("mine", case.signal, case.label, case.book, case.folds, panel=PANEL, periods=365)
    assert card.metrics["sharpe"] == pytest.approx(case.card().metrics["sharpe"] * np.sqrt(365 / 252))


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    return Trials(tmp_path / "trials.jsonl")


def test_every_score_is_recorded_as_a_trial(case: Case, trials: Trials) -> None:
    card = case.scored(trials)
    assert card.metrics == case.card().metrics
    (trial,) = trials.read()
    assert (trial["data_id"], trial["model"]) == (PANEL.id, "mine")
    assert trial["metrics"] == pytest.approx(dict(card.metrics))
    kept = trials.series(trial)
    np.testing.assert_array_equal(kept["ic"], card.series["ic"])
    np.testing.assert_array_equal(kept["net_returns"], card.series["net_returns"])


def test_a_score_takes_what_it_is_given(case: Case, trials: Trials) -> None:
    card = case.scored(trials, baselines={"random": {"ic": 0.0}}, periods=365, config_id="named")
    assert card.baselines == {"random": {"ic": 0.0}}
    assert card.metrics["sharpe"] == pytest.approx(case.card().metrics["sharpe"] * np.sqrt(365 / 252))
    assert trials.read()[0]["config_id"] == "named"


def test_the_same_signal_scored_again_is_the_same_trial(case: Case, trials: Trials) -> None:
    again = case.signal.copy()
    again[: case.rows.start] = 1.0
    again[np.isnan(again)] = -np.nan
    for signal in (case.signal, case.signal, again):
        replace(case, signal=signal).scored(trials)
    assert (len(trials.read()), trials.count()) == (3, 1)
    assert len(trials.read()[0]["config_id"]) == 12


def halved(book: Traded) -> Traded:
    net = book.net_returns / 2
    return replace(book, net_returns=net, gross_returns=net + book.costs, equity=1e6 * np.cumprod(1 + net))


@pytest.mark.parametrize("other", [
    lambda case: {"signal": case.signal + 1e-12},
    lambda case: {"signal": -case.signal},
    lambda case: {"label": replace(case.label, realised=2 * case.label.realised)},
    lambda case: {"book": halved(case.book)},
], ids=["a trifle", "reversed", "another outcome", "another policy"])  # fmt: skip
def test_whatever_else_is_scored_is_another_trial(case: Case, trials: Trials, other) -> None:  # type: ignore[no-untyped-def]
    case.scored(trials)
    replace(case, **other(case)).scored(trials)
    assert trials.count() == 2


def test_what_is_refused_is_no_trial_and_what_cannot_be_recorded_has_no_score(case: Case, tmp_path: Path) -> None:
    trials = Trials(tmp_path / "trials.jsonl")
    with pytest.raises(DataError):
        replace(case, book=replace(case.book, times=TIMES)).scored(trials)
    assert trials.read() == []
    with pytest.raises(ConfigError) as caught:
        case.scored(Trials(tmp_path))
    assert caught.value.code == "trials_unavailable"


@pytest.mark.parametrize("trials", [None, "trials.jsonl", Path("trials.jsonl")])
def test_there_is_no_score_without_a_record(case: Case, trials: object) -> None:
    with pytest.raises(ConfigError, match=r"trials must be a Trials\(path\)") as caught:
        case.scored(trials)  # type: ignore[arg-type]
    assert caught.value.code == "bad_parameter"


def test_there_is_no_other_public_way_to_a_scorecard() -> None:
    """What makes one asks for the record of trials, or for a scorecard that was made before."""
    public = [getattr(home, name) for home in (alpha.validation, alpha.stats) for name in home.__all__]
    makers = [get_type_hints(made) for made in public if inspect.isfunction(made)]
    makers = [hints for hints in makers if hints.get("return") is Scorecard]
    assert len(makers) == 2
    assert all(Trials in hints.values() or hints.get("card") is Scorecard for hints in makers)


def test_returns_are_annualised_by_the_calendar_of_the_panel(case: Case) -> None:
    """The same bars on a market that trades every day have more rows a year."""
    usual = measure("m", case.signal, case.label, case.book, case.folds, panel=PANEL)
    always = replace(PANEL, instrument=Instrument(calendar="24/7"))
    other = measure("m", case.signal, case.label, case.book, case.folds, panel=always)
    assert always.periods != PANEL.periods == 252
    scale = np.sqrt(always.periods / 252)
    assert other.metrics["sharpe"] == pytest.approx(usual.metrics["sharpe"] * scale)
