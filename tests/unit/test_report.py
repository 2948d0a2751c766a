"""The report of a run of research: what is kept, what is refused, and the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from html.parser import HTMLParser

import jsonschema
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from alpha.core.errors import DataError
from alpha.core.nouns import Fold, Label, Scorecard, Verdict
from alpha.report.evaluation import (
    Evaluation,
    FindingCount,
    FoldSpan,
    LabelSpec,
    ModelResult,
    Span,
    read,
    schema,
    write,
)
from alpha.report.figures import HOW
from alpha.report.html import render, write_html
from alpha.report.page import MISSING, Html, number, plain, safe, table
from alpha.report.verdicts import prose, shortfall

TIMES = pd.date_range("2019-01-01 21:00", periods=1_000, tz="UTC")
LUCK = {"sharpe": 0.8, "sharpe_expected_max": 0.02, "deflated_sharpe": 0.9, "pbo": 0.25, "trials_effective": 3.0}
INTERVALS = {"ic": (0.001, 0.0236), "hit_rate": (0.495, np.nan), "sharpe": (0.3, 1.3)}
FIGURES = 14  # of a model, and that of all models twice: wide and narrow
HOSTILE = "<script>alert('x')</script>&\""


def card(model: str = "linear_v1", seed: int = 1, **metrics: float) -> Scorecard:
    rng = np.random.default_rng(seed)
    net = 0.01 * rng.standard_normal(len(TIMES))
    equity = np.cumprod(1 + net)
    years = [{"year": year, "ic": 0.02, "hit_rate": 0.52, "hit_base_rate": 0.51, "net_return": 0.1, "predictions": 99.0}
             for year in (2019, 2020, 2021)]  # fmt: skip
    series = {
        "ic": pd.Series(rng.standard_normal(len(TIMES)), TIMES),
        "net_returns": pd.Series(net, TIMES),
        "equity": pd.Series(equity, TIMES),
        "drawdown": pd.Series(1 - equity / np.maximum.accumulate(equity), TIMES),
        "turnover": pd.Series(rng.random(len(TIMES)), TIMES),
        "quantile_returns": pd.Series([-0.001, 0.0, 0.001], index=[1, 2, 3]),
        "ic_rolling": pd.DataFrame({"mean": 0.01, "low": [-0.01] * 750 + [0.002] * 250, "high": 0.03}, TIMES),
        "ic_cumulative": pd.DataFrame({"sum": np.arange(1_000) / 100, "low": -1.0, "high": 20.0}, TIMES),
        "quantile_growth": pd.DataFrame({1: -net.cumsum(), 2: 0.0, 3: net.cumsum() + 0.5}, TIMES),
        "ic_decay": parts([1, 2, 3], 0.01, 0.03, 0.02),
        "ic_by_year": parts([2019, 2020, 2021], 0.02, -0.01, np.nan),
        "ic_by_part": parts(pd.MultiIndex.from_tuples([("sector", "Energy"), ("sector", "Health")]), 0.02, 0.01),
        "pbo_logits": pd.Series(rng.standard_normal(500)),
    }
    values = {"ic": 0.0123, "ic_low": 0.001, "ic_high": 0.0236, "hit_rate": 0.51, "max_drawdown": 0.2, "oddness": 3.5}
    baselines = {"momentum": {"ic": 0.01, "hit_rate": 0.5}}
    folds = [{"fold": 0, "test_start": "2019-06-01", "ic": np.float64(0.02), "ic_low": -0.02, "ic_high": 0.06,
              "hit_rate": 0.51, "hit_base_rate": 0.5, "train_rows": np.int64(200)}]  # fmt: skip
    return Scorecard(model, values | LUCK | metrics, baselines, years, folds, series, INTERVALS)


def parts(index: object, *ic: float) -> pd.DataFrame:
    return pd.DataFrame({"ic": ic, "low": np.array(ic) - 0.01, "high": np.array(ic) + 0.01}, index)


PASSES = Verdict("turnover", True, 0.24, 2.0, "<=")
FAILS = Verdict("ic", False, 0.0123, 0.02)


def evaluation(**changes: object) -> Evaluation:
    fold = Fold(0, np.arange(100), np.arange(110, 200), np.datetime64("2019-04-15T21:00:00.123456789", "ns"))
    values = {
        "created": datetime(2026, 1, 5, 12, tzinfo=UTC),
        "run": "world-1",
        "source": {"name": "bundled"},
        "span": Span(start=TIMES[0], end=TIMES[-1], sessions=len(TIMES), symbols=20),
        "label": LabelSpec(name="forward", horizon=5, entry="next_close", fills="At the next close."),
        "folds": (FoldSpan.of(fold, TIMES),),
        "broker": {"name": "simulated", "fee_bps": 1.0},
        "config_id": "c0ffee",
        "data_id": "da7a",
        "code_id": "c0de",
        "environment": {"python": "3.11.9"},
        "command": "make research",
        "findings": (FindingCount(code="spike", kind="warning", count=2, examples=("AMD 2016-04-22: +52 %",)),),
        "models": (ModelResult.of(card(), [PASSES, FAILS], blessed=False, trials=3),),
        "chosen": "linear_v1",
    }
    return Evaluation.model_validate(values | changes)


@cache
def page() -> str:
    return page_of(evaluation(), linear_v1=card())


def page_of(given: Evaluation, **cards: Scorecard) -> str:
    return render(given, cards, {"momentum": card(seed=2).series["equity"]})


class TestFile:
    def test_what_is_written_is_read_back(self, tmp_path):
        path = write(evaluation(), tmp_path / "reports" / "run")
        assert path.name == "alpha_eval.json"
        assert read(path) == read(path.parent) == evaluation()
        assert [file.name for file in path.parent.iterdir()] == ["alpha_eval.json"]

    def test_it_is_valid_against_the_schema(self, tmp_path):
        values = json.loads(write(evaluation(), tmp_path).read_text())
        validator = jsonschema.Draft202012Validator(schema())
        validator.check_schema(schema())
        validator.validate(values)
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(values | {"surprise": 1})

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float64("nan")])
    def test_what_is_not_finite_is_null(self, tmp_path, value):
        gates = [Verdict("ic", False, value, 0.02)]
        given = evaluation(models=(ModelResult.of(card(ic=value), gates, blessed=False, trials=1),))
        text = write(given, tmp_path).read_text()
        model = json.loads(text, parse_constant=pytest.fail)["models"][0]
        assert model["metrics"]["ic"] is None
        assert model["gates"][0]["value"] is None
        assert read(tmp_path) == given

    def test_numpy_and_times_become_plain(self):
        rows = [{"fold": np.int64(3), "ic": np.float32(0.5), "cutoff": TIMES[0], "ok": np.True_, "end": pd.NaT}]
        kept = ModelResult.of(replace(card(), by_fold=rows), [], blessed=False, trials=1).by_fold[0]
        assert kept == {"fold": 3, "ic": 0.5, "cutoff": "2019-01-01T21:00:00+00:00", "ok": True, "end": None}
        assert [type(kept[key]) for key in ("fold", "ic", "ok")] == [int, float, bool]

    def test_times_are_utc(self):
        elsewhere = datetime(2026, 1, 5, 13, tzinfo=timezone(timedelta(hours=1)))
        assert evaluation(created=elsewhere).created.isoformat() == "2026-01-05T12:00:00+00:00"
        with pytest.raises(ValidationError, match="created"):
            evaluation(created=datetime(2026, 1, 5, 12))

    def test_a_fold_is_described_by_its_days(self):
        fold = evaluation().folds[0]
        assert (str(fold.train_start), str(fold.train_end)) == ("2019-01-01", "2019-04-10")
        assert (str(fold.test_start), str(fold.test_end)) == ("2019-04-21", "2019-07-19")
        assert fold.cutoff.isoformat() == "2019-04-15T21:00:00.123456+00:00"

    def test_intervals_are_kept(self, tmp_path):
        write(evaluation(), tmp_path)
        kept = read(tmp_path).models[0].intervals
        assert kept == {"ic": (0.001, 0.0236), "hit_rate": (0.495, None), "sharpe": (0.3, 1.3)}

    @pytest.mark.parametrize(("entry", "said"), [("next_open", "open of bar t + 1"), ("next_close", "a leak")])
    def test_a_label_says_where_it_fills(self, entry, said):
        label = Label("forward", np.zeros((1, 1)), np.array(["2020-01-02"], "M8[ns]"), 5, entry)
        assert said in LabelSpec.of(label).fills


class TestRefusals:
    def broken(self, tmp_path, change) -> str:
        values = json.loads(write(evaluation(), tmp_path).read_text())
        change(values)
        (tmp_path / "alpha_eval.json").write_text(json.dumps(values))
        with pytest.raises(DataError) as error:
            read(tmp_path)
        assert error.value.code == "report_invalid"
        return str(error.value)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda v: v["models"][0]["metrics"].update(ic="high"), "models.0.metrics.ic: .*it was 'high'"),
            (lambda v: v["models"][0]["metrics"].update(ic="0.03"), "models.0.metrics.ic"),
            (lambda v: v["models"][0]["metrics"].update(ic=True), "models.0.metrics.ic"),
            (lambda v: v["span"].update(sessions=-1), "span.sessions"),
            (lambda v: v["span"].update(sessions="9" * 99), "span.sessions: .*\\.\\.\\."),
            (lambda v: v["span"].update(end="1999-01-01"), "span: end .* must not be before start"),
            (lambda v: v.update(schema_version=3), "schema_version"),
            (lambda v: v.pop("data_id"), "data_id is missing"),
            (lambda v: v.update(chosn="x"), "no field chosn; did you mean 'chosen'"),
            (
                lambda v: v["models"][0]["gates"][0].update(limt=1),
                "no field models.0.gates.0.limt; did you mean 'limit'",
            ),
            (lambda v: v.update(chosen="other"), "chosen: expected one of linear_v1, but it was 'other'"),
            (lambda v: v["models"].append(v["models"][0]), "models: each name must occur once"),
            (lambda v: v.update(models=[]), "models: "),
            (lambda v: v["models"][0].update(blessed=True), "linear_v1 cannot be blessed; failed: ic"),
            (lambda v: v["models"][0].update(blessed=True, gates=[]), "cannot be blessed; failed: no gate ran"),
            (lambda v: v["models"][0]["gates"][0].update(value=None), "turnover cannot pass without a value"),
            (lambda v: v["models"][0]["gates"][0].update(relation="~"), "models.0.gates.0.relation"),
            (lambda v: v["label"].update(entry="same_close"), "label.entry"),
        ],
    )
    def test_every_refusal_names_the_field(self, tmp_path, change, said):
        assert re.search(said, self.broken(tmp_path, change))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "not a JSON report"),
            ('{"run": NaN}', "NaN is not JSON; .* null"),
            ('{"run": "a", "b": 1, "run": "b"}', "'run' occurs twice"),
            ("[" * 100_000, "not a JSON report"),
            ("[]", "the whole report: "),
        ],
    )
    def test_what_is_no_report(self, tmp_path, text, said):
        (tmp_path / "alpha_eval.json").write_text(text)
        with pytest.raises(DataError, match=said):
            read(tmp_path)

    def test_bytes_that_are_no_text(self, tmp_path):
        (tmp_path / "alpha_eval.json").write_bytes(b"\xff\xfe\x00{")
        with pytest.raises(DataError, match="not a JSON report"):
            read(tmp_path)

    def test_no_file(self, tmp_path):
        with pytest.raises(DataError, match="No such file") as error:
            read(tmp_path / "alpha_eval.json")
        assert error.value.code == "report_invalid"

    def test_a_report_is_frozen(self):
        with pytest.raises(ValidationError):
            evaluation().run = "other"  # type: ignore[misc]


class TestWords:
    @pytest.mark.parametrize(
        ("value", "limit", "relation", "passed", "margin", "said"),
        [
            (0.0123, 0.02, ">=", False, -0.0077, "IC is 0.0123, 0.0077 below the limit of 0.02"),
            (0.03, 0.02, ">=", True, 0.01, "IC is 0.03, 0.01 above the limit of 0.02"),
            (2.5, 2.0, "<=", False, -0.5, "IC is 2.5, 0.5 above the limit of 2"),
            (1.5, 2.0, "<", True, 0.5, "IC is 1.5, 0.5 below the limit of 2"),
            (0.0, 0.0, ">", False, 0.0, "IC is 0, at the limit of 0"),
            (0.5, 0.0, "==", False, -0.5, "IC is 0.5, 0.5 above the limit of 0"),
            (np.nan, 0.02, ">=", False, np.nan, "IC has no finite value; the limit is ≥ 0.02"),
            (0.5, np.nan, ">=", False, np.nan, "IC is 0.5, – the limit of –"),
            (0.1, 0.0, "<=", False, -0.1, "IC is 0.1, 0.1 above the limit of 0"),
        ],
    )
    def test_by_how_much(self, value, limit, relation, passed, margin, said):
        verdict = Verdict("ic", passed, value, limit, relation)
        assert verdict.margin == pytest.approx(margin, nan_ok=True)
        assert shortfall(verdict) == said

    def test_without_a_value_the_note_says_why(self):
        verdict = Verdict("no_lookahead", False, np.nan, 0.0, "<=", "needs a panel", "property")
        assert shortfall(verdict) == "No lookahead has no finite value; needs a panel"

    @pytest.mark.parametrize(
        ("name", "said"), [("ic_lower_bound", "IC lower bound"), ("hit_rate", "Hit rate"), ("min_ic", "Min IC")]
    )
    def test_names(self, name, said):
        assert prose(name) == said

    @pytest.mark.parametrize(
        ("value", "said"),
        [(None, MISSING), (np.nan, MISSING), (0.012346, "0.01235"), (-3, "−3"), (125_220.0, "125,220"),
         (12_345.6, "12,346"), (True, "True"), ("x", "x")],
    )  # fmt: skip
    def test_plain(self, value, said):
        assert plain(value) == said

    def test_numbers(self):
        assert number(1, scale=100, unit=" %", sign="+")(-0.0555) == "−5.5 %"
        assert number(2)(None) == number(2)(np.inf) == MISSING


class Parser(HTMLParser):
    """Every tag that is opened is closed, in order; remembers what the page would load."""

    VOID = frozenset({"meta", "br", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.loaded += [value for key, value in attrs if key in ("src", "href") and not value.startswith("#")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.loaded += [value for key, value in attrs if key in ("src", "href") and not value.startswith("#")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def gate_rows(text: str) -> dict[str, str]:
    """Return the rows of the first table of gates by the names of the gates."""
    body = text[text.index('<table class="gates">') :]
    rows = re.findall(r"<tr><td>(.*?)</tr>", body[: body.index("</table>")])
    return {re.split(r" ?<", row)[0]: row for row in rows}


class TestPage:
    def test_it_is_one_file_that_loads_nothing(self):
        parsed = Parser(page())
        assert parsed.open == []
        assert parsed.loaded == []
        assert not {"script", "link", "img", "iframe"} & set(parsed.seen)
        assert parsed.seen.count("svg") == FIGURES + 1
        assert not re.search(r"https?://|url\((?!#)|@import", page())

    def test_equal_inputs_give_equal_bytes(self, tmp_path, monkeypatch):
        first = page()
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
        cards = {"linear_v1": card()}
        path = write_html(evaluation(), cards, {"momentum": card(seed=2).series["equity"]}, tmp_path / "run")
        assert path.read_bytes().decode() == first

    def test_long_series_stay_small(self):
        times = pd.date_range("1960-01-01", periods=16_000, tz="UTC")
        rng = np.random.default_rng(0)
        series = {
            name: pd.Series(rng.random(len(times)) + 1, times) for name in ("ic", "equity", "drawdown", "turnover")
        }
        band = pd.DataFrame(rng.random((len(times), 3)), times, ["mean", "low", "high"])
        series |= {"ic_rolling": band, "ic_cumulative": band.rename(columns={"mean": "sum"}),
                   "quantile_growth": pd.DataFrame(rng.random((len(times), 5)), times)}  # fmt: skip
        cards = {name: replace(card(name), series=series) for name in "abc"}
        models = tuple(ModelResult.of(given, [PASSES], blessed=False, trials=1) for given in cards.values())
        text = render(evaluation(models=models, chosen="b"), cards, dict.fromkeys("xyz", series["equity"]))
        assert len(text.encode()) < 700_000

    def test_the_verdict_is_in_words(self):
        text = page()
        assert "✗ NOT BLESSED" in text
        assert "IC is 0.0123, 0.0077 below the limit of 0.02" in text
        assert "1 of 2 gates passed" in text
        blessed = ModelResult.of(card("a"), [PASSES], blessed=True, trials=3, bundle="a/1")
        waiting = ModelResult.of(card("b"), [PASSES], blessed=False, trials=3)
        text = page_of(evaluation(models=(waiting, blessed), chosen="a"))
        assert "✓ BLESSED · best candidate" in text
        assert "Bundle <code>a/1</code>" in text
        assert "All 1 gates passed. It does not trade until it is blessed." in text
        assert text.index("✓ BLESSED") < text.index("✓ PASSED, NOT YET BLESSED")

    def test_it_says_where_fills_happen_and_how_to_reproduce(self):
        text = page()
        for said in ("Where orders fill.</b> At the next close.", "Research is walk-forward", "fee_bps 1", "c0ffee",
                     "da7a", "c0de", "make research", "AMD 2016-04-22: +52 %", "2019-04-15 21:00"):  # fmt: skip
            assert said in text

    def test_it_says_what_the_returns_leave_out_and_what_is_invented(self):
        assert "Fees for borrowed shares" in page()
        assert "those that failed are missing" in page()
        drawn = page_of(evaluation(source={"name": "synthetic", "seed": 7}))
        assert "synthetic, an invented market" in drawn
        assert "invented market" not in page_of(evaluation(source={"name": "csv", "path": "bars.csv"}))

    def test_intervals_stand_below_their_metric(self):
        text = page()
        assert '0.0123<small class="below">0.0010 to 0.0236</small>' in text
        assert '0.80<small class="below">0.30 to 1.30</small>' in text
        assert "<td>0.5100</td>" in text, "half an interval is none"
        assert "ic low" not in text
        assert "oddness" in text

    def test_each_figure_says_how_to_read_it(self):
        text = page()
        assert text.count("<figcaption>") == text.count("<figure>") == FIGURES
        assert set(HOW) == {"ic_rolling", "ic_cumulative", "ic_decay", "ic_by_year", "ic_by_part", "quantile_returns",
                            "quantile_fan", "hit_by_year", "pbo_logits", "deflation", "return_by_year", "drawdown",
                            "turnover"}  # fmt: skip
        for said in HOW.values():
            assert safe(said.format(bars="5 bars", trials="3.0", ring="")) in text
            assert said.endswith(".")
            assert said.count(". ") == 0, "one sentence"

    def test_figures_say_what_they_found(self):
        text = page()
        for said in ("The yearly IC was clear of zero 25 % of the time", "The daily ICs sum to +10.0",
                     "IC is highest for outcomes of 2 bars", "IC was positive in 1 of 2 years",
                     "IC was positive in 2 of 2 parts of the market", "Top less bottom quantile, summed: ",
                     "Probability of overfitting, all trials together: 25 %",
                     "Of a Sharpe ratio of 0.80, luck may have given 0.32",
                     ):  # fmt: skip
            assert said in text

    @pytest.mark.parametrize(("horizon", "ringed"), [(2, True), (5, False)])
    def test_a_ring_is_promised_where_one_is_drawn(self, horizon, ringed):
        label = LabelSpec(name="forward", horizon=horizon, entry="next_close", fills="At the next close.")
        assert ("in a ring:" in page_of(evaluation(label=label), linear_v1=card())) is ringed

    def test_a_year_of_few_bars_is_hollow_and_not_counted(self):
        whole, times = card(), pd.date_range("2018-12-15 21:00", periods=1_000, tz="UTC")  # 17 days of 2018
        years = parts([2018, 2019, 2020, 2021], 0.5, 0.02, -0.01, 0.01).assign(days=[17, 365, 366, 252])
        rows = [{**whole.by_year[0], "year": 2018, "hit_rate": 0.7}, *whole.by_year]
        series = whole.series | {"ic_by_year": years, "equity": whole.series["equity"].set_axis(times)}
        short = replace(whole, by_year=rows, series=series)
        text = page_of(evaluation(models=(ModelResult.of(short, [], blessed=False, trials=1),)), linear_v1=short)
        for said in ("IC was positive in 2 of 3 years", "Hit rate beat its base rate in 3 of 3 years",
                     "Net return was positive in 3 of 3 years"):  # fmt: skip
            assert f"<h4>{said}</h4>" in text
        assert text.count("hollow and not counted") == 3
        for label in ("IC by year", "Hit rate by year against its base rate", "Net return by year in percent"):
            svg = text[text.index(f'aria-label="{label}"') :].split("</svg>")[0]
            assert re.search(r"fill: none; (opacity: 0.75; )?stroke: var\(--m0\)", svg), label

    def test_one_trial_needs_no_deflation(self):
        lone = card(trials_effective=1.0, sharpe_expected_max=0.0)
        text = page_of(evaluation(models=(ModelResult.of(lone, [], blessed=False, trials=1),)))
        assert "Sharpe ratio 0.80, one effective trial: no deflation" in text
        assert "luck may have given" not in text

    def test_a_fold_shows_its_interval_and_its_base_rate(self):
        text = page()
        assert '0.0200<small class="below">−0.0200 to 0.0600</small>' in text
        assert '0.5100<small class="below">0.5000</small>' in text
        assert '<i class="good range" style="left:33.3%;width:66.7%">' in text
        assert '<i class="good dot" style="left:66.7%">' in text

    @pytest.mark.parametrize("fold", [{}, {"fold": 1, "ic": None}, {"ic": -0.1}, {"ic": 0.0, "ic_low": None}])
    def test_a_fold_without_numbers_is_shown_without(self, fold):
        models = (ModelResult.of(replace(card(), by_fold=[fold]), [], blessed=False, trials=1),)
        assert Parser(page_of(evaluation(models=models))).open == []

    def test_the_holdout_stands_beside_the_trials(self):
        assert "Choosing costs" not in page()
        text = page_of(evaluation(holdout="holdout: none; <b>"))
        assert "Configurations tried on these data so far: 3. Holdout: none; &lt;b&gt;." in text

    def test_a_gate_note_is_shown(self):
        gates = [Verdict("no_lookahead", False, np.nan, 0.1, "==", "column rsi changed at 2020-01-02")]
        text = page_of(evaluation(models=(ModelResult.of(card(), gates, blessed=False, trials=1),)))
        assert "column rsi changed at 2020-01-02" in text
        assert "arrow" not in gate_rows(text)["No lookahead"], "without a value there is nothing to draw"

    def test_a_property_holds_or_says_how_many_speak_against_it(self):
        gates = [Verdict("leakage", True, 0.0, 0.0, "<=", kind="property"),
                 Verdict("no_lookahead", False, 2.0, 0.0, "<=", "rsi changed", "property")]  # fmt: skip
        text = page_of(evaluation(models=(ModelResult.of(card(), gates, blessed=False, trials=1),)))
        rows = gate_rows(text)
        assert "<td>holds</td><td>none against</td><td></td>" in rows["Leakage"]
        assert (
            "<td>2 against it</td><td>none against</td><td></td><td></td><td class=text>rsi changed<"
            in (rows["No lookahead"])
        )
        assert "<li>No lookahead does not hold: 2 against it; rsi changed</li>" in text

    def test_a_comparison_with_a_limit_of_zero_is_no_property(self):
        gates = [Verdict("turnover", False, 0.4, 0.0, "<=", "over by 0.4")]
        text = page_of(evaluation(models=(ModelResult.of(card(), gates, blessed=False, trials=1),)))
        assert "<td>0.4</td><td>≤ 0</td>" in gate_rows(text)["Turnover"]
        assert "<li>Turnover is 0.4, 0.4 above the limit of 0</li>" in text

    @pytest.mark.parametrize(
        ("gate", "value", "limit", "relation", "left", "scale"),
        [
            ("hit_rate", 0.51, 0.52, ">=", 'bad dot" style="left:25.0%', "± 0.02"),
            ("hit_rate", 0.525, 0.52, ">=", 'good dot" style="left:62.5%', "± 0.02"),
            ("pbo", 0.25, 0.5, "<=", 'good dot" style="left:75.0%', "± 0.5"),
            ("ic", 0.12, 0.02, ">=", 'good arrow" style="left:100.0%">▶', "± 0.02"),
            ("net_return_above_baseline", -0.3, 0.0, ">", 'bad arrow" style="left:0.0%">◀', "± 0.1"),
            ("hit_rate_above_base", 0.0, 0.0, ">", 'bad dot" style="left:50.0%', "± 0.02"),
        ],
    )
    def test_a_margin_is_drawn_to_the_scale_of_its_gate(self, gate, value, limit, relation, left, scale):
        result = Verdict(gate, "good" in left, value, limit, relation)
        row = gate_rows(page_of(evaluation(models=(ModelResult.of(card(), [result], blessed=False, trials=1),))))
        (row,) = row.values()
        assert left in row
        assert f"<td>{scale}</td>" in row

    def test_a_gate_without_a_scale_is_told_in_words(self):
        gates = [Verdict("predictions", True, 69_640.0, 100.0), Verdict("of_mine", False, 1.0, 3.0)]
        rows = gate_rows(page_of(evaluation(models=(ModelResult.of(card(), gates, blessed=False, trials=1),))))
        assert "<td></td><td></td><td class=text>69,540 above the limit<" in rows["Predictions"]
        assert 'class="bar"' not in rows["Of mine"]

    def test_gates_on_the_search_say_that_they_are_of_all_trials(self):
        own = page()
        assert "the same under every model; they judge" not in own
        gates = [Verdict("pbo", True, 0.2, 0.5, "<="), Verdict("spa", False, 0.3, 0.05, "<=")]
        text = page_of(evaluation(models=(ModelResult.of(card(), gates, blessed=False, trials=1),)))
        assert "<td>PBO <small>of all trials together</small></td>" in text
        assert "<li>SPA of all trials together is 0.3, 0.25 above the limit of 0.05</li>" in text
        assert "PBO and SPA: of all trials together, the same under every model" in text
        assert "Probability of overfitting (PBO) <small>of all trials together" in own
        assert "Probability of overfitting, all trials together: 25 %" in own

    def test_every_text_is_escaped(self):
        hostile = card(HOSTILE, **{HOSTILE: 1.0})
        hostile = replace(hostile, baselines={HOSTILE + "b": {"ic": 0.0}}, by_fold=[{HOSTILE: HOSTILE}])
        gates = [Verdict(HOSTILE, False, 0.0, 1.0, ">=", HOSTILE)]
        given = evaluation(
            run=HOSTILE,
            source={"name": HOSTILE, HOSTILE: HOSTILE},
            label=LabelSpec(name=HOSTILE, horizon=1, entry="next_open", fills=HOSTILE),
            broker={HOSTILE: HOSTILE},
            environment={HOSTILE: HOSTILE},
            config_id=HOSTILE, data_id=HOSTILE, code_id=HOSTILE, command=HOSTILE,
            findings=(FindingCount(code=HOSTILE, kind="warning", count=1, examples=(HOSTILE,)),),
            models=(ModelResult.of(hostile, gates, blessed=False, trials=1, bundle=HOSTILE),),
            chosen=HOSTILE,
        )  # fmt: skip
        text = render(given, {HOSTILE: hostile}, {HOSTILE + "b": hostile.series["equity"]})
        assert "<script" not in text
        parsed = Parser(text)
        assert parsed.open == []
        assert "script" not in parsed.seen

    def test_quantiles_that_cannot_be_compared(self):
        cards = {"linear_v1": replace(card(), series={"quantile_returns": pd.Series([np.nan, 0.1])})}
        assert "Quantile returns" in page_of(evaluation(), **cards)
        assert "Top less bottom quantile: +20.0 bps" in page()

    def test_it_survives_no_series_no_folds_no_findings(self):
        bare = Scorecard("linear_v1", {"ic": np.nan}, {}, [], [])
        models = (ModelResult.of(bare, [], blessed=False, trials=0),)
        given = evaluation(models=models, folds=(), findings=(), broker={})
        for cards in ({}, {"linear_v1": bare}):
            text = render(given, cards, {})
            assert text.count("no data") == FIGURES + 1
            assert "The sanity checks found nothing." in text
            assert Parser(text).open == []

    def test_markup_passes_once(self):
        assert safe(Html("<b>")) == "<b>"
        assert safe("<b>") == "&lt;b&gt;"
        assert "&lt;b&gt;" in table(["<b>"], [])
