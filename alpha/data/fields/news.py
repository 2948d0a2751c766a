"""Texts with the time they became known, scored and summed up into fields of the panel."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, PositiveInt

from alpha.core.calendar import Calendar
from alpha.core.errors import DataError
from alpha.core.panel import Panel
from alpha.core.registry import value_errors
from alpha.data import aggregate, scorer
from alpha.data.fields.asof import Span, arrivals, expect_free
from alpha.data.sanity.finding import Finding
from alpha.data.tables import expect_columns, expect_symbols, read_instants, read_table

FIELDS = ("news_count", "news_sentiment", "news_novelty")
WORD = re.compile(r"\w+")
Shingles = frozenset[tuple[str, ...]]


def _spelled_out(entry: str | dict[str, Any]) -> dict[str, Any]:
    with value_errors():
        return scorer.bind(entry).entry


Scorer = Annotated[str | dict[str, Any], AfterValidator(_spelled_out), Field(validate_default=True)]


@aggregate
def news(
    panel: Panel,
    calendar: Calendar,
    *,
    path: Path,
    text: str = "text",
    known_at: str = "known_at",
    symbol: str = "symbol",
    delay: Span = "0min",
    scorer: Scorer = "vader",
    memory: Span = "5D",
    shingle: PositiveInt = 3,
) -> tuple[Panel, list[Finding]]:
    """News of each symbol and bar: the number of texts, their mean sentiment and their novelty.

    A text counts in one bar, the first that closes at or after it became known; a later text never changes an earlier
    row. Rows before a symbol's first text of all, and the panel's first row, are NaN: earlier texts are unknown.

    - ``news_count``: texts, 0 where there were none;
    - ``news_sentiment``: their mean score in [-1, 1], NaN where there were none;
    - ``news_novelty``: mean over them of 1 less the greatest Jaccard similarity to an earlier text of the same symbol,
      in [0, 1], NaN where there were none (Broder, 1997).

    Parameters
    ----------
    path : Path
        Parquet or CSV, one row a text; a text about two symbols takes two rows.
    text, known_at, symbol : str
        Its columns; `known_at` holds instants with a zone. Rows without a text, or of other symbols, are passed over.
    delay : str
        The time from `known_at` until a text can be used, such as ``5min``.
    scorer : str or mapping
        The scorer of texts: ``vader``, or ``{name: transformer, model: ...}``.
    memory : str
        How far back a text is compared with earlier ones.
    shingle : int
        Words in a row that are compared as one.

    Raises
    ------
    ConfigError
        ``field_taken``, and what the scorer raises.
    DataError
        ``missing_column``, ``wrong_type``, ``naive_time``, ``null_time``, ``foreign_table``.
    """
    expect_free(panel, FIELDS, "only one table of texts can be read")
    table = read_table(path, (symbol,))
    expect_columns(table, (text, known_at, symbol), path)
    expect_symbols(table[symbol], panel.symbols, path)
    texts = _known(_texts(table, text, known_at, symbol), panel, pd.Timedelta(delay))
    texts = texts.assign(novelty=_novelties(texts, pd.Timedelta(memory), shingle))
    count = _covered(texts, panel)
    texts = texts[texts["row"] >= 0]
    place = texts["row"].to_numpy(), texts["column"].to_numpy()
    np.add.at(count, place, 1.0)
    sentiment = _mean(count, place, _scores(texts["text"], scorer))
    new = _mean(count, place, texts["novelty"].to_numpy())
    return panel.with_fields(news_count=count, news_sentiment=sentiment, news_novelty=new), []


def _texts(table: pd.DataFrame, text: str, known_at: str, symbol: str) -> pd.DataFrame:
    """Return symbol, text and known (ns), in an order that does not depend on the table's."""
    kept = table[table[text].notna() & table[symbol].notna()]
    if not kept.empty and not pd.api.types.is_string_dtype(kept[text]):
        raise DataError(f"column {text!r} must hold texts; it holds {kept[text].dtype}", code="wrong_type")
    columns = {"symbol": kept[symbol].astype(str), "text": kept[text], "known": read_instants(kept[known_at])}
    return pd.DataFrame(columns).sort_values(["symbol", "known", "text"], ignore_index=True)


def _known(texts: pd.DataFrame, panel: Panel, delay: pd.Timedelta) -> pd.DataFrame:
    """Return the texts about the panel's symbols that are known by its end, with the row and column they count in."""
    known = texts["known"].to_numpy() + delay.value
    columns = pd.Index(panel.symbols).get_indexer(pd.Index(texts["symbol"]))
    texts = texts.assign(known=known, column=columns, row=arrivals(panel.times, known))
    return texts[(columns >= 0) & (known <= panel.times.as_unit("ns").asi8[-1])]


def _covered(texts: pd.DataFrame, panel: Panel) -> np.ndarray:
    """Return 0 from the row on in which a symbol's first text was known, NaN before and in the first row."""
    count = np.full((len(panel), len(panel.symbols)), np.nan)
    times = panel.times.as_unit("ns").asi8
    earliest = texts.drop_duplicates("column")  # they are sorted
    rows = np.maximum(1, np.searchsorted(times, earliest["known"]))
    for row, column in zip(rows, earliest["column"], strict=True):
        count[row:, column] = 0.0
    return count


def _novelties(texts: pd.DataFrame, memory: pd.Timedelta, shingle: int) -> np.ndarray:
    found = np.full(len(texts), np.nan)
    for at in texts.groupby("column").indices.values():
        own = texts.iloc[at]
        found[at] = novelty(own["text"].tolist(), own["known"].tolist(), memory=memory.value, shingle=shingle)
    return found


def _scores(texts: pd.Series, entry: str | dict[str, Any]) -> np.ndarray:
    """Score each text once, however often it was repeated."""
    codes, unique = pd.factorize(texts)
    scores: np.ndarray = scorer.bind(entry)(list(unique))
    return scores[codes]


def _mean(count: np.ndarray, place: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> np.ndarray:
    total = np.zeros_like(count)
    np.add.at(total, place, values)  # one after the other, so that a sum depends on its own texts alone
    return np.divide(total, count, out=np.full_like(count, np.nan), where=count > 0)


def novelty(texts: Sequence[str], known: Sequence[int], *, memory: int, shingle: int = 3) -> np.ndarray:
    """Return 1 less the greatest Jaccard similarity of each text to those before it: 0 for a copy, 1 for all new.

    Parameters
    ----------
    texts : sequence of str
        In the order in which they became known.
    known : sequence of int
        When; a text is compared with those at most `memory` older.
    shingle : int
        The sets compared are those of every `shingle` words in a row (Broder, 1997).
    """
    found = np.zeros(len(texts))
    seen: dict[Shingles, int] = {}  # when each set was last known
    holders: dict[tuple[str, ...], list[Shingles]] = {}  # the sets that a shingle is in, old ones dropped when met
    for i, (text, now) in enumerate(zip(texts, known, strict=True)):
        own = _shingles(text, shingle)
        if own not in seen or now - seen[own] > memory:
            shared: Counter[Shingles] = Counter()
            for each in own:
                recent = [other for other in holders.get(each, ()) if now - seen[other] <= memory]
                shared.update(recent)
                holders[each] = [*recent, own]
            likeness = (common / (len(own) + len(other) - common) for other, common in shared.items())
            found[i] = 1.0 - max(likeness, default=0.0)
        seen[own] = now
    return found


def _shingles(text: str, size: int) -> Shingles:
    words = WORD.findall(text.lower())
    return frozenset(tuple(words[i : i + size]) for i in range(max(len(words) - size, 0) + 1))
