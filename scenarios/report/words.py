"""Values in words for a page, and texts of models made visible: what would hide or reorder text is shown."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with control characters, marks of direction and the like as signs that can be read.

    >>> visible("a\\x1b[31m\\u202eb\\r\\n")
    'a⟨U+001B⟩[31m⟨U+202E⟩b\\n'
    """
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


@dataclass(frozen=True, slots=True)
class Cut:
    """A text as far as it is shown; `left` characters of it are not."""

    text: str
    left: int = 0


def cut(text: str, most: int, length: int | None = None) -> Cut:
    """At most so many characters; `length` is that of the whole where `text` is its beginning only.

    >>> cut("abcdef", 4), cut("abc", 4)
    (Cut(text='abcd', left=2), Cut(text='abc', left=0))
    """
    whole = len(text) if length is None else length
    shown = text[: max(0, most)]
    return Cut(shown, whole - len(shown))


def percent(share: float, digits: int = 1) -> str:
    """A share of one.

    >>> percent(0.8333), percent(0.005, 0)
    ('83.3 %', '0 %')
    """
    return f"{100 * share:.{digits}f} %"


def points(difference: float, digits: int = 1) -> str:
    """A difference of shares in percentage points, with its sign.

    >>> points(0.1667), points(-0.05), points(-1e-9)
    ('+16.7', '−5.0', '+0.0')
    """
    value = round(100 * difference, digits) + 0.0
    return f"{'−' if value < 0 else '+'}{abs(value):.{digits}f}"


def probability(p: float) -> str:
    """A p value in two figures.

    >>> probability(0.0431), probability(1.0), probability(1e-9)
    ('0.043', '1', '<0.0001')
    """
    return "<0.0001" if p < 1e-4 else f"{p:.2g}"


def amount(n: float) -> str:
    """A count or mean in three or four characters.

    >>> amount(2), amount(12.34), amount(1234), amount(2_500_000)
    ('2', '12.3', '1.2k', '2.5M')
    """
    if n < 1000:
        return f"{n:.3g}" if n < 999.5 else "1.0k"
    return f"{n / 1000:.1f}k" if n < 999_950 else f"{n / 1_000_000:.1f}M"


def money(usd: float | None) -> str:
    """US dollars in two figures where they are few.

    >>> money(0.0021), money(1.5), money(0.0), money(None)
    ('$0.0021', '$1.50', '$0', 'not known')
    """
    if usd is None:
        return "not known"
    if usd == 0:
        return "$0"
    if usd >= 0.1 or usd < 0:
        return f"${usd:.2f}"
    return f"${usd:.{1 - math.floor(math.log10(usd))}f}" if usd >= 1e-9 else "<$0.000000001"


def price(usd: float) -> str:
    """A round amount of US dollars, as short as may be.

    >>> price(0.0005), price(2.0), price(0.0)
    ('$0.0005', '$2', '$0')
    """
    return f"${usd:.9f}".rstrip("0").rstrip(".")


def clock(seconds: float) -> str:
    """A time span.

    >>> clock(4.25), clock(75), clock(3700)
    ('4.2 s', '1 m 15 s', '1 h 01 m')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} m {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} m"


def moment(epoch: float) -> str:
    """A time of day, in UTC.

    >>> moment(0)
    '1970-01-01 00:00 UTC'
    """
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(epoch))


def span(first: float, last: float) -> str:
    """From one time to another, in UTC.

    >>> span(0, 5), span(0, 3600), span(0, 86400)
    ('1970-01-01 00:00 UTC', '1970-01-01 00:00 to 01:00 UTC', '1970-01-01 00:00 to 1970-01-02 00:00 UTC')
    """
    began, ended = moment(first), moment(last)
    if began == ended:
        return began
    return f"{began[:16]} to {ended[11:] if began[:10] == ended[:10] else ended}"


def many(n: int, noun: str) -> str:
    """A count with its noun.

    >>> many(1, "item"), many(1200, "item")
    ('1 item', '1,200 items')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
