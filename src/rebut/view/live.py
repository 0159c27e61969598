"""The run on a terminal: what was said scrolls by, who is speaking and what is spent stay below."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from rebut.events import Event, within

from .blocks import Block, Teller
from .board import Board, Speech
from .text import cached, clean, clock, many, money, one_line, short, tail
from .transcript import vote_table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

COLOURS = ("cyan", "magenta", "yellow", "green", "blue", "bright_red")
STYLES = {"note": "yellow", "trouble": "red", "vote": "bold", "ruling": "bold", "end": "dim", "run": "bold"}
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
SAID = 6
"""Lines of a finished speech that are shown."""
SPEAKING = 3
"""Lines of a speech in flight that are shown."""


class LiveView:
    """A rich live display on `console`; use it as a context, and hand it every event in order."""

    def __init__(self, console: Console, board: Board) -> None:
        from rich.live import Live

        self._console, self._board = console, board
        self._teller = Teller()
        self._colours: dict[str, str] = {}
        self._live = Live(
            console=console,
            get_renderable=self._below,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def see(self, event: Event) -> None:
        """Take the event to the board, and print what is finished above the live part."""
        self._board.see(event)
        for block in self._teller.tell(event):
            if block.kind != "trouble" or event.durable:  # a retry shows below, while it lasts
                self._console.print(self._above(block))

    def say(self, text: str) -> None:
        """Print a line that is no event."""
        self._console.print(text, style="bold")

    def colour(self, agent: str) -> str:
        """The agent's colour: by order of first speaking."""
        return self._colours.setdefault(agent, COLOURS[len(self._colours) % len(COLOURS)])

    def _above(self, block: Block) -> RenderableType:
        from rich.console import Group
        from rich.padding import Padding
        from rich.rule import Rule
        from rich.text import Text

        if block.kind == "round":
            return Rule(block.head, style="dim")
        style = f"bold {self.colour(block.agent)}" if block.kind == "speech" else STYLES.get(block.kind, "")
        head = Text(one_line(block.head), style)
        if block.kind in ("ruling", "note", "trouble"):
            said = ": " + one_line(block.body, 400) if block.body else ""
            return Padding(head.append(said), (0, 0, 0, 2))
        parts: list[RenderableType] = [head]
        if block.body:
            parts.append(Padding(self._cut(clean(block.body[:20_000]).strip(), SAID), (0, 0, 0, 2)))
        mark = "#" if self._console.options.ascii_only else "━"
        table = vote_table(block.rows[:8], mark=mark)
        parts += [Text("  " + row, no_wrap=True, overflow="ellipsis") for row in table]
        return Group(*parts)

    def _cut(self, text: str, lines: int) -> Text:
        """The text wrapped to the console's width, at most `lines` of them."""
        from rich.text import Text

        width = max(10, self._console.width - 2)
        wrapped = Text(text).wrap(self._console, width)
        shown = wrapped[:lines]
        more = len(wrapped) - lines
        if more > 0:
            shown.append(Text(f"(+{many(more, 'line')})", style="dim"))
        return Text("\n").join(shown)

    def _below(self) -> RenderableType:
        from rich.console import Group

        speeches = list(self._board.speaking.values())
        room = max(1, (self._console.height - 4) // (SPEAKING + 1))
        parts: list[RenderableType] = [self._speaking(speech) for speech in speeches[:room]]
        if len(speeches) > room:
            from rich.text import Text

            parts.append(Text(f"+ {len(speeches) - room} more speaking", style="dim"))
        return Group(*parts, self._status())

    def _speaking(self, speech: Speech) -> RenderableType:
        from rich.text import Text

        width = max(10, self._console.width)
        line = Text(one_line(speech.agent), f"bold {self.colour(speech.agent)}")
        if speech.n > 1:
            line.append(f" x{speech.n}", style="dim")
        if within(speech.node):
            line.append(f" in {within(speech.node)}", style="dim not bold")
        if speech.text:
            line.append(" " + tail(speech.text, (SPEAKING - 1) * width), style="default not bold")
        else:
            line.append(" " + one_line(speech.trouble or "thinking", 2 * width), style="dim italic not bold")
        return line

    def _status(self) -> RenderableType:
        from rich.text import Text

        board = self._board
        width = max(20, self._console.width)
        frame = SPINNER[int(board.seconds * 8) % len(SPINNER)]
        line = Text(" " if board.over else ("*" if self._console.options.ascii_only else frame), "bold")
        if board.worst and width >= 60:
            line.append(" ").append_text(self._bar(board))
        line.append(" " + status_words(board), style="dim not bold")
        line.truncate(width, overflow="ellipsis")
        return line

    def _bar(self, board: Board, wide: int = 16) -> Text:
        from rich.text import Text

        total = board.planned if board.planned and board.calls <= board.planned else board.worst
        done = min(wide, round(wide * board.calls / max(1, total or 1)))
        full, rest = ("#", ".") if self._console.options.ascii_only else ("━", "─")
        return Text(full * done, "green") + Text(rest * (wide - done), "dim")


def status_words(board: Board) -> str:
    """What is spent, and what is left of the budget."""
    words = [f"{board.calls}/{board.worst} calls" if board.worst else f"{board.calls} calls"]
    from_cache = cached(board.cached, board.prompt)
    words.append(f"{short(board.tokens)} tok" + (f" ({from_cache})" if from_cache else ""))
    if board.usd != 0:
        words.append(money(board.usd))
    words.append(clock(board.seconds))
    left = [
        {"usd": money(n), "seconds": clock(n)}.get(name, f"{short(n)} {name}")
        for name, n in board.left().items()
    ]
    return " · ".join(words) + (f" · left {', '.join(left)}" if left else "")
