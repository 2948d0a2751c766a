"""The sealed holdout: what research cannot read, and what a look at it costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from alpha.cli import show
from alpha.config import load
from alpha.core.errors import ConfigError, DataError, GateFailed
from alpha.core.nouns import Verdict
from alpha.data import source
from alpha.data.seal import Key, origin, overlap
from alpha.gates import gate
from alpha.operate import blessing, control, opening, papering
from alpha.operate import study as studies
from alpha.operate.blessing import candidates_root
from alpha.operate.papering import Wanted
from alpha.store import Blessings, promote, save
from alpha.study import research
from alpha.validation.holdout import Look, Looks, Opened, level, lower_bound, sealed_ic

SPAN = {"data_id": "data", "source": {"name": "bundled"}, "first": date(2020, 1, 1), "last": date(2020, 12, 31)}
SEALED = ["holdout={share: 0.15, symbols: 0.2}"]
TAKEN = {**SPAN, "budget": 0.05, "reason": "to see", "model": "linear_v1", "config_id": "id"}


def plain(items, what):
    return items


@pytest.fixture
def sealed(small_yaml, tmp_path, monkeypatch):
    """The planted market; two months of it and a fifth of its names are sealed."""
    monkeypatch.chdir(tmp_path)
    return load(small_yaml, (), SEALED)


class TestSeal:
    def test_research_reads_up_to_its_end_and_not_the_sealed_names(self, sealed, small):
        panel, whole = sealed.panel()[0], small.panel()[0]
        assert panel.times[-1].date() == sealed.research_end < sealed.source.first
        hidden = [name for name in whole.symbols if sealed.source.hides(name)]
        assert hidden
        assert set(panel.symbols) == set(whole.symbols) - set(hidden)

    @pytest.mark.parametrize("until", [date(2001, 3, 15), date(2001, 4, 30), date(2001, 6, 29)])
    def test_more_is_refused(self, sealed, until):
        for read in (
            lambda: sealed.panel(until),
            lambda: sealed.source(pd.Timestamp(sealed.start), pd.Timestamp(until)),
        ):
            with pytest.raises(DataError, match=r"\d to 2001-04-30 are sealed") as caught:
                read()
            assert caught.value.code == "sealed"

    @pytest.mark.parametrize("end", ["2001", "2001-02", "2001-02-15 23:00"])
    def test_a_source_that_reads_further_shows_no_more(self, sealed, end):
        """`2001` is a year to a source that slices by text: it gets the day that was checked, and its rows are, too."""
        asked = []

        def all_there_is(start, until):
            asked.append(until)
            return sealed.source.opened(Key("to test it"))(pd.Timestamp("2001-01-02"), pd.Timestamp("2001-04-30"))

        bars = replace(sealed.source, make=all_there_is, params={})("2001-01-02", end)
        assert asked == [pd.Timestamp(end)]
        assert len(bars)
        assert bars["time"].max() == pd.Timestamp("2001-02-15")

    def test_rows_without_a_time_are_left_to_the_checks(self, sealed):
        """One that cannot be read, in the sealed part too, is told as it is without a seal."""

        def torn(start, until):
            bars = sealed.source.opened(Key("to test it"))(pd.Timestamp("2001-01-02"), pd.Timestamp("2001-04-30"))
            text = bars.assign(time=bars["time"].dt.strftime("%Y-%m-%d"))
            text.loc[text.index[-1], "time"] = "2001-04-31"
            return text

        bars = replace(sealed.source, make=torn, params={})("2001-01-02", "2001-02-15")
        assert [*bars["time"][-2:]] == ["2001-02-15", "2001-04-31"]

    @pytest.mark.parametrize("names", [1, 2, 20])
    def test_names_may_be_categories(self, sealed, names):
        plain = sealed.source.opened(Key("to test it"))(pd.Timestamp("2001-01-02"), pd.Timestamp("2001-02-15"))
        few = plain[plain["symbol"].isin(plain["symbol"].unique()[:names])]
        kinds = (few, few.assign(symbol=few["symbol"].astype("category")))
        found = [replace(sealed.source, make=lambda s, u, bars=bars: bars, params={})("2001-01-02", "2001-02-15")
                 for bars in kinds]  # fmt: skip
        assert [*found[0]["symbol"]] == [*found[1]["symbol"]]
        assert not any(map(sealed.source.hides, found[1]["symbol"]))

    def test_a_key_opens_everything(self, sealed, small):
        panel = sealed.panel(date(2001, 4, 30), Key("to test it"))[0]
        assert panel.id == small.panel()[0].id

    def test_a_key_needs_a_reason(self, sealed):
        for reason in ("", "  ", None, 3):
            with pytest.raises(DataError) as caught:
                Key(reason)
            assert caught.value.code == "no_reason"

    @pytest.mark.parametrize("end", [None, pd.NaT])
    def test_a_day_that_is_none_is_refused(self, sealed, end):
        with pytest.raises(DataError) as caught:
            sealed.source(pd.Timestamp(sealed.start), end)
        assert caught.value.code == "sealed"

    def test_the_choice_of_names_outlives_the_universe(self, sealed):
        names = [f"N{number}" for number in range(2000)]
        hidden = {name for name in names if sealed.source.hides(name)}
        assert 0.15 < len(hidden) / len(names) < 0.25
        more = replace(sealed.source, share=0.4)
        assert hidden < {name for name in names if more.hides(name)}

    def test_it_is_the_last_share_of_the_sessions(self, sealed, small):
        whole, part = len(small.panel()[0]), len(sealed.panel()[0])
        assert whole - part == round(0.15 * whole)
        assert sealed.source.last == sealed.end

    def test_it_must_leave_something(self, small_yaml):
        with pytest.raises(ConfigError, match="there must be 20 sessions from start to end"):
            load(small_yaml, (), [*SEALED, "end=2000-01-20"])

    def test_a_sealed_name_may_be_excluded(self, sealed, small_yaml):
        name = next(name for name in load(small_yaml).panel()[0].symbols if sealed.source.hides(name))
        also = sealed.model_copy(update={"universe": sealed.universe.model_copy(update={"exclude": (name,)})})
        assert also.panel()[0].symbols == sealed.panel()[0].symbols


class TestLooks:
    def test_levels_sum_to_the_budget(self):
        spent = [level(0.05, look) for look in range(1, 10_000)]
        assert spent[0] == 0.025
        assert all(np.diff(spent) < 0)
        assert sum(spent) < 0.05 < sum(spent) + 1e-4

    def test_each_is_counted(self, tmp_path):
        looks = Looks(tmp_path / "looks.jsonl")
        assert [looks.take(**TAKEN).number for _ in range(3)] == [1, 2, 3]
        assert looks.next(**SPAN, budget=0.05).number == 4

    def test_research_that_read_the_rows_counts_as_looks(self, tmp_path):
        looks = Looks(tmp_path / "looks.jsonl")
        assert looks.take(**TAKEN, seen=4).number == 5
        assert looks.next(**SPAN, budget=0.05, seen=4).number == 6

    def test_a_budget_is_never_raised(self, tmp_path):
        looks = Looks(tmp_path / "looks.jsonl")
        assert looks.take(**TAKEN).level == level(0.05, 1)
        assert looks.take(**{**TAKEN, "budget": 0.5}).level == level(0.05, 2)
        assert looks.take(**{**TAKEN, "budget": 0.01}).level == level(0.01, 3)

    def test_looks_at_one_time_have_numbers_of_their_own(self, tmp_path):
        looks = Looks(tmp_path / "looks.jsonl")
        with ThreadPoolExecutor(8) as pool:
            numbers = list(pool.map(lambda _: looks.take(**TAKEN).number, range(40)))
        assert sorted(numbers) == list(range(1, 41))

    @pytest.mark.parametrize(
        ("other", "counted"),
        [
            ({"data_id": "renamed"}, 1),
            ({"source": {"name": "csv"}}, 1),
            ({"data_id": "renamed", "first": date(2020, 12, 31), "last": date(2021, 3, 1)}, 1),
            ({"data_id": "renamed", "first": date(2021, 1, 1), "last": date(2021, 3, 1)}, 0),
            ({"data_id": "renamed", "source": {"name": "csv"}}, 0),
            ({"data_id": "renamed", "source": {"name": "bundled", "symbols": '["AAPL"]'}}, 1),
            ({"data_id": "renamed", "source": {"name": "bundled", "timeout": "1"}}, 1),
            ({"data_id": "renamed", "source": {}}, 0),
        ],
    )
    def test_which_count(self, tmp_path, other, counted):
        looks = Looks(tmp_path / "looks.jsonl")
        looks.take(**TAKEN)
        assert looks.next(**{**SPAN, **other}, budget=0.05).number == counted + 1

    def test_a_look_from_before_budgets_were_kept_counts(self, tmp_path):
        looks = Looks(tmp_path / "looks.jsonl")
        looks.log.append({**{name: str(value) for name, value in SPAN.items()}, "look": 1})
        assert looks.next(**SPAN, budget=0.05) == Look(2, 0.05)

    def test_a_record_that_was_cut_off_is_noticed(self, tmp_path):
        looks = Looks(tmp_path / "looks.jsonl")
        for _ in range(2):
            looks.take(**TAKEN)
        looks.path.write_text(looks.path.read_text().splitlines()[0] + "\n")
        with pytest.raises(DataError) as caught:
            looks.take(**TAKEN)
        assert caught.value.code == "looks_tampered"


class TestOrigin:
    def test_every_spelling_of_a_path_is_the_same(self, tmp_path, monkeypatch):
        bars = tmp_path / "bars"
        bars.mkdir()
        (tmp_path / "link").symlink_to(bars)
        monkeypatch.chdir(tmp_path)
        found = [origin(source.bind({"name": "csv", "path": path, "prices": "adjusted"}))
                 for path in ("bars", "./bars/", "link", str(bars), "bars/../bars")]  # fmt: skip
        assert all(each == found[0] for each in found)

    def test_how_a_file_is_read_does_not_matter(self):
        plain, late = ({"name": "csv", "path": "bars", "prices": "adjusted", "delay": delay} for delay in ("0s", "1h"))
        assert origin(source.bind(plain)) == origin(source.bind(late))

    def test_how_a_network_is_asked_does_not_matter(self):
        plain, patient = ({"name": "yfinance", "symbols": ["SPY"], "timeout": time} for time in (1.0, 9.0))
        assert origin(source.bind(plain)) == origin(source.bind(patient))

    @pytest.mark.parametrize(
        ("one", "other", "common"),
        [
            ({"symbols": ["A", "B"]}, {"symbols": ["B", "C"]}, True),
            ({"symbols": ["A", "B"]}, {"symbols": ["C"]}, False),
            ({"symbols": ["A"]}, {}, True),
            ({}, {}, True),
        ],
    )
    def test_symbols_of_one_source_overlap_where_they_share_one(self, one, other, common):
        found = [origin(source.bind({"name": "bundled", **symbols})) for symbols in (one, other)]
        assert overlap(*found) is overlap(*found[::-1]) is common

    def test_a_folder_holds_its_files_and_a_name_may_be_in_any_case(self, tmp_path):
        whole, part, other = ({"path": str(tmp_path / name)} for name in ("bars", "bars/a.csv", "bars2"))
        assert overlap(whole, part)
        assert overlap(part, whole)
        assert not overlap(whole, other)
        one, same = ({"name": "yfinance", "symbols": f'["{name}"]'} for name in ("SPY", "spy"))
        assert overlap(one, same)

    def test_symbols_that_nobody_can_read_may_be_any(self):
        """A record holds what was written before it was checked; it must not end the count."""
        for odd in ("AAPL", '"AAPL"', "{}"):
            assert overlap({"name": "bundled", "symbols": odd}, {"name": "bundled", "symbols": '["MSFT"]'})

    def test_a_file_beside_the_bars_changes_nothing(self):
        bars, other = ({"path": path} for path in ("/bars", "/others"))
        assert overlap(bars, {**bars, "actions": "/actions"})
        assert not overlap({**other, "actions": "/actions"}, {**bars, "actions": "/actions"})
        assert not overlap(bars, {"name": "csv"})
        assert not overlap({}, {})

    def test_invented_markets_differ(self):
        one, other = (origin(source.bind({"name": "synthetic", "seed": seed})) for seed in (1, 2))
        assert one != other


def test_noise_passes_as_often_as_the_level_says():
    rng = np.random.default_rng(3)
    for alpha in (0.025, 0.1):
        passed = np.mean([lower_bound(rng.normal(0, 0.1, 250), alpha, horizon=1) > 0 for _ in range(600)])
        assert abs(passed - alpha) < 4 * np.sqrt(alpha * (1 - alpha) / 600) + 0.01


def test_the_ic_of_sealed_cells_reads_no_other():
    rng = np.random.default_rng(0)
    signal, realised = rng.normal(size=(2, 5, 8))
    hidden = np.zeros((5, 8), bool)
    hidden[2:, :4] = True
    ic = sealed_ic(signal, realised, hidden)
    assert np.isnan(ic[:2]).all()
    signal[:, 4:] = 0
    np.testing.assert_array_equal(sealed_ic(signal, realised, hidden), ic)


class TestGate:
    """The registered gate: it judges what one look showed, and waits until there is a look."""

    IC = np.r_[np.nan, np.random.default_rng(0).normal(0.05, 0.1, 400)]

    def judged(self, opened, **params):
        return gate.bind({"name": "holdout", **params})().judge("holdout", opened)

    def test_the_lower_bound_at_the_level_of_the_look_must_be_above_the_limit(self):
        opened = Opened(Look(2, 0.05), self.IC, horizon=15, sealed=4, names=20)
        low = lower_bound(self.IC, level(0.05, 2), horizon=15)
        assert low != lower_bound(self.IC, level(0.05, 2), horizon=1)
        note = f"IC {np.nanmean(self.IC):.4f} over 400 sealed days; 4 of 20 names sealed; look 2 at level 0.0083"
        assert self.judged(opened) == Verdict("holdout", True, low, 0.0, ">", note)
        assert opened.metrics == {"holdout_ic": np.nanmean(self.IC), "holdout_ic_low": low, "holdout_looks": 2.0}
        at = self.judged(opened, limit=low)
        assert (at.passed, at.limit) == (False, low)
        assert self.judged(opened, limit=float(np.nextafter(low, -1))).passed
        assert not self.judged(Opened(Look(2, 0.05), -self.IC, horizon=3)).passed

    def test_where_only_sessions_are_sealed_no_names_are_counted(self):
        assert "sealed days; look 1 at level 0.025" in str(Opened(Look(1, 0.05), self.IC, horizon=1, names=20))

    @pytest.mark.filterwarnings("error")
    def test_without_an_ic_nothing_passes(self):
        opened = Opened(Look(1, 0.05), np.full(9, np.nan), horizon=1)
        assert np.isnan([opened.mean, opened.lower]).all()
        assert not self.judged(opened).passed

    def test_it_judges_wherever_data_are_sealed(self, sealed, small, small_yaml):
        assert [each.name for each in sealed.judges] == [*(each.name for each in small.gates), "holdout"]
        assert small.judges == small.gates
        stricter = load(small_yaml, (), [*SEALED, "gates=[{name: holdout, limit: 0.01}, {name: ic}]"])
        assert stricter.judges == stricter.gates
        assert stricter.judges[0].params == {"limit": 0.01}

    def test_it_cannot_be_asked_for_where_nothing_is_sealed(self, small_yaml):
        with pytest.raises(ConfigError, match=r"gates: holdout: no data are sealed .*give the section `holdout`"):
            load(small_yaml, (), ["gates=[holdout]"])


@pytest.fixture(scope="module")
def found(small_yaml, tmp_path_factory):
    """What research finds where a part is sealed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("found"))
        return research(load(small_yaml, (), SEALED))


class TestOpening:
    def test_a_planted_edge_passes_and_the_look_is_recorded(self, sealed, found, capsys):
        assert found.best.passed, "\n".join(map(str, found.best.gates))
        kept = blessing.keep(found, found.best, reason="a test")
        assert Blessings(control.models_root(sealed)).current == kept.blessed
        (line,) = Looks(sealed.paths.looks).log.read()
        assert (line["number"], line["reason"], line["model"]) == (1, "a test", "linear_v1")
        show.looked(kept)
        assert "PASS  holdout" in capsys.readouterr().out
        assert "looks so far 1" in opening.state(sealed, found.panel.id)

    def test_research_reports_it_as_not_judged(self, found, capsys):
        assert found.best.waiting == ("holdout",)
        assert "holdout" not in [verdict.gate for verdict in found.best.gates]
        show.study(found, metrics=False)
        assert "\n  ----  holdout                      not judged: blessing opens it\n" in capsys.readouterr().out

    def test_once_judged_it_waits_no_longer(self, sealed, found, capsys):
        judged = opening.opened(found, found.best)
        assert (judged.waiting, judged.gates[:-1], judged.gates[-1].gate) == ((), found.best.gates, "holdout")
        assert judged.scorecard.metrics["holdout_ic_low"] == judged.gates[-1].value
        assert opening.opened(found, judged) is judged, "a look is taken once"
        show.study(replace(found, candidates=(judged,)), metrics=False)
        assert "----" not in capsys.readouterr().out

    def test_a_candidate_it_has_not_judged_cannot_be_blessed(self, sealed, found):
        with pytest.raises(GateFailed, match="was not judged by holdout, so it cannot be blessed") as caught:
            promote(found.best, sealed.resolved(), blessing.models_root(sealed))
        assert caught.value.code == "not_judged"
        assert not blessing.models_root(sealed).exists()

    def test_a_limit_of_ones_own_judges(self, sealed, found, small_yaml):
        strict = load(small_yaml, (), [*SEALED, "gates=[{name: ic}, {name: holdout, limit: 0.9}]"])
        judged = opening.opened(replace(found, config=strict), found.best)
        assert (judged.gates[-1].passed, judged.gates[-1].limit) == (False, 0.9)

    def test_its_report_is_judged_by_it(self, sealed, found):
        """Before the look by every other gate alone; afterwards by the recorded bound too, sealed or not."""
        report = str(studies.write_report(found))
        assert "holdout" not in [verdict.gate for verdict in studies.validate(sealed, report)[1]]
        judged = opening.opened(found, found.best)
        studies.write_report(replace(found, candidates=(judged,)))
        bare = sealed.model_copy(update={"holdout": None})
        for cfg in (sealed, bare):
            assert studies.validate(cfg, report)[1][-1] == judged.gates[-1]
        strict = sealed.model_copy(update={"gates": (gate.bind({"name": "holdout", "limit": 0.9}),)})
        (verdict,) = studies.validate(strict, report)[1]
        assert (verdict.passed, verdict.limit) == (False, 0.9)
        assert verdict.note.endswith("; the report was judged with > 0")

    def test_what_failed_a_gate_is_not_looked_at(self, sealed, found):
        failed = replace(found.best, gates=tuple(replace(gate, passed=False) for gate in found.best.gates))
        assert opening.opened(found, failed) is failed
        assert not sealed.paths.looks.exists()

    def test_an_edge_that_ended_is_not_blessed(self, sealed, found, monkeypatch):
        noise = np.random.default_rng(0)
        predict = type(found.best.bundle).predict
        monkeypatch.setattr(
            type(found.best.bundle), "predict",
            lambda bundle, values, tradable: noise.normal(size=predict(bundle, values, tradable).shape),
        )  # fmt: skip
        monkeypatch.setattr(opening, "predict", lambda model, values, tradable: noise.normal(size=tradable.shape))
        kept = blessing.keep(found, found.best)
        assert not kept.holdout.passed
        with pytest.raises(GateFailed, match="holdout"):
            kept.blessed  # noqa: B018
        assert Looks(sealed.paths.looks).log.read()

    def test_research_before_the_seal_was_put_on_counts_as_looks(self, sealed, small, found, capsys):
        read_all = research(small.model_copy(update={"paths": sealed.paths}))
        seen = len({candidate.bundle.name for candidate in read_all.candidates})
        assert f"looks so far {seen}, {seen} of them by trials" in opening.state(sealed, found.panel.id)
        assert f"look {seen + 1} " in opening.opened(found, found.best).gates[-1].note

    def test_what_was_opened_is_told(self, sealed, found):
        hidden = [name for name in sealed.panel(sealed.end, Key("to test it"))[0].symbols if sealed.source.hides(name)]
        assert f"{len(hidden)} of " in opening.opened(found, found.best).gates[-1].note

    def test_every_look_makes_the_next_harder(self, sealed, found):
        values = [opening.opened(found, found.best).gates[-1].value for _ in range(3)]
        assert values[0] > values[1] > values[2]

    def test_sealed_names_are_predicted_by_models_that_never_saw_them(self, sealed, found, monkeypatch):
        learned = []
        fit = opening.fit
        monkeypatch.setattr(opening, "fit", lambda plugin, features, label, mask, **given: (
            learned.append(mask), fit(plugin, features, label, mask, **given))[1])  # fmt: skip
        opening.opened(found, found.best)
        panel = sealed.panel(sealed.end, Key("to test it"))[0]
        hidden = [number for number, name in enumerate(panel.symbols) if sealed.source.hides(name)]
        assert len(learned) == len(found.folds)
        assert not any(mask[:, hidden].any() for mask in learned)


class TestPaper:
    def test_nothing_is_traded_on_sealed_sessions(self, sealed):
        with pytest.raises(ConfigError, match="not after the sealed sessions") as caught:
            papering.clock(sealed, papering.bars(sealed), Wanted(start="2001-04-30"), plain)
        assert caught.value.code == "sealed"
        cfg = sealed.model_copy(update={"paper": sealed.paper.model_copy(update={"sessions": 1000})})
        history, bars = papering.clock(cfg, papering.bars(cfg), Wanted(), plain).after(None)
        assert history.times[-1].date() == date(2001, 4, 30)
        assert next(iter(bars)).time.date() == date(2001, 5, 1)

    def test_there_must_be_a_session_after_them(self, sealed):
        cfg = sealed.model_copy(update={"paper": sealed.paper.model_copy(update={"end": date(2001, 4, 30)})})
        with pytest.raises(DataError, match="no bar after the sealed sessions") as caught:
            papering.clock(cfg, papering.bars(cfg), Wanted(), plain).after(None)
        assert caught.value.code == "no_bars"

    @pytest.mark.parametrize("opened", ["holdout=null", "end=2001-03-01", "source.calendar=XNAS"])
    def test_a_seal_that_is_taken_off_afterwards_still_holds_for_what_was_made_under_it(
        self, sealed, found, small_yaml, opened
    ):
        """Or a shadow run shows what a candidate earns on its sealed sessions, and no look is counted."""
        save(found.best, sealed.resolved(), candidates_root(sealed))
        also = [] if "holdout" in opened else ["holdout=null"]
        cfg = load(small_yaml, (), [*also, opened, "paper.sessions=1000"])
        chosen = papering.choose(cfg, Wanted(shadow=True))
        assert chosen.sealed == date(2001, 4, 30)
        with pytest.raises(ConfigError, match="not after the sealed sessions, which end 2001-04-30"):
            papering.paper(cfg, Wanted(shadow=True, start="2001-04-02"), plain)
        _, bars = papering.clock(cfg, papering.bars(cfg), Wanted(), plain, chosen.sealed).after(None)
        assert next(iter(bars)).time.date() == date(2001, 5, 1)

    def test_a_seal_is_on_its_own_source(self, sealed, found, small_yaml):
        save(found.best, sealed.resolved(), candidates_root(sealed))
        other = load(small_yaml, (), ["source.seed=99"])
        assert papering.choose(other, Wanted(shadow=True)).sealed is None
