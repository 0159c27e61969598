"""Labels: told apart, read from probabilities or from words, and never guessed."""

from __future__ import annotations

from math import exp, isclose, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.labels import LEAST, after, checked, exact, likeliest, read_label, said, unanswered
from rebut.errors import Unparsed
from rebut.models.wire import Completion, Inside, TokenLogprob

AB = ("A", "B")
YES_NO = ("yes", "no")


def token(text: str, p: float, **top: float) -> TokenLogprob:
    return TokenLogprob(text, log(p), tuple((t, log(q)) for t, q in {text: p, **top}.items()))


def spread(**top: float) -> list[TokenLogprob]:
    """One place, its tokens named by keyword; the first is the written one."""
    pairs = tuple((text.replace("_", " "), log(p)) for text, p in top.items())
    return [TokenLogprob(pairs[0][0], pairs[0][1], pairs)]


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        ([], "from 2 to 100 labels are needed, not 0"),
        (["A"], "not 1"),
        (["A", "A"], "two labels are the same"),
        (["yes", "Yes "], "two labels are the same"),
        (["A", " "], "needs a letter, digit or sign"),
        (["yes", "yes, but"], "no label may begin another"),
        (["1", "10"], "no label may begin another"),
        (["yes", True], "must be a text, not True"),
        ("AB", "must be a list of texts, not str"),
        (None, "must be a list of texts"),
        (["A", "x" * 101], "may have 100 characters"),
        ([str(i).zfill(3) for i in range(101)], "not 101"),
    ],
)
def test_labels_that_cannot_be_told_apart_are_refused(labels: object, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        checked(labels)


def test_the_shares_of_exact_log_probabilities_are_those_among_the_labels() -> None:
    shares = exact(Inside(labels=(log(0.3), log(0.1))), AB)
    assert shares is not None
    assert shares[0] == pytest.approx({"A": 0.75, "B": 0.25})
    assert shares[1] == pytest.approx(0.6)


@given(st.lists(st.floats(-50, 0), min_size=2, max_size=6))
def test_shares_are_together_one_and_keep_the_order_of_the_log_probabilities(logs: list[float]) -> None:
    labels = [chr(65 + i) for i in range(len(logs))]
    shares = exact(Inside(labels=tuple(logs)), labels)
    assert shares is not None
    assert isclose(sum(shares[0].values()), 1)
    assert 0 <= shares[1] <= 1
    best = max(labels, key=shares[0].__getitem__)
    assert logs[labels.index(best)] == pytest.approx(max(logs), abs=1e-9)


def test_the_variants_of_a_label_among_the_first_tokens_are_summed() -> None:
    found = {" A": 0.3, "A": 0.1, "(A": 0.05, "B": 0.2, "**B": 0.05, "I": 0.2}
    place = TokenLogprob(" A", log(0.3), tuple((text, log(p)) for text, p in found.items()))
    shares = likeliest([place], AB)
    assert shares is not None
    assert shares[0] == pytest.approx({"A": 0.45 / 0.7, "B": 0.25 / 0.7})
    assert shares[1] == pytest.approx(0.3)


def test_case_counts_for_a_lone_letter_and_for_no_longer_label() -> None:
    assert likeliest(spread(a=0.5, An=0.2), AB) is None
    shares = likeliest(spread(Yes=0.5, YES=0.1, _no=0.2), YES_NO)
    assert shares is not None and shares[0]["yes"] == pytest.approx(0.75)


def test_the_beginning_of_one_label_alone_counts_for_it() -> None:
    long = ("affirmative", "negative", "neither")
    shares = likeliest(spread(aff=0.5, ne=0.3, neg=0.1, n=0.05), long)
    assert shares is not None
    assert shares[0] == pytest.approx({"affirmative": 0.5 / 0.6, "negative": 0.1 / 0.6, "neither": 0})
    assert likeliest(spread(nothing=0.9), YES_NO) is None


def test_quotes_and_brackets_that_were_written_first_are_stepped_over() -> None:
    places = [token("(", 0.9, A=0.05), token("B", 0.8, A=0.2)]
    shares = likeliest(places, AB)
    assert shares is not None and shares[0] == pytest.approx({"A": 0.2, "B": 0.8})
    assert likeliest([token("(", 1.0)], AB) is None
    assert likeliest([], AB) is None


def test_what_the_marks_of_a_tokenizer_show_for_a_space_is_no_letter() -> None:
    shares = likeliest([TokenLogprob("\u2581A", log(0.5), (("\u0120B", log(0.25)),))], AB)
    assert shares is not None and shares[0] == pytest.approx({"A": 2 / 3, "B": 1 / 3})


def test_the_best_source_that_is_there_is_read() -> None:
    everything = Completion(
        text="B", logprobs=tuple(spread(B=0.9, A=0.1)), inside=Inside(labels=(log(0.6), log(0.2)))
    )
    assert read_label(everything, AB).value == "A"
    no_probe = Completion(text="A", logprobs=tuple(spread(B=0.9, A=0.1)))
    assert read_label(no_probe, AB).probabilities == pytest.approx({"A": 0.1, "B": 0.9})
    words = read_label(Completion(text="(A)"), AB, agent="judge")
    assert (words.value, words.probabilities, words.mass, words.agent) == ("A", None, None, "judge")


def test_labels_that_are_hardly_possible_are_read_from_the_words_or_not_at_all() -> None:
    faint = Inside(labels=(log(LEAST / 4), log(LEAST / 8)))
    assert read_label(Completion(text="Answer: B", inside=faint), AB).value == "B"
    with pytest.raises(Unparsed, match="must be A or B, and nothing else"):
        read_label(Completion(text="I cannot say", inside=faint), AB)
    assert read_label(Completion(text="", inside=Inside(labels=(log(LEAST), -99.0))), AB).value == "A"


@pytest.mark.parametrize("logs", [(float("-inf"), float("-inf")), (float("nan"), -1.0), (-1.0,)])
def test_log_probabilities_that_say_nothing_are_passed_over(logs: tuple[float, ...]) -> None:
    reading = read_label(Completion(text="B", inside=Inside(labels=logs)), AB)
    assert (reading.value, reading.probabilities) == ("B", None)


def test_layers_are_brought_to_shares_of_the_labels() -> None:
    inside = Inside(labels=(log(0.2), log(0.6)), layers=((-5.0, -5.0), (log(0.02), log(0.06))))
    label = read_label(Completion(text="", inside=inside), AB)
    assert label.layers is not None
    assert [list(layer) for layer in label.layers] == [[0.5, 0.5], pytest.approx([0.25, 0.75])]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("A", "A"),
        (" (B) because it is right", "B"),
        ("**B**", "B"),
        ("B.", "B"),
        ("A\nIt is shorter.", "A"),
        ("The answer is B", "B"),
        ("Answer: (A)", "A"),
        ("I take (B), not the other.", "B"),
        ("A better answer is hard to find", None),
        ("a", None),
        ("C", None),
        ("Both (A) and (B) are fine", None),
        ("neither", None),
        ("", None),
        ("<think>A or B? A.</think>B", "B"),
    ],
)
def test_a_written_letter_is_read_where_it_is_meant(text: str, label: str | None) -> None:
    assert said(text, AB) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Yes, it is.", "yes"),
        ("NO", "no"),
        ("nothing of the kind", None),
        ("It is certainly right, so yes", "yes"),
        ("yes and no", None),
        ("yes it is", "yes"),
        ("Yes. There is no doubt", "yes"),
        ("I would say yes or no", None),
        ("Answer: no", "no"),
    ],
)
def test_a_written_word_is_read_where_it_is_meant(text: str, label: str | None) -> None:
    assert said(text, YES_NO) == label


@given(st.text(max_size=60))
def test_no_reply_can_break_the_reading(text: str) -> None:
    assert said(text, AB) in (None, *AB)
    assert said(text, YES_NO) in (None, *YES_NO)
    place = TokenLogprob(text, -0.5, ((text, -0.5), (text[::-1], -1.5)))
    shares = likeliest([place], AB)
    assert shares is None or isclose(sum(shares[0].values()), 1)


def test_a_label_behind_a_begun_reply_has_a_space_before_it() -> None:
    assert after("", AB) == AB
    assert after("The answer is", AB) == (" A", " B")
    assert after("The answer is (", AB) == AB
    assert after("Answer:\n", AB) == AB


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("9 stay.\nAnswer: no", "9 stay.\nAnswer:"),
        ("So the answer is yes. Done.", "So the answer is"),
        ("It is yes at first.\nAnswer: yes", "It is yes at first.\nAnswer:"),
        ("I do not know", "I do not know\n\nThe answer is"),
        ("", "The answer is"),
        (" **No.**", "The answer is"),
    ],
)
def test_a_solution_is_read_again_up_to_its_answer(text: str, begun: str) -> None:
    assert unanswered(text, "yesno") == begun


def test_probabilities_above_one_by_rounding_stay_within() -> None:
    shares = exact(Inside(labels=(1e-9, log(1e-12))), AB)
    assert shares is not None and shares[1] == 0 and exp(0) >= shares[0]["A"]
