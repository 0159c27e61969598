from rebut.models.wire import (
    Completion,
    Message,
    Request,
    Response,
    TokenLogprob,
    request_of,
    response_of,
    sound,
)
from rebut.records import Usage


def test_a_request_comes_back_from_its_bytes() -> None:
    request = Request(
        model="a/b", messages=(Message("user", "é"),), n=2, stop=("x",), schema={"type": "object"}
    )
    assert request_of(request.as_json()) == request


def test_a_response_comes_back_from_its_bytes() -> None:
    token = TokenLogprob("hi", -0.5, (("ho", -1.0),))
    said = Completion(text="hi", finish="length", logprobs=(token,), reasoning="so")
    response = Response(completions=(said,), usage=Usage(calls=1, usd=None), model="m", seconds=0.5, id="x")
    assert response_of(response.as_json()) == response


def test_equal_requests_have_one_address_and_others_have_their_own() -> None:
    one = Request(model="a/b", messages=(Message("user", "x"),), timeout=1)
    same = Request(model="a/b", messages=(Message("user", "x"),), timeout=2)
    assert one.hash() == same.hash() != Request(model="a/b", messages=(Message("user", "y"),)).hash()


def test_half_a_surrogate_pair_becomes_a_question_mark_and_can_be_kept() -> None:
    broken = Response(completions=(Completion(text="a\ud800b", reasoning="\udfff"),), usage=Usage())
    mended = sound(broken)
    assert (mended.completions[0].text, mended.completions[0].reasoning) == ("a?b", "?")
    assert response_of(mended.as_json()) == mended


def test_sound_text_is_left_as_it_is() -> None:
    fine = Response(completions=(Completion(text="né 🙂"),), usage=Usage())
    assert sound(fine) == fine


def test_pictures_come_back_with_their_message_and_count_for_the_address() -> None:
    seen = (
        Message("system", "s"),
        Message("user", "what?", ("data:image/png;base64,AA==", "https://x.org/b.png")),
    )
    request = Request(model="a/b", messages=seen)
    assert request_of(request.as_json()) == request
    blind = Request(model="a/b", messages=(seen[0], Message("user", "what?")))
    other = Request(
        model="a/b", messages=(seen[0], Message("user", "what?", ("data:image/png;base64,AQ==",)))
    )
    assert len({request.hash(), blind.hash(), other.hash()}) == 3
    assert b'"messages":[["system","s"],["user","what?"]]' in blind.as_json()
