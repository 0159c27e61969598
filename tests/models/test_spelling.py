"""How labels are spelled, for tokenizers with habits of their own."""

from __future__ import annotations

from rebut.models.spelling import continued, sound, spellings


def letters(text: str) -> list[int]:
    return list(text.encode())


def test_a_label_is_spelled_as_it_stands_and_after_a_space() -> None:
    assert spellings(letters, "no") == [tuple(b"no"), tuple(b" no")]


def test_a_space_that_the_tokenizer_adds_by_itself_is_no_part_of_a_label() -> None:
    def words(text: str) -> list[int]:
        return letters(f"_{text}".replace(" ", "_"))

    assert spellings(words, "no") == [tuple(b"no"), tuple(b"_no")]


def test_ways_that_are_one_are_counted_once() -> None:
    assert spellings(lambda text: letters(text.replace(" ", "")), "no") == [tuple(b"no")]


def test_a_text_that_joins_the_line_break_is_spelled_as_it_stands_alone() -> None:
    def joining(text: str) -> list[int]:
        return letters(text.replace("\n\n", "2"))

    assert continued(joining, "\nno") == tuple(b"\nno")


def test_half_of_a_surrogate_pair_is_a_question_mark() -> None:
    assert sound("a\ud800é") == "a?é"
