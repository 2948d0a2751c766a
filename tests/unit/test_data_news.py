import re
import sys
from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alpha.core.calendar import Calendar
from alpha.core.errors import ConfigError, DataError
from alpha.core.panel import Panel
from alpha.data import aggregate, load_panel, scorer, source
from alpha.data.fields.news import FIELDS, novelty

NYSE = Calendar()
DAYS = NYSE.sessions("2010-01-04", "2010-01-15")
TIMES = NYSE.closes(DAYS)
PANEL = Panel(TIMES, ("AA", "BB"), {"close": np.ones((len(DAYS), 2))})
SHARED = Path(__file__).parents[2].parent / "shared/data"
NAN = float("nan")
SECOND, DAY = pd.Timedelta("1s"), 86_400 * 10**9
GOOD, BAD = "profits are great and the outlook is excellent", "a terrible loss, the worst of all disasters"


def table(*rows):
    frame = pd.DataFrame(rows, columns=["known_at", "symbol", "text"])
    return frame.assign(known_at=pd.to_datetime(frame["known_at"], utc=True))


def summed(frame, tmp_path, panel=PANEL, **params):
    path = tmp_path / "news.parquet"
    frame.to_parquet(path)
    result, findings = aggregate.bind({"name": "news", "path": path, **params})(panel, NYSE)
    assert findings == []
    return result


def score(text):
    return float(scorer.bind("vader")([text])[0])


def same(got, expected):
    np.testing.assert_array_equal(got, np.array(list(expected), float))


# when a text counts


def test_a_text_counts_in_the_first_bar_that_closes_at_or_after_it(tmp_path):
    at = TIMES[3]
    frame = table((TIMES[0], "AA", "x"), (at - SECOND, "AA", GOOD), (at, "AA", GOOD), (at + SECOND, "AA", BAD))
    got = summed(frame, tmp_path)
    same(got["news_count"][:, 0], [NAN, 0, 0, 2, 1, 0, 0, 0, 0, 0])
    same(got["news_sentiment"][3:5, 0], [score(GOOD), score(BAD)])
    assert score(BAD) < -0.5 < 0.5 < score(GOOD)


def test_a_text_of_the_weekend_counts_on_monday(tmp_path):
    frame = table((pd.Timestamp("2010-01-09 12:00", tz="UTC"), "AA", GOOD))
    same(summed(frame, tmp_path)["news_count"][:, 0], [NAN] * 5 + [1, 0, 0, 0, 0])


def test_before_a_symbols_first_text_nothing_is_known_and_after_it_silence_is(tmp_path):
    frame = table((TIMES[0] - 400 * SECOND, "AA", "x"), (TIMES[4], "BB", "x"))
    got = summed(frame, tmp_path)
    same(got["news_count"][:, 0], [NAN] + [0] * 9)  # when the first row began is not known
    same(got["news_count"][:, 1], [NAN] * 4 + [1] + [0] * 5)
    assert np.isnan(got["news_sentiment"][:, 0]).all()


def test_a_delay_moves_texts(tmp_path):
    frame = table((TIMES[0], "AA", "x"), (TIMES[3] - 60 * SECOND, "AA", GOOD))
    same(summed(frame, tmp_path, delay="60s")["news_count"][3:5, 0], [1, 0])
    same(summed(frame, tmp_path, delay="61s")["news_count"][3:5, 0], [0, 1])


def test_texts_without_words_or_symbol_and_strangers_are_passed_over(tmp_path):
    frame = table((TIMES[1], "AA", "x"), (TIMES[2], "AA", None), (TIMES[2], "ZZ", "x"), (TIMES[2], None, "x"))
    same(np.nansum(summed(frame, tmp_path)["news_count"], axis=0), [1, 0])


texts = st.lists(
    st.tuples(st.integers(-48, 24 * 14), st.sampled_from("ABZ"), st.sampled_from([GOOD, BAD, "so so", GOOD + "!?"])),
    min_size=1, max_size=20,
)  # fmt: skip


def stamped(rows):
    return table(*((TIMES[0] + pd.Timedelta(hours=hours), 2 * symbol, text) for hours, symbol, text in rows))


@settings(max_examples=40, deadline=None)
@given(texts, texts, st.integers(0, len(TIMES) - 1), st.randoms())
def test_a_later_text_never_changes_an_earlier_row(tmp_path_factory, before, after, row, random):
    folder = tmp_path_factory.mktemp("news")
    now = int((TIMES[row] - TIMES[0]) / pd.Timedelta("1h"))
    whole = stamped([*before, (now, "A", "x"), *((now + 1 + abs(hours), *rest) for hours, *rest in after)])
    shuffled = whole.sample(frac=1, random_state=random.randrange(1000))
    first = stamped([*before, (now, "A", "x")])
    first = first[first["known_at"] <= TIMES[row]]
    whole = shuffled[(shuffled["known_at"] > TIMES[row]) | shuffled["known_at"].isin(first["known_at"])]
    known, then = summed(first, folder), summed(whole, folder)
    assert known.rows(slice(0, row + 1)).id == then.rows(slice(0, row + 1)).id
    part = summed(whole, folder, panel=PANEL.rows(slice(0, row + 1)))
    assert part.id == then.rows(slice(0, row + 1)).id


@settings(max_examples=40, deadline=None)
@given(texts)
def test_counts_and_means_are_those_of_a_plain_loop(tmp_path_factory, rows):
    got = summed(stamped([*rows, (0, "A", "x")]), tmp_path_factory.mktemp("news"))
    rows = [(TIMES[0] + pd.Timedelta(hours=hours), 2 * symbol, text) for hours, symbol, text in [*rows, (0, "A", "x")]]
    for column, symbol in enumerate(PANEL.symbols):
        for row in range(1, len(TIMES)):
            own = [text for known, who, text in rows if who == symbol and TIMES[row - 1] < known <= TIMES[row]]
            begun = any(who == symbol and known <= TIMES[row] for known, who, _ in rows)
            assert np.array_equal(got["news_count"][row, column], len(own) if begun else NAN, equal_nan=True)
            expected = np.mean([score(text) for text in own]) if own else NAN
            np.testing.assert_allclose(got["news_sentiment"][row, column], expected, rtol=1e-12)


# how new a text is


def jaccard(texts, known, memory, shingle):
    """The definition, a pair at a time."""
    sets = []
    for text in texts:
        words = re.findall(r"\w+", text.lower())
        sets.append({" ".join(words[i : i + shingle]) for i in range(max(1, len(words) - shingle + 1))})
    result = []
    for i, own in enumerate(sets):
        alike = [
            len(own & other) / len(own | other) for j, other in enumerate(sets[:i]) if known[i] - known[j] <= memory
        ]
        result.append(1 - max(alike, default=0))
    return result


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.lists(st.sampled_from("abcd"), max_size=7)), max_size=25),
       st.integers(0, 12), st.integers(1, 3))  # fmt: skip
def test_novelty_is_what_its_definition_says(steps, memory, shingle):
    known = np.cumsum([step for step, _ in steps]).tolist()
    written = [" ".join(words) for _, words in steps]
    got = novelty(written, known, memory=memory, shingle=shingle)
    np.testing.assert_allclose(got, jaccard(written, known, memory, shingle), rtol=1e-12)


def test_a_copy_is_not_new_a_rewrite_half_and_what_was_forgotten_is_new_again():
    got = novelty(["a b c d", "A b, c d!", "a b c x", "a b c d", "q"], [0, 1, 2, 9 * DAY, 9 * DAY], memory=5 * DAY)
    np.testing.assert_allclose(got, [1, 0, 2 / 3, 1, 1])


def test_of_texts_known_at_once_none_is_first_by_its_place_in_the_table(tmp_path):
    """The middle one is like both others, which are not like each other: read last, it alone would be like any."""
    rows = [(TIMES[2], "AA", text) for text in ("a b c d", "b c d x y", "d x y z")]
    ids = {summed(table(*order), tmp_path).id for order in permutations(rows)}
    assert len(ids) == 1


def test_symbols_have_news_of_their_own_and_old_news_before_the_panel_count(tmp_path):
    frame = table((TIMES[0] - 3600 * SECOND, "AA", GOOD), (TIMES[1], "AA", GOOD), (TIMES[1], "BB", GOOD))
    same(summed(frame, tmp_path)["news_novelty"][1], [0, 1])
    same(summed(frame, tmp_path, memory="1h")["news_novelty"][1], [1, 1])


# who says how good it is


def test_more_words_can_be_taught():
    text = "today it was downgraded"
    assert scorer.bind("vader")([text])[0] == 0
    assert scorer.bind({"name": "vader", "words": {"Downgraded": -3}})([text])[0] < -0.5


def test_the_published_examples_of_the_lexicon():
    """From the README of vaderSentiment, by its authors."""
    published = {
        "VADER is smart, handsome, and funny.": 0.8316,
        "VADER is not smart, handsome, nor funny.": -0.7424,
        "VADER is VERY SMART, handsome, and FUNNY!!!": 0.9342,
        "The book was good.": 0.4404,
        "Today SUX!": -0.5461,
    }
    np.testing.assert_allclose(scorer.bind("vader")(list(published)), list(published.values()), atol=1e-9)


def test_a_scorer_is_checked_when_the_configuration_is_read(tmp_path):
    with pytest.raises(ConfigError, match="no scorer named 'vador'; did you mean 'vader'") as caught:
        aggregate.bind({"name": "news", "path": tmp_path, "scorer": "vador"})
    assert caught.value.code == "bad_parameter"
    with pytest.raises(ConfigError, match=r"transformer\.model: Field required"):
        aggregate.bind({"name": "news", "path": tmp_path, "scorer": "transformer"})
    spelled = aggregate.bind({"name": "news", "path": tmp_path}).entry
    assert spelled == aggregate.bind({"name": "news", "path": tmp_path, "scorer": {"name": "vader"}}).entry


def test_without_its_packages_the_transformer_says_which(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=re.escape("alpha[text]")) as caught:
        scorer.bind({"name": "transformer", "model": "x"})(["a"])
    assert caught.value.code == "no_package"


@pytest.fixture
def classifier(tmp_path):
    """A classifier like FinBERT, very small and trained on nothing."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    torch.manual_seed(0)

    def made(*labels):
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "profits", "rise", "fall"]
        (tmp_path / "vocab.txt").write_text("\n".join(words))
        transformers.BertTokenizerFast(str(tmp_path / "vocab.txt"), model_max_length=16).save_pretrained(tmp_path)
        config = transformers.BertConfig(
            vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
            max_position_embeddings=16, id2label=dict(enumerate(labels)), num_labels=len(labels),
        )  # fmt: skip
        transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
        return scorer.bind({"name": "transformer", "model": str(tmp_path)})

    return made


def test_the_transformer_gives_the_balance_of_good_and_bad_whatever_stands_beside_it(classifier):
    score = classifier("Positive", "Negative", "Neutral")
    texts = ["profits rise", "profits fall", "rise " * 99, ""]
    got = score(texts)
    assert len(set(got)) > 1
    assert (np.abs(got) < 1).all()
    same([score([text])[0] for text in texts], got)


def test_a_transformer_that_does_not_tell_good_from_bad_is_refused(classifier):
    with pytest.raises(ConfigError, match="its labels are label_a, label_b") as caught:
        classifier("LABEL_A", "LABEL_B")(["profits rise"])
    assert caught.value.code == "unknown_labels"


def test_a_transformer_that_is_not_there_is_refused(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(ConfigError) as caught:
        scorer.bind({"name": "transformer", "model": str(tmp_path)})(["a"])
    assert caught.value.code == "unknown_model"


# what is refused


@pytest.mark.parametrize(
    ("change", "params", "code"),
    [
        ({}, {"text": "body"}, "missing_column"),
        ({"symbol": "ZZ"}, {}, "foreign_table"),
        ({"text": 1.0}, {}, "wrong_type"),
        ({"known_at": pd.Timestamp("2010-01-05")}, {}, "naive_time"),
        ({"known_at": pd.NaT}, {}, "naive_time"),
        ({"known_at": "yesterday"}, {}, "wrong_type"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, change, params, code):
    frame = table((TIMES[1], "AA", "x"), (TIMES[2], "BB", "x")).assign(**change)
    with pytest.raises(DataError) as caught:
        summed(frame, tmp_path, **params)
    assert caught.value.code == code


def test_a_text_that_does_not_say_when_it_was_known_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        summed(table((TIMES[1], "AA", "x"), (None, "AA", "y")), tmp_path)
    assert caught.value.code == "null_time"


def test_fields_are_not_overwritten(tmp_path):
    once = summed(table((TIMES[1], "AA", "x")), tmp_path)
    with pytest.raises(ConfigError) as caught:
        summed(table((TIMES[1], "AA", "x")), tmp_path, panel=once)
    assert caught.value.code == "field_taken"


def test_texts_may_come_from_a_csv(tmp_path):
    path = tmp_path / "news.csv"
    path.write_text("known_at,symbol,text\n2010-01-05T21:00:00+00:00,AA,fine\n2010-01-05T16:00:01-05:00,AA,fine\n")
    got, _ = aggregate.bind({"name": "news", "path": path})(PANEL, NYSE)
    same(got["news_count"][:4, 0], [NAN, 1, 1, 0])


# all the way


def test_news_come_into_a_panel_by_its_configuration(tmp_path):
    frame = table((TIMES[2], "S000", GOOD))
    frame.to_parquet(tmp_path / "news.parquet")
    market = source.bind({"name": "synthetic", "n_symbols": 4, "late": 0.0})
    news = aggregate.bind({"name": "news", "path": tmp_path / "news.parquet"})
    panel, _ = load_panel(market, DAYS[0], DAYS[-1], aggregates=[news])
    assert panel["news_count"][2, panel.symbols.index("S000")] == 1


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data is not there")
def test_two_years_of_tweets():
    days = NYSE.sessions("2014-01-02", "2014-12-31")
    times = NYSE.closes(days)
    panel = Panel(times, ("AAPL", "KO"), {"close": np.ones((len(days), 2))})
    path = SHARED / "text_tweets_2014_2015.parquet"
    got, _ = aggregate.bind({"name": "news", "path": path, "known_at": "created_at"})(panel, NYSE)
    frame = pd.read_parquet(path).query("symbol == 'AAPL'")
    expected = [frame["created_at"].between(a, b, inclusive="right").sum() for a, b in pairwise(times)]
    same(got["news_count"][1:, 0], expected)
    assert np.nanmean(got["news_sentiment"], axis=0).round(1).tolist() == [0.1, 0.1]
    assert all(np.nanmin(got[name]) >= -1 and np.isfinite(got[name]).mean() > 0.7 for name in FIELDS)
    earlier = panel.rows(slice(0, 100))
    assert (
        aggregate.bind({"name": "news", "path": path, "known_at": "created_at"})(earlier, NYSE)[0].id
        == got.rows(slice(0, 100)).id
    )
