"""What a YAML file holds, without the places at which it stands."""

from __future__ import annotations

from typing import Any

from rebut.graphs.source import Listing, Piece, Scalar


def plain(piece: Piece | None) -> Any:
    """Dictionaries, lists and values."""
    if isinstance(piece, Scalar):
        return piece.value
    if isinstance(piece, Listing):
        return [plain(item) for item in piece.items]
    return {key.text: plain(value) for key, value in piece.entries} if piece else None
