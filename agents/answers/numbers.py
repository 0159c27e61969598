"""Numbers in words and LaTeX: found in a text, read exactly, compared with care for rounding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_MINUS = "−–‒﹣－"
_CURRENCY = "$€£¥₹₽₩₺₪₫฿"
_GAPS = "\u00a0\u202f\u2009'’_"
_BODY = (
    rf"(?:\d{{1,3}}(?:,\d{{3}}(?!\d)){{1,20}}+|\d{{1,3}}(?:[{_GAPS}]\d{{3}}(?!\d)){{1,20}}+|\d{{1,300}}+)(?:\.\d{{1,300}}+)?+"
    r"|\.\d{1,300}+"
)
NUMBER = re.compile(
    rf"(?<![\w.^])(?P<sign>(?:(?<![)\]}}])[-+{_MINUS}]\s?)?)[{_CURRENCY}]?\s?(?P<sign2>[-{_MINUS}]?)"
    rf"(?:(?P<whole>\d{{1,9}}) {{1,3}}(?P<part>\d{{1,9}})/(?P<of>\d{{1,9}})(?![\d/.])"
    rf"|(?P<body>{_BODY})(?!\d|\.\d)"
    rf"(?:[eE](?P<exp>[-+{_MINUS}]?\d{{1,4}})(?!\w)"
    rf"|\s{{0,2}}(?:[x×*·]|\\times|\\cdot)\s{{0,2}}10\s{{0,2}}(?:\^|\*\*)\s{{0,2}}[{{(]?(?P<pow>[-+{_MINUS}]?\d{{1,4}})[}})]?)?"
    rf"(?![eE][-+]?\d)"
    rf"(?:\s?/\s?(?P<den>\d{{1,300}}(?:\.\d{{1,300}})?)(?![\d/])(?!\.\d))?"
    rf"(?:\s{{1,2}}(?P<mag>thousand|million|billion|trillion)\b)?)",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(rf"[-+{_MINUS}]?[{_CURRENCY}]?\d{{1,9}},\d{{1,2}}\s?[{_CURRENCY}%]?")
_SEPARATORS = str.maketrans(dict.fromkeys(f",{_GAPS}"))
_VULGAR = str.maketrans({"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⁄": "/"})
_MAGNITUDE = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_MOST_EXPONENT = 1000
_UNITS = re.compile(
    r"(?:\s{0,3}[%°])?(?:[\s-]{1,3}(?:[A-Za-zµ°]{2,30}|per|a|an)(?:/[A-Za-z]{1,20})?(?:\^?[23²³])?\.?){0,6}\s{0,3}"
)
_SMALL = tuple(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
    "seventeen eighteen nineteen".split()
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORD = re.compile(
    rf"\b(?:({'|'.join(_TENS)})(?:[\s-]({'|'.join(_SMALL[1:10])}))?|({'|'.join(_SMALL)}))\b", re.IGNORECASE
)

_FRAC = re.compile(
    r"(\d?)\s{0,2}\\[dtc]?frac\s{0,2}(?:\{\s{0,2}(-?[\d.,]{1,300})\s{0,2}\}|(\d))\s{0,2}(?:\{\s{0,2}([\d.,]{1,300})\s{0,2}\}|(\d))"
)
_LATEX = (
    (re.compile(r"\\[!,;: ]|\\quad\b|\{,\}|\\(?:left|right)\b|~"), ""),
    (
        re.compile(r"\^\s{0,2}\{?\s{0,2}\\circ\s{0,2}\}?|\\degree\b|\\%"),
        lambda m: "%" if m[0] == "\\%" else "°",
    ),
    (re.compile(r"\\\$"), "$"),
    (
        re.compile(r"\\(?:text|mbox|mathrm|textrm|operatorname)\s{0,2}\{([^{}]{0,60})\}(?:\^\{?([23])\}?)?"),
        r" \1 ",
    ),
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact value and how precisely it was written.

    Attributes:
        value: the number.
        decimals: digits after the point as written; None for a fraction that has no finite decimals.
        digits: significant digits as written.
    """

    value: Fraction
    decimals: int | None
    digits: int


def plain(value: str) -> str:
    """`value` with LaTeX fractions, spacing, units and degrees as plain characters."""
    if not value.isascii():
        value = value.translate(_VULGAR)
    if "\\" not in value and "{" not in value and "~" not in value:
        return value
    value = _FRAC.sub(_fraction, value)
    for pattern, new in _LATEX:
        value = pattern.sub(new, value)
    return value


def _fraction(m: re.Match[str]) -> str:
    return f"{m[1]} {m[2] or m[3]}/{m[4] or m[5]}" if m[1] else f"{m[2] or m[3]}/{m[4] or m[5]}"


def stated(value: str) -> str | None:
    """The number in a stated answer, written plainly: behind its last ``=``, else the first.

    >>> stated("5 + 3 = 8 apples"), stated(r"\\$1,234.50"), stated("twenty-one")
    ('8', '1234.50', '21')
    """
    if len(value) < 300 and value.isascii() and value.isdigit():  # as most are: nothing to read around
        return value
    value = plain(value[:4000])
    if _DECIMAL_COMMA.fullmatch(value):
        value = value.replace(",", ".")
    _, equals, tail = value.rpartition("=")
    found = (equals and next(numbers(tail), None)) or next(numbers(value), None)
    return found or _in_words(value)


def last(text: str) -> str | None:
    """The last number of a text, written plainly."""
    for size in (400, 4000, len(text)):
        window = text[-size:]
        found = list(numbers(plain(window), skip_first=size < len(text)))
        if found:
            return found[-1]
    return None


def numbers(text: str, *, skip_first: bool = False) -> Iterator[str]:
    """All numbers of a text in order, written plainly (``-1234.5``, ``3/4``, ``1.5e3``)."""
    for m in NUMBER.finditer(text):
        if skip_first and m.start() < 2:
            continue
        written = _write(m)
        if written is not None:
            yield written


def _write(m: re.Match[str]) -> str | None:
    sign = "-" if (m["sign"].strip() or m["sign2"]) not in ("", "+") else ""
    if m["whole"]:
        if int(m["of"]) == 0:
            return None
        return f"{sign}{int(m['whole']) * int(m['of']) + int(m['part'])}/{m['of']}"
    body = m["body"].translate(_SEPARATORS)
    body = f"0{body}" if body.startswith(".") else body
    power = m["exp"] or m["pow"]
    if power:
        body += "e" + power.translate({ord(c): "-" for c in _MINUS}).lstrip("+")
    if m["mag"]:
        body = _shift(body, _MAGNITUDE[m["mag"].lower()])
    if m["den"]:
        body += "/" + m["den"]
    return sign + body


def _shift(body: str, places: int) -> str:
    """A written number times 10^places."""
    mantissa, exponent, power = body.partition("e")
    if exponent:
        return f"{mantissa}e{int(power) + places}"
    whole, _, decimals = body.partition(".")
    decimals = decimals.ljust(places, "0")
    rest = decimals[places:]
    return (whole + decimals[:places]).lstrip("0").rjust(1, "0") + (f".{rest}" if rest else "")


def _in_words(value: str) -> str | None:
    m = _WORD.search(value)
    if m is None:
        return None
    if m[3]:
        return str(_SMALL.index(m[3].lower()))
    return str(20 + 10 * _TENS.index(m[1].lower()) + (_SMALL.index(m[2].lower()) if m[2] else 0))


def quantity(answer: str) -> Quantity | None:
    """What `answer` says, when it is one number and at most a currency sign, a percent sign or units.

    A percent sign is a unit: ``50%`` is 50.

    >>> quantity("$1,200 per year").value, quantity("3/4").value, quantity("2k")
    (Fraction(1200, 1), Fraction(3, 4), None)
    """
    return _read(answer) if len(answer) <= 400 else None


@lru_cache(maxsize=8192)
def _read(answer: str) -> Quantity | None:
    text = plain(answer).strip()
    m = NUMBER.match(text)
    if m is None or not _UNITS.fullmatch(text, m.end()):
        return None
    written = _write(m)
    return None if written is None else _quantity(written)


def _quantity(written: str) -> Quantity | None:
    top, _, bottom = written.partition("/")
    mantissa, _, power = top.partition("e")
    if power and abs(int(power)) > _MOST_EXPONENT:
        return None
    if bottom and not Fraction(bottom):
        return None
    value = Fraction(top) / (Fraction(bottom) if bottom else 1)
    if bottom:
        return Quantity(value, _finite_decimals(value), 0)
    whole, _, decimals = mantissa.partition(".")
    return Quantity(value, max(0, len(decimals) - int(power or 0)), len((whole + decimals).lstrip("-0")))


def _finite_decimals(value: Fraction) -> int | None:
    twos = fives = 0
    rest: int = value.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def same(a: Quantity, b: Quantity) -> bool:
    """Whether two numbers are the same number, allowing for rounding and floating-point noise.

    They are when their values are equal; or within 1e-9 of each other relatively, when one of them is written
    with nine decimals or more; or when one is the other rounded: it has at least two decimals and three
    significant digits, the other has more decimals and at least four (or never ends, as 1/3 does), and they
    differ by at most half a unit of the rounded one's last place. Whole numbers are never taken as rounded.

    >>> same(quantity("6.67"), quantity("20/3")), same(quantity("6.7"), quantity("20/3"))
    (True, False)
    """
    if a.value == b.value:
        return True
    gap = abs(a.value - b.value)
    places = (a.decimals, b.decimals)
    if any(p is None or p >= 9 for p in places) and gap * 10**9 <= max(abs(a.value), abs(b.value)):
        return True
    return _rounds(a, b, gap) or _rounds(b, a, gap)


def _rounds(coarse: Quantity, fine: Quantity, gap: Fraction) -> bool:
    if coarse.decimals is None or coarse.decimals < 2 or coarse.digits < 3:
        return False
    if fine.decimals is not None and fine.decimals < max(4, coarse.decimals + 1):
        return False
    return gap <= Fraction(1, 2 * 10**coarse.decimals)


def links(values: Sequence[Quantity]) -> Iterator[tuple[int, int]]:
    """Pairs of indices of `values` that are the same number, without comparing those far apart."""
    order = sorted(range(len(values)), key=lambda i: values[i].value)
    for place, i in enumerate(order):
        reach = values[i].value + max(Fraction(1, 200), abs(values[i].value) / 10**8)
        for j in order[place + 1 :]:
            if values[j].value > reach:
                break
            if same(values[i], values[j]):
                yield i, j


def written(value: Fraction) -> str:
    """The canonical form of a number: ``750``, ``-3/4``."""
    return str(value)
