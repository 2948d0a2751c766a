"""Scorers of texts: each gives a number from -1 (bad) to 1 (good), which depends on that text alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from alpha.core.errors import ConfigError
from alpha.data import scorer


@scorer
def vader(texts: Sequence[str], *, words: dict[str, float] | None = None) -> np.ndarray:
    """Lexicon and rules for negation, emphasis and emoticons: the compound score (Hutto and Gilbert, 2014).

    Made for short posts, and trained on no market: it does not know that a downgrade is bad. Teach it with `words`.

    Parameters
    ----------
    words : mapping of str to float, optional
        Further words, and their valence from -4 to 4: ``{downgrade: -2, upgrade: 2}``.

    Returns
    -------
    array of shape (len(texts),)
    """
    from vader import SentimentIntensityAnalyzer  # its lexicon takes a moment to load

    analyzer = SentimentIntensityAnalyzer(extra_lexicon=words)
    return np.array([analyzer.polarity_scores(text)["compound"] for text in texts], float)


@scorer
def transformer(texts: Sequence[str], *, model: str) -> np.ndarray:
    """Probability of `positive` less that of `negative`, by a classifier such as FinBERT (Araci, 2019).

    Needs the extra ``alpha[text]``. Texts go one at a time: in a batch, a score would depend in its last bits on the
    texts beside it, and so change when later ones are added.

    Parameters
    ----------
    model : str
        A folder, or a name on the Hugging Face hub. Its labels must include positive and negative.

    Raises
    ------
    ConfigError
        ``no_package``, ``unknown_model``, ``unknown_labels``.
    """
    try:
        from transformers import pipeline
    except ImportError:
        message = "the scorer transformer needs packages that are not installed: pip install 'alpha[text]'"
        raise ConfigError(message, code="no_package") from None
    try:
        classify = pipeline("text-classification", model=model, top_k=None)
    except (OSError, ValueError) as error:  # what it raises where there is no such model, or one for another task
        raise ConfigError(f"the scorer transformer cannot load {model!r}: {error}", code="unknown_model") from None
    return np.array([_balance(classify([text], truncation=True)[0], model) for text in texts], float)


def _balance(scores: Sequence[Mapping[str, object]], model: str) -> float:
    found = {str(each["label"]).lower(): float(str(each["score"])) for each in scores}
    if not {"positive", "negative"} <= set(found):
        message = f"{model!r} must tell positive from negative; its labels are {', '.join(sorted(found))}"
        raise ConfigError(message, code="unknown_labels")
    return found["positive"] - found["negative"]
