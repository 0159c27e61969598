"""Answers found in what models write."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.answers import KINDS, correct, extract, instruction
from rebut.errors import InputError

NUMBERS = [
    ("6 * 3 = 18.\n#### 18", "18"),
    ("so 7 left.\n**Answer:** 7.", "7"),
    ("The answer is $1,234.50 per year.", "1234.50"),
    ("Answer: 5\nWait, I forgot one.\nAnswer: 6", "6"),
    ("Final Answer: The final answer is $18$. I hope it is correct.", "18"),
    (r"Thus \boxed{\frac{3}{4}} cups.", "3/4"),
    (r"Answer: \boxed{1\frac{4}{5}}", "9/5"),
    (r"\boxed{\text{about } 12 \text{ cm}}", "12"),
    ("The answer is −5 degrees.", "-5"),
    ("The answer is -$5.", "-5"),
    (r"The answer is 1.5 \times 10^{3} m.", "1.5e3"),
    ("Answer: 2.5 million people", "2500000"),
    ("Answer: 0.012 thousand", "12"),
    ("Answer: " + "1" * 300 + ".5 trillion", "1" * 300 + "500000000000"),
    ("Answer: 50%", "50"),
    ("Answer: .5", "0.5"),
    ("Answer: 3,5", "3.5"),
    ("Answer: 3 1/2", "7/2"),
    ("Answer: ½", "1/2"),
    ("Answer: twenty-one apples", "21"),
    ("The answer is 5 + 3 = 8 apples.", "8"),
    ("The answer to 3+4 is 7.", "7"),
    ("Answer (in dollars): 20", "20"),
    ("### Answer\n\n42", "42"),
    ("The final answer is:\n\n\\[\n42\n\\]\n", "42"),
    ("<answer> 42 </answer>", "42"),
    (r"\boxed{12}. The answer is right there.", "12"),
    ("<think>Answer: 4</think>\nAnswer: 5", "5"),
    ("is it 4? Answer: 4</think>Answer: 5", "5"),
    ("#### Step 3: Multiply by 7\nSo 21 in all.\n#### 21", "21"),
    ("She keeps 12 of 15, so 3 are left", "3"),
]


@pytest.mark.parametrize(("text", "answer"), NUMBERS)
def test_a_number_is_read_as_it_was_meant(text: str, answer: str) -> None:
    assert extract(text, "number") == answer


SPELLED = [
    ("one hundred", "100"),
    ("a hundred", "100"),
    ("two hundred and five dollars", "205"),
    ("five thousand", "5000"),
    ("Twenty-five hundred", "2500"),
    ("one hundred thousand", "100000"),
    ("two thousand, five hundred", "2500"),
    ("three million four hundred and seven thousand and twelve", "3407012"),
    ("one hundred percent", "100"),
    ("one hundred and two cats and three dogs", "102"),
    ("minus five", "-5"),
    ("negative twenty-one degrees", "-21"),
    ("5 * 20 = one hundred", "100"),
    ("zero", "0"),
]
ENLARGED = [
    ("5 thousand", "5000"),
    ("3 hundred", "300"),
    ("3 hundred thousand", "300000"),
    ("5-million", "5000000"),
    ("1.5e3 million", "1.5e9"),
    ("10k", "10000"),
    ("1.5k steps", "1500"),
    ("about $2.5M a year", "2500000"),
    ("some -$5bn", "-5000000000"),
    ("10 km", "10"),
    ("10km", "10"),
    ("5 grand pianos", "5"),
]
SIGNED = [("minus 5", "-5"), ("negative 12", "-12"), ("it is minus $5", "-5"), ("non-negative 5", "5")]
POWERS = [
    ("10^3", "1000"),
    ("10^{3}", "1000"),
    ("10**3", "1000"),
    ("2 ** 3", "8"),
    ("10³", "1000"),
    ("3 × 10³", "3e3"),
    ("-10^2", "-100"),
    ("10^{-2}", "1e-2"),
    ("2^-3", "1/8"),
    ("5^2 = 25", "25"),
    ("5^{th}", "5"),
    ("90^\\circ", "90"),
    ("12 m^2", "12"),
    ("12 m²", "12"),
    ("**5** apples", "5"),
    ("5 **12 in all**", "5"),
]


@pytest.mark.parametrize(("said", "answer"), [*SPELLED, *ENLARGED, *SIGNED, *POWERS])
def test_a_number_is_read_with_all_that_belongs_to_it(said: str, answer: str) -> None:
    assert extract(f"She had 7 of them.\nAnswer: {said}", "number") == answer
    assert correct(said, answer, "number")


UNREADABLE = [
    *(
        "two and a half",
        "2 and a half",
        "2 and 1/2",
        "one third",
        "two thirds",
        "three hundredths",
        "five point two",
    ),
    *("one two", "one hundred two hundred", "two thousand, five of them", "twenty-first", "several hundred"),
    *(
        "twenty five-dollar bills",
        "5 thousand 200",
        "one hundred and 5",
        "5 million and 3 thousand",
        "3 1/2 million",
    ),
    *(
        "twelve minus 5",
        "ten minus five",
        "negative -5",
        "5 minus two",
        "5 lakh",
        "3 hundreds",
        "5 bn",
        "300K",
        "5M",
    ),
    *(
        "10^n",
        "(-2)^2",
        "10^3^2",
        "1.5^2",
        "10^99999",
        "10**n",
        "2\\pi",
        "2π",
        "3\\sqrt{2}",
        "204_5",
    ),
]


@pytest.mark.parametrize("said", UNREADABLE)
def test_a_number_that_cannot_be_told_is_no_answer_and_none_before_it_is_either(said: str) -> None:
    assert extract(f"She had 7.\nAnswer: 12\nWait.\nAnswer: {said}", "number") is None
    assert not any(correct(said, str(n), "number") for n in (*range(13), 100, 200, 204, 300))


@pytest.mark.parametrize("text", ["It is 10^n", "so there are 12 minus 5", "about 5 lakh", "It is 300K."])
def test_a_last_number_that_cannot_be_told_hides_those_before_it(text: str) -> None:
    assert extract(f"She had 7. {text}", "number") is None


NOTHING = [
    ("", "number"),
    ("   \n", "auto"),
    ("No idea.", "number"),
    ("Solve 3 + 4. Answer: <number>", "number"),
    ("Answer: [Your answer]", "auto"),
    ("Answer: ...", "text"),
    ("3 + 4 is\nAnswer:", "number"),
    (r"3 + 4 = 7, so \boxed{", "number"),
    (r"\boxed{}", "math"),
    ("<think>so the Answer: 4", "number"),
    ("Answer: 1e999999999", "number"),
    ("Answer: 1.2.3", "number"),
    ("```python\nprint(1)", "code"),
    ('{"answer": 5', "json"),
    ("A bird in the hand", "choice"),
    ("First paragraph.\n\nSecond paragraph.", "text"),
]


@pytest.mark.parametrize(("text", "kind"), NOTHING)
def test_an_empty_unfinished_or_placeholder_answer_is_none(text: str, kind: str) -> None:
    assert extract(text, kind) is None


def test_a_placeholder_does_not_hide_an_answer_given_before() -> None:
    assert extract("Answer: 12\n(The form is: Answer: <number>)", "number") == "12"


CHOICES = [
    ("Therefore the answer is **B) Paris**.", "B"),
    ("Answer: (c)", "C"),
    ("Answer: b", "B"),
    (r"\boxed{\textbf{(C) } 5}", "C"),
    ("I think option C is best, not option D.", "D"),
    ("(A) is wrong, so (B).", "B"),
    ("The correct option is D, because A fails.", "D"),
    ("Long reasoning about a bird.\n\n**A**", "A"),
]


@pytest.mark.parametrize(("text", "answer"), CHOICES)
def test_the_last_named_option_is_the_choice(text: str, answer: str) -> None:
    assert extract(text, "choice") == answer


def test_an_option_may_be_named_by_its_words() -> None:
    options = ["the Nile", "the Amazon", "5"]
    assert extract("Answer: The Amazon.", "choice", choices=options) == "B"
    assert extract("Answer: 5", "auto", choices=options) == "C"
    assert extract("Answer: (D)", "choice", choices=options) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: No, it is not true.", "no"),
        ("Yes, since there is no evidence against it.", "yes"),
        ("There is no reason. So it is True.", "yes"),
        ("So the answer is False.", "no"),
        ("I know nothing.", None),
        ("The statement is false. Answer: That is not true.", "no"),
        ("Answer: not true", "no"),
        ("Answer: not false", "yes"),
        ("It isn't true.", "no"),
        ("So it cannot be true.", "no"),
        ("The answer is not true", "no"),
        ("It is false, not true.", "no"),
        ("It is not hard, so the claim is true.", "yes"),
        ("There is no doubt that it is true.", "yes"),
        ("Answer: not necessarily true", None),
        ("Answer: neither true nor false", None),
        ("I do not think that it is true.", None),
        ("There is no evidence that it is true.", None),
        ("It is true. Answer: not wrong", None),
        ("Answer: not yes", None),
    ],
)
def test_yes_and_no_are_read_past_determiners(text: str, answer: str | None) -> None:
    assert extract(text, "yesno") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is Dr. Smith. He was a doctor.", "Dr. Smith"),
        ("**Answer:** “Paris”", "Paris"),
        ("So the answer is > } >.", "> } >"),
        ("Paris", "Paris"),
        ("Answer: ```\na b\n```", "a b"),
    ],
)
def test_text_is_taken_without_its_wrapping(text: str, answer: str) -> None:
    assert extract(text, "text") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $x = 5$. The answer is $x^{2}+1$ metres.", "x^{2}+1"),
        (r"\[ \boxed{\left( 3, \frac{\pi}{2} \right)} \]", r"\left( 3, \frac{\pi}{2} \right)"),
        (r"hence $a$, and then $\sqrt{2}$ follows", r"\sqrt{2}"),
        ("it costs 5 dollars", "5"),
    ],
)
def test_a_formula_keeps_its_latex(text: str, answer: str) -> None:
    assert extract(text, "math") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is 18 dollars a day", "18"),
        ("So the answer is (B).", "B"),
        ("So the answer is Yes.", "yes"),
        (r"\boxed{x^2+1}", "x^2+1"),
        ("The answer is the river Nile.", "the river Nile"),
        ("Answer: $5 and $6", "$5 and $6"),
        ("A: 5\nB: 6\nAnswer: B", "B"),
        ("Add three and four.\nThat makes 7 in all.", "7"),
    ],
)
def test_auto_decides_from_the_answer_itself(text: str, answer: str) -> None:
    assert extract(text) == answer


def test_code_is_the_last_finished_program_and_not_its_output() -> None:
    text = "```python\nx = 1\n```\nbetter:\n~~~py\nx = 2\n~~~\n```output\n2\n```\n```python\nx ="
    assert extract(text, "code") == "x = 2"
    assert extract("def f():\n    return 1\n", "code") == "def f():\n    return 1"


def test_json_is_the_last_balanced_value_and_not_a_citation() -> None:
    text = 'first {"a": 1}, then {"b": {"c": "}"}} as in [1] {oops'
    assert extract(text, "json") == '{"b": {"c": "}"}}'
    assert extract("see [1]", "json") == "[1]"


def test_strict_takes_only_what_was_stated() -> None:
    assert extract("3 are left", "number", strict=True) is None
    assert extract("Answer: 3", "number", strict=True) == "3"


def test_an_unknown_kind_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(InputError, match="did you mean 'number'"):
        extract("5", "nubmer")


def test_every_kind_has_an_instruction_whose_echo_is_no_answer() -> None:
    for kind in KINDS:
        assert instruction(kind).endswith(".")
        assert extract(instruction(kind), kind) is None


@given(
    st.integers(-(10**15), 10**15),
    st.sampled_from(["Answer: {}", "**Answer:** {}.", r"\boxed{{{}}}", "#### {}"]),
)
def test_a_number_stated_as_asked_comes_back(number: int, form: str) -> None:
    assert extract("Let me think about 17.\n" + form.format(number), "number") == str(number)
    assert extract("Let me think about 17.\n" + form.format(f"{number:,}"), "number") == str(number)


SNIPPETS = [
    *(
        "answer",
        " is ",
        ":",
        "\\boxed",
        "{",
        "}",
        "####",
        "<think>",
        "</think>",
        "$",
        "\\frac",
        "```",
        "~~~",
        '"',
    ),
    *(
        "[",
        "]",
        "\\",
        "\n",
        "**",
        "1",
        "1/0",
        "1e999",
        ",",
        ".",
        "(B)",
        "yes",
        "-",
        "\\text{",
        "<answer>",
        "٣",
        "²",
    ),
    *("</answer>", "\x00", " million", " 1/0", "½", "İ"),
]
HOSTILE = st.text(max_size=200) | st.lists(st.sampled_from(SNIPPETS), max_size=60).map("".join)


@given(HOSTILE, st.sampled_from(KINDS), st.sampled_from([None, ["x", "y"], ["A", "B"], []]))
def test_no_text_makes_it_raise(text: str, kind: str, choices: list[str] | None) -> None:
    answer = extract(text, kind, choices=choices)
    assert answer is None or isinstance(answer, str)


PIECES = [
    *(
        "answer",
        "answer ",
        "answer is ",
        "the answer: ",
        "answer\n",
        "answer: \\[",
        "answer: $$",
        "answer: ```\n",
    ),
    *(
        "answer choices are (",
        "\\boxed{",
        "\\boxed",
        "{",
        "}",
        "####",
        "#### ",
        "<think>",
        "</think>",
        "<answer>",
    ),
    *(
        "1",
        "1,",
        "111,",
        "1 ",
        "1/",
        "1.",
        "- ",
        " ",
        "\n",
        "(A",
        "(A)",
        "option ",
        "yes",
        "no ",
        "twenty ",
        "a ",
        "A ",
    ),
    *(
        "`",
        "```\n",
        "~~~\n",
        "[",
        "[1",
        '{"',
        '"',
        '{"\\"',
        "\\",
        "$",
        "$x",
        "\\frac{1}",
        "\\text{",
        "\\(",
        "\\[",
    ),
    *("/*", "'", "**", "_", "=", "x", "é", "İ", ". "),
    *(
        "hundred ",
        "one hundred and ",
        "two thousand, ",
        "minus ",
        "10^",
        "10^{",
        "5k ",
        "³",
        "5-",
        "not ",
        "not true ",
    ),
]


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_texts_of_200_kb_take_less_than_half_a_second(kind: str) -> None:
    for piece in PIECES:
        text = "answer: " + piece * (200_000 // len(piece))
        start = time.process_time()
        extract(text, kind)
        assert time.process_time() - start < 0.5, piece
