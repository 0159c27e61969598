"""Statistics of texts: token overlap with a gold answer, and how unlike each other several texts are."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from math import exp, fsum, log
from statistics import fmean

from rebut.errors import InputError

from .checks import count, enough

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_TOKENS = re.compile(r"\w+|[^\w\s]")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
EPSILON = 0.1
"""What an order without any match counts as, in matches (smoothing 1 of Chen and Cherry 2014)."""


def normal(text: str) -> str:
    """A text as SQuAD compares it: lower case, no ASCII punctuation, no articles, single spaces.

    >>> normal("The  U.S. Open!")
    'us open'
    """
    _text("text", text)
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def exact_match(said: str, golds: Sequence[str]) -> bool:
    """Whether a text equals one of the gold answers, both in the form of `normal`."""
    return normal(said) in {normal(gold) for gold in _texts("golds", golds)}


def f1(said: str, golds: Sequence[str]) -> float:
    """Token F1 with the closest of the gold answers, in [0, 1] (Rajpurkar et al. 2016, arXiv:1606.05250).

    Tokens are the words of `normal`, counted with their multiplicity: 2 P R / (P + R) with P the shared
    tokens by those said, R by those of the gold answer. A gold answer without tokens asks for no answer:
    1 where nothing was said, else 0 (SQuAD 2.0).

    Raises:
        InputError: no gold answers, or one that is no text.

    >>> round(f1("the cat sat", ["a cat", "a dog"]), 3)
    0.667
    """
    words = normal(said).split()
    return max(_f1(words, normal(gold).split()) for gold in _texts("golds", golds))


def _f1(said: Sequence[str], gold: Sequence[str]) -> float:
    if not said or not gold:
        return float(said == gold)
    shared = (Counter(said) & Counter(gold)).total()
    return 2 * shared / (len(said) + len(gold))


def tokens(text: str) -> list[str]:
    """Words (``\\w+``) and single other marks of a text, case kept.

    A run of letters without spaces, as in Chinese, is one token.

    >>> tokens("It's 3.5%")
    ['It', "'", 's', '3', '.', '5', '%']
    """
    return _TOKENS.findall(text)


def bleu(said: str, references: Sequence[str], *, orders: int = 4) -> float:
    """Sentence BLEU of a text against references, in [0, 100] (Papineni et al. 2002).

    Over `tokens`, with orders 1 to `orders` in equal parts, but none longer than the text itself (or a text
    of one word could not be BLEU 100 with its own copy). An order without a match counts as `EPSILON`
    matches; without any shared word BLEU is 0. The brevity penalty takes the reference whose length is
    closest, the shorter of two. Texts without tokens: 100 if a reference has none either, else 0.

    Raises:
        InputError: no references, or something that is no text.
    """
    given = tokens(_texts("said", [said])[0])
    others = [tokens(reference) for reference in _texts("references", references)]
    count("orders", orders, least=1)
    if not given:
        return 100.0 if [] in others else 0.0
    logs: list[float] = []
    for order in range(1, min(orders, len(given)) + 1):
        matched = _matches(given, others, order)
        if not matched and order == 1:
            return 0.0
        logs.append(log((matched or EPSILON) / (len(given) - order + 1)))
    closest = min((abs(len(other) - len(given)), len(other)) for other in others)[1]
    return 100 * exp(fmean(logs) + min(0.0, 1 - closest / len(given)))


def _matches(given: Sequence[str], others: Sequence[Sequence[str]], order: int) -> int:
    most: Counter[tuple[str, ...]] = Counter()
    for other in others:
        most |= _grams(other, order)
    return (_grams(given, order) & most).total()


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + order]) for i in range(len(words) - order + 1))


def diversity(texts: Sequence[str], *, orders: int = 4) -> float:
    """100 - SelfBLEU, in [0, 100]: how unlike each other texts are; 0 where all are the same.

    SelfBLEU (Zhu et al. 2018, arXiv:1802.01886) is the mean `bleu` of each text with the others for its
    references. Of two texts it is the diversity of Liang et al. (2023, arXiv:2305.19118), taken both ways.
    It depends on the number of texts: compare only equal numbers.

    Raises:
        InputError: fewer than two texts, or something that is no text.

    >>> diversity(["42", "42"]), diversity(["yes", "no"])
    (0.0, 100.0)
    """
    given = _texts("texts", texts, 2)
    own = [bleu(text, [*given[:i], *given[i + 1 :]], orders=orders) for i, text in enumerate(given)]
    return max(0.0, 100 - fsum(own) / len(own))


def _texts(what: str, texts: Sequence[str], least: int = 1) -> list[str]:
    enough(what, texts, least)
    for i, text in enumerate(texts):
        _text(f"{what}[{i}]", text)
    return list(texts)


def _text(what: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"{what} must be a text: {value!r}")
