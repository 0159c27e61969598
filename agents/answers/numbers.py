"""Numbers in words and LaTeX: found in a text, read exactly, compared with care for rounding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from .signs import negated
from .spelled import MAGNITUDE, UNREAD, WORD, spelled

_MINUS = "−–‒﹣－"
_CURRENCY = "$€£¥₹₽₩₺₪₫฿"
_GAPS = "\u00a0\u202f\u2009'’_"
_BODY = (
    rf"(?:\d{{1,3}}(?:,\d{{3}}(?!\d)){{1,20}}+|\d{{1,3}}(?:[{_GAPS}]\d{{3}}(?!\d)){{1,20}}+|\d{{1,300}}+)(?:\.\d{{1,300}}+)?+"
    r"|\.\d{1,300}+"
)
_GREAT = "|".join(MAGNITUDE)
NUMBER = re.compile(
    rf"(?<![\w.^])(?<![\^_][{{(])(?P<sign>(?:(?<![)\]}}])[-+{_MINUS}]\s?)?)[{_CURRENCY}]?\s?(?P<sign2>[-{_MINUS}]?)"
    rf"(?:(?P<whole>\d{{1,9}}) {{1,3}}(?P<part>\d{{1,9}})/(?P<of>\d{{1,9}})(?![\d/.])"
    rf"|(?P<body>{_BODY})(?!\d|\.\d)"
    rf"(?:[eE](?P<exp>[-+{_MINUS}]?\d{{1,4}})(?!\w)"
    rf"|\s{{0,2}}(?:[x×*·]|\\times|\\cdot)\s{{0,2}}10\s{{0,2}}(?:\^|\*\*)\s{{0,2}}[{{(]?(?P<pow>[-+{_MINUS}]?\d{{1,4}})[}})]?)?"
    rf"(?![eE][-+]?\d)"
    rf"(?:\s?/\s?(?P<den>\d{{1,300}}(?:\.\d{{1,300}})?)(?![\d/])(?!\.\d))?"
    rf"(?:[\s-]{{0,2}}(?P<mag>(?:{_GREAT})(?:[\s-]{{1,2}}(?:{_GREAT})){{0,2}})\b)?)",
    re.IGNORECASE,
)
_DECIMAL_COMMA = re.compile(rf"[-+{_MINUS}]?[{_CURRENCY}]?\d{{1,9}},\d{{1,2}}\s?[{_CURRENCY}%]?")
_SEPARATORS = str.maketrans(dict.fromkeys(f",{_GAPS}"))
_VULGAR = str.maketrans({"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "⁄": "/"})
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,9}")
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_EXPONENT = rf"[-+{_MINUS}]?\d{{1,4}}"
_POWER = re.compile(
    rf"(?:\s?\^\s?|\*\*|\s\*\*\s)(?:\{{\s?({_EXPONENT})\s?\}}|\(({_EXPONENT})\)|({_EXPONENT}))(?!\w|[./,]\d)"
)
_SUFFIX = re.compile(r"(k)(?!\w)")
_MONEY_SUFFIX = re.compile(r"\s?(k|m|mn|b|bn|t|tn)(?!\w)", re.IGNORECASE)
_PLACES = {"k": 3, "m": 6, "mn": 6, "b": 9, "bn": 9, "t": 12, "tn": 12}
_UNREAD = re.compile(
    rf"{UNREAD}|\s?(?:π|√|\\pi\b|\\sqrt|pi\b|sqrt\b)|_\{{?\d|\s?(?:bn|mn|mln|mio|tn)\b"
    r"|[)\]}]{0,2}(?:\*\*[{(]?-?(?:\d|[nkx]\b)|\s?\^(?!\s?\{?\s{0,2}(?:th|st|nd|rd|o|°)\b))",
    re.IGNORECASE,
)
_UNREAD_LETTER = re.compile(r"(?:[KMBT]|\sk)(?!\w)")
_AND_MORE = re.compile(rf"\s{{1,2}}(?:and\s{{1,2}})?(?:\d|(?:{WORD})\b)", re.IGNORECASE)
_LONGEST_POWER = 300
_MOST_EXPONENT = 1000
_UNITS = re.compile(
    r"(?:\s{0,3}[%°])?(?:[\s-]{1,3}(?:[A-Za-zµ°]{2,30}|per|a|an)(?:/[A-Za-z]{1,20})?(?:\^?[23²³])?\.?){0,6}\s{0,3}"
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
        value = _SUPERSCRIPT.sub(lambda m: f"^{m[0].translate(_LOWERED)}", value.translate(_VULGAR))
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

    ``""`` where one stands there that cannot be read; None where there is none.

    >>> stated("5 + 3 = 8 apples"), stated(r"\\$1,234.50"), stated("twenty-one"), stated("2 and a half")
    ('8', '1234.50', '21', '')
    """
    if len(value) < 300 and value.isascii() and value.isdigit():  # as most are: nothing to read around
        return value
    value = plain(value[:4000])
    if _DECIMAL_COMMA.fullmatch(value):
        value = value.replace(",", ".")
    _, equals, tail = value.rpartition("=")
    for part in (tail, value) if equals else (value,):
        found = next(numbers(part), None)
        found = spelled(part) if found is None else found
        if found is not None:
            return found
    return None


def last(text: str) -> str | None:
    """The last number of a text, written plainly; ``""`` where it cannot be read, None without any."""
    for size in (400, 4000, len(text)):
        window = text[-size:]
        found = list(numbers(plain(window), skip_first=size < len(text)))
        if found:
            return found[-1]
    return None


def numbers(text: str, *, skip_first: bool = False) -> Iterator[str]:
    """All numbers of a text in order, written plainly (``-1234.5``, ``3/4``, ``1.5e3``).

    ``""`` stands for one that what is around it makes another number of, in a way that is not read.
    """
    at = 0
    while (m := NUMBER.search(text, at)) is not None:
        told, at = _told(m)
        if told is not None and not (skip_first and m.start() < 2):
            yield told


def _told(m: re.Match[str]) -> tuple[str | None, int]:
    """A number with what goes before and behind it, and where it ends; None where it is none at all."""
    text, end, written = m.string, m.end(), _write(m)
    if written is None:
        return None, end
    simple = not (m["whole"] or m["den"] or m["mag"])
    suffix = (_MONEY_SUFFIX if any(c in _CURRENCY for c in m[0]) else _SUFFIX).match(text, end)
    if power := _POWER.match(text, end):
        end = power.end()
        whole = simple and not (m["exp"] or m["pow"])
        written = _raised(written, power[1] or power[2] or power[3]) if whole else ""
    elif suffix:
        end = suffix.end()
        sign = written[: written.startswith("-")]
        written = f"{sign}{_shift(written[len(sign) :], _PLACES[suffix[1].lower()])}" if simple else ""
    if (
        _UNREAD.match(text, end)
        or _UNREAD_LETTER.match(text, end)
        or (m["mag"] and _AND_MORE.match(text, end))
    ):
        return "", end
    return written and negated(written, text, m.start()), end


def _raised(written: str, exponent: str) -> str:
    """A whole number to a power; ``""`` for another one, and where it would be very long."""
    sign, base = written[: written.startswith("-")], written.lstrip("-")
    power = int(exponent.translate({ord(c): "-" for c in _MINUS}))
    if base == "10" and (power < 0 or power > _LONGEST_POWER):
        return f"{sign}1e{power}"
    if not base.isdigit() or abs(power) * len(base) > _LONGEST_POWER or (power < 0 and not int(base)):
        return ""
    value = int(base) ** abs(power)
    return f"{sign}{value}" if power >= 0 else f"{sign}1/{value}"


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
        body = _shift(body, sum(MAGNITUDE[great] for great in re.findall(_GREAT, m["mag"].lower())))
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
    told, end = _told(m)
    return _quantity(told) if told and end == m.end() else None


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
