"""Probes into a model, and what they find, survive the way into the journal and back."""

from __future__ import annotations

from rebut.models.wire import (
    Completion,
    Inside,
    Message,
    Probe,
    Request,
    Response,
    request_of,
    response_of,
)
from rebut.records import Usage

ASKED = Request(model="m", messages=(Message("user", "Is it so?"),))
FOUND = Inside(certainty=(2.5, 0.0), labels=(-0.1, -2.3), layers=((-1.0, -0.5), (-0.1, -2.3)), rewards=(0.7,))


def test_a_probe_comes_back_as_it_was_written() -> None:
    probe = Probe(certainty=True, labels=("A", "B"), layers=True, reward="steps", steps=("one", "two"))
    request = Request(model="m", messages=ASKED.messages, probe=probe)
    assert request_of(request.as_json()) == request


def test_a_request_without_a_probe_says_nothing_of_one() -> None:
    assert b"probe" not in ASKED.as_json()
    assert request_of(ASKED.as_json()).probe is None


def test_requests_that_differ_in_their_probe_have_different_addresses() -> None:
    probed = Request(model="m", messages=ASKED.messages, probe=Probe(certainty=True))
    assert probed.hash() != ASKED.hash()


def test_what_was_found_comes_back_as_it_was_written() -> None:
    response = Response(completions=(Completion(text="A", inside=FOUND), Completion(text="B")), usage=Usage())
    assert response_of(response.as_json()) == response
