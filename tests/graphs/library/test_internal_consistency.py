"""Internal consistency (Xie et al., arXiv:2405.18711), from scripted layers."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from rebut.models.script import Line
from rebut.models.wire import Inside, Request

from ..stage import Stage, able


def layers(*foreseen: str, last: str | None = None) -> Inside:
    rows = tuple((log(0.8), log(0.2)) if f == "yes" else (log(0.2), log(0.8)) for f in foreseen)
    return Inside(labels=rows[-1], layers=rows)


def reading(*paths: tuple[str, Inside | None]) -> Any:
    """A solver who gives these solutions, and for each its layers when it is read again."""
    left = [text for text, _ in paths]

    def say(request: Request) -> Line:
        if request.probe is None:
            return Line(text=left.pop(0))
        begun = request.messages[-1].content.split("\n\nThe ")[0]
        return Line(inside=next(inside for text, inside in paths if text.startswith(begun)))

    return say


async def played(*paths: tuple[str, Inside | None], **params: Any) -> tuple[Any, Stage]:
    play = Stage({"solver": reading(*paths)}, can=able(layers=True, labels=True))
    result = await play.play("internal-consistency", kind="yesno", params={"samples": len(paths), **params})
    return result, play


PATHS = (
    ("a: 9 is odd.\nAnswer: no", layers("no", "no", "no", "no")),
    ("b: I think so.\nAnswer: yes", layers("no", "yes", "no", "yes")),
    ("c: surely.\nAnswer: yes", layers("no", "no", "no", "yes")),
)


async def test_each_path_weighs_as_many_layers_as_foresee_its_end() -> None:
    result, _ = await played(*PATHS)
    assert [(t.answer, t.weight) for t in result.state["ballot"].tallies] == [("no", 4), ("yes", 3)]
    assert result.answer == "no"


async def test_calibration_changes_what_a_layer_foresees() -> None:
    # usual: the first layers say no to everything, so 0.2 for yes is even there
    usual = [0.15, 0.85] * 3 + [0.5, 0.5]
    result, _ = await played(*PATHS, calibration=usual)
    assert [(t.answer, t.weight) for t in result.state["ballot"].tallies] == [("yes", 8), ("no", 1)]


async def test_the_path_is_read_up_to_its_answer_with_the_solvers_own_prompt() -> None:
    _, play = await played(*PATHS)
    solved, read = play.asked("solver")[0], play.asked("solver")[-1]
    assert read.messages[:-1] == solved.messages
    assert {r.messages[-1].content for r in play.asked("solver")[3:]} == {
        "a: 9 is odd.\nAnswer:", "b: I think so.\nAnswer:", "c: surely.\nAnswer:",
    }  # fmt: skip
    assert read.probe is not None
    assert (read.probe.labels, read.probe.layers, read.max_tokens) == ((" yes", " no"), True, 1)


async def test_a_path_without_an_answer_is_read_but_does_not_vote() -> None:
    result, play = await played(*PATHS, ("d: who knows\nwhat", layers("yes", "yes", "yes", "yes")))
    assert result.state["ballot"].abstained == 1
    assert any(r.messages[-1].content.endswith("The answer is") for r in play.asked("solver")[4:])


async def test_figures_of_another_network_end_the_run() -> None:
    with pytest.raises(Exception, match="calibration holds 3 numbers, 4 layers with 2 labels need 8"):
        await played(*PATHS, calibration=[0.5, 0.5, 0.5])


@pytest.mark.parametrize("labels", [["A"], ["A", "A"], ["yes", "yes sir"], [1, 2]])
async def test_labels_given_to_a_run_are_checked(labels: list[Any]) -> None:
    with pytest.raises(Exception, match=r"label"):
        await played(*PATHS, labels=labels)
