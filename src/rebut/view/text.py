"""Words from models made safe for a terminal, and short enough for a line."""

from __future__ import annotations

import math
import re
from typing import Any

_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    # OSC, DCS, SOS, PM, APC: titles, links, clipboard
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x80-\x9f]*(?:\x07|\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-~]"  # two-character escapes: reset, character sets
)
_BREAKS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
# C0 and C1 controls, direction overrides (they reorder what stands beside them), lone surrogates.
_CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)
_JSON_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The text without anything that a terminal would obey; line breaks and tabs stay.

    >>> clean("red \\x1b[31malert\\x1b[0m\\x07\\r\\nnext")
    'red alert\\nnext'
    """
    return _CONTROLS.sub("", _BREAKS.sub("\n", _SEQUENCES.sub("", text)))


def clean_json(line: str) -> str:
    """The same JSON value with the characters that a terminal would obey written as escapes."""
    return _JSON_UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def one_line(text: str, width: int = 0) -> str:
    """The cleaned text on one line, cut at `width` characters with an ellipsis (0: not cut).

    >>> one_line("so  it\\nis", 6)
    'so it…'
    """
    if width and len(text) > 8 * width:
        text = text[: 8 * width]  # a reply may be megabytes; only its beginning can show
    flat = " ".join(clean(text).split())
    return flat if not width or len(flat) <= width else flat[: max(1, width - 1)].rstrip() + "…"


def tail(text: str, chars: int) -> str:
    """The cleaned end of a text that is still being written, on one line of at most `chars` characters."""
    flat = " ".join(clean(text[-4 * chars :]).split())
    return flat if len(flat) <= chars else "…" + flat[1 - chars :]


def words(value: Any) -> str:
    """A value for a reader: text as it is, numbers short, records and lists as compact JSON."""
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return str(value)
    import orjson

    return orjson.dumps(value, default=str).decode()


def many(n: int, noun: str) -> str:
    """A count with its noun: ``1 call``, ``2 calls``.

    >>> many(1, "call"), many(1200, "token")
    ('1 call', '1200 tokens')
    """
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def short(n: float) -> str:
    """A count in three or four characters.

    >>> short(950), short(1234), short(2_500_000)
    ('950', '1.2k', '2.5M')
    """
    if n < 1000:
        return f"{n:g}"
    return f"{n / 1000:.1f}k" if n < 1_000_000 else f"{n / 1_000_000:.1f}M"


def size(count: float) -> str:
    """A count of bytes.

    >>> size(950), size(52_000), size(2_500_000), size(31e9)
    ('950 B', '52.0 kB', '2.5 MB', '31.0 GB')
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1000
    return f"{count:.1f} GB"


def cached(cached: int, prompt: int) -> str:
    """How much of the prompts came from a prefix cache; empty where nothing did.

    >>> cached(620, 1000), cached(0, 1000)
    ('62% cached', '')
    """
    return f"{min(1.0, cached / prompt):.0%} cached" if cached > 0 and prompt > 0 else ""


def money(usd: float | None) -> str:
    """US dollars, to two figures when small; ``$?`` when no price is known.

    >>> money(0.0021), money(1.5), money(None)
    ('$0.0021', '$1.50', '$?')
    """
    if usd is None:
        return "$?"
    if usd >= 0.1 or usd <= 0:
        return f"${usd:.2f}"
    return f"${usd:.{1 - math.floor(math.log10(usd))}f}" if usd >= 1e-6 else "<$0.000001"


def clock(seconds: float) -> str:
    """A time span.

    >>> clock(4.25), clock(75), clock(3700)
    ('4.2s', '1m15s', '1h01m')
    """
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}m"
