"""Pictures on their way from a file into a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rebut.agents.pictures import is_picture, picture, pictures, shown
from rebut.agents.roles import RoleBook
from rebut.errors import InputError
from rebut.models.wire import Message

DATA = "data:image/png;base64,iVBORw0KGgo="
ROLE = """---
about: Looks.
sees: photo
---
{% message "system" %}
Look.
{% endmessage %}
{% message "user" %}
{{ question }}
{% endmessage %}
{% message "assistant" %}
I see
{% endmessage %}
"""


@pytest.mark.parametrize(("name", "kind"), [("a.png", "png"), ("a.JPG", "jpeg"), ("a.b.webp", "webp")])
def test_a_file_becomes_a_data_url(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    assert picture(tmp_path / name) == f"data:image/{kind};base64,iVBORw0KGgo="
    assert is_picture(name) and pictures(picture(tmp_path / name), "image")


def test_a_file_that_is_no_picture_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("x")
    for name, said in (
        ("notes.txt", "possible: png, jpg"),
        ("gone.png", "cannot be read"),
        ("empty.png", "is empty"),
    ):
        with pytest.raises(InputError, match=said):
            picture(tmp_path / name)
    assert not is_picture("notes.txt") and not is_picture("png")


@pytest.mark.parametrize(
    "value",
    ["photo.png", "file:///etc/passwd", "data:text/html;base64,aGk=", "data:image/png;base64,<b>", "", 3,
     [DATA, 3], "javascript:x", "data:image/svg+xml;base64,aGk=", "x" * 10_000],
)  # fmt: skip
def test_only_data_of_pictures_and_addresses_are_shown(value: Any) -> None:
    with pytest.raises(InputError, match="'photo' holds no picture") as caught:
        pictures(value, "photo")
    assert len(str(caught.value)) < 300


def test_none_one_and_several_pictures() -> None:
    assert pictures(None, "photo") == ()
    assert pictures(DATA, "photo") == (DATA,)
    assert pictures([DATA, "https://example.org/a.png"], "photo") == (DATA, "https://example.org/a.png")


def test_pictures_stand_with_the_first_words_of_the_user() -> None:
    said = (Message("system", "s"), Message("user", "u"), Message("assistant", "a"), Message("user", "v"))
    assert [m.images for m in shown(said, (DATA,))] == [(), (DATA,), (), ()]
    assert shown(said, ()) == said


def test_a_role_names_the_fact_that_it_sees(tmp_path: Path) -> None:
    (tmp_path / "eye").mkdir()
    (tmp_path / "eye" / "default.j2").write_text(ROLE)
    mode = RoleBook([tmp_path]).mode("eye")
    assert mode.needs == {"photo"}
    said = mode.render({"question": "What is it?", "photo": DATA})
    assert [(m.role, m.images) for m in said] == [("system", ()), ("user", (DATA,)), ("assistant", ())]
    assert [m.images for m in mode.render({"question": "What is it?", "photo": None})] == [(), (), ()]
