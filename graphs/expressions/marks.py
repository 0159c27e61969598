"""Functions of the expression language over parts of a text."""

from __future__ import annotations

import re
from typing import Any

from .faults import Fault
from .registry import register
from .values import charge

_LONGEST_MARK = 100


@register()
def after(text: Any, mark: Any) -> str | None:
    """What a text says behind its last line that begins with `mark`; None where no line does.

    Letter case, and the signs of markdown around the mark, do not matter.
    """
    from ...agents.answers.surface import visible

    if not isinstance(text, str) or not isinstance(mark, str):
        raise Fault(f"{type(mark if isinstance(text, str) else text).__name__} is no text")
    if not 0 < len(mark.strip()) <= _LONGEST_MARK:
        raise Fault(f"a mark of {len(mark.strip())} characters (possible: 1 to {_LONGEST_MARK})")
    charge(len(text))
    line = re.compile(
        rf"^[ \t*_#>]{{0,20}}{re.escape(mark.strip())}[*_]{{0,3}}", re.IGNORECASE | re.MULTILINE
    )
    ends = [found.end() for found in line.finditer(visible(text))]
    return visible(text)[ends[-1] :].strip() if ends else None
