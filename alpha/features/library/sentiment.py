"""Sentiment, number and novelty of the texts about a symbol. These need the fields of the aggregate `news`.

A row without news has no sentiment of its own, and so no weight. A feature looks back `window` rows; before a symbol's
first text of all, nothing is known.
"""

from __future__ import annotations

from pydantic import PositiveFloat, PositiveInt

from alpha.features import feature
from alpha.features.expr import Expr, field, log, where
from alpha.features.operators import days_since, lag, mean, median, std, sum, weighted

count, sentiment, novelty = map(field, ("news_count", "news_sentiment", "news_novelty"))


def _decayed(value: Expr, weight: Expr, half_life: float, window: int) -> Expr:
    """Return the mean of `value` weighted by `weight`, which halves every `half_life` rows."""
    fading = [0.5 ** (row / half_life) for row in range(window)]
    return weighted(where(weight > 0, value * weight, 0), fading) / weighted(weight, fading)


@feature
def news_sentiment(*, half_life: PositiveFloat = 5.0, window: PositiveInt = 60) -> Expr:
    """Mean sentiment of the texts of `window` rows; a text's weight halves every `half_life` rows. In [-1, 1].

    NaN where there were no texts. Tetlock, Saar-Tsechansky and Macskassy (2008).
    """
    return _decayed(sentiment, count, half_life, window)


@feature
def novel_sentiment(*, half_life: PositiveFloat = 5.0, window: PositiveInt = 60) -> Expr:
    """As `news_sentiment`, but weighted by novelty too: repeated news count less. In [-1, 1] (Tetlock, 2011)."""
    return _decayed(sentiment, where(count > 0, count * novelty, count), half_life, window)


@feature
def sentiment_surprise(*, fast: PositiveInt = 5, slow: PositiveInt = 60) -> Expr:
    """Mean sentiment of the texts of `fast` rows less that of the `slow` rows before, in standard deviations of a row.

    The deviations (ddof 1) are those of the rows with news among the `slow`, of which there must be at least 2.
    """
    total = where(count > 0, sentiment * count, 0)
    before, usual = (lag(sum(total, slow) / sum(count, slow), fast), lag(std(sentiment, slow, min_periods=2), fast))
    recent = sum(total, fast) / sum(count, fast)
    return where(usual > 0, (recent - before) / usual, float("nan"))


@feature
def abnormal_news(*, window: PositiveInt = 40) -> Expr:
    """Logarithm of (1 + texts), less that of (1 + their median in the `window` rows before).

    The abnormal attention of Da, Engelberg and Gao (2011), with texts in the place of searches.
    """
    return log(1 + count) - log(1 + lag(median(count, window), 1))


@feature
def news_volume(*, window: PositiveInt = 5) -> Expr:
    """Mean number of texts a row over `window` rows, as log(1 + mean). (Hillert, Jacobs and Mueller, 2014)."""
    return log(1 + mean(count, window))


@feature
def news_novelty(*, window: PositiveInt = 5) -> Expr:
    """Mean novelty of the texts of `window` rows: 1 where all are new, 0 where all are copies (Tetlock, 2011)."""
    return sum(where(count > 0, novelty * count, 0), window) / sum(count, window)


@feature
def days_since_news(*, window: PositiveInt = 60) -> Expr:
    """Rows since the last text, 0 where the row has one; NaN where there was none in `window` rows."""
    return days_since(count, window)
