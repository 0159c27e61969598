"""The tables of the store, one row class each; people query them with SQL, so names read aloud."""

from __future__ import annotations

from sqlalchemy import BigInteger, Table, Text
from sqlalchemy.orm import declared_attr, registry
from sqlmodel import Field, SQLModel


class Row(SQLModel, registry=registry()):
    """Base of the rows; a registry of its own keeps these tables out of an embedding application's."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return cls.__name__.removesuffix("Row").lower()


class RunRow(Row, table=True):
    """A run: what started it, how it stands, what it used, and which process holds it.

    `snapshot` is the hash of a content. `started`, `finished`, `beat` are seconds since the epoch.
    `busy` is the summed time of the calls, `seconds` the wall time of the run. `owner` and the columns
    after it name the process that runs it; `owner` is empty when nobody does.
    """

    id: str = Field(primary_key=True, sa_type=Text)
    workflow: str = Field(sa_type=Text)
    snapshot: str = Field(sa_type=Text)
    input: str = Field(sa_type=Text)
    params: str = Field(sa_type=Text)
    models: str = Field(sa_type=Text)
    seed: int = Field(sa_type=BigInteger)
    budget: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    answer: str = Field(default="null", sa_type=Text)
    stop_reason: str = Field(default="", sa_type=Text)
    detail: str = Field(default="", sa_type=Text)
    calls: int = Field(default=0, sa_type=BigInteger)
    requests: int = Field(default=0, sa_type=BigInteger)
    prompt_tokens: int = Field(default=0, sa_type=BigInteger)
    completion_tokens: int = Field(default=0, sa_type=BigInteger)
    cached_tokens: int = Field(default=0, sa_type=BigInteger)
    reasoning_tokens: int = Field(default=0, sa_type=BigInteger)
    usd: float | None = 0.0
    busy: float = 0.0
    started: float
    finished: float | None = None
    seconds: float | None = None
    parent: str | None = Field(default=None, sa_type=Text)
    version: str = Field(sa_type=Text)
    owner: str | None = Field(default=None, sa_type=Text)
    machine: str | None = Field(default=None, sa_type=Text)
    pid: int | None = Field(default=None, sa_type=BigInteger)
    born: int | None = Field(default=None, sa_type=BigInteger)
    beat: float | None = None


class ContentRow(Row, table=True):
    """A text under its content address (BLAKE2b-128, 32 hex digits): a message, a response, a snapshot.

    In a request the messages, and in a response the texts, are replaced by the hashes of their contents;
    a request stands under the hash of its full form, `Request.hash()`.
    """

    hash: str = Field(primary_key=True, sa_type=Text)
    body: str = Field(sa_type=Text)


class CallRow(Row, table=True):
    """A model call: where in the run, what was asked (`request`, a hash), and how it ended.

    `at` is the run's clock, `wall` is seconds since the epoch. `n` is how many completions were asked for.
    `used` is false when the asking task was cancelled before it got the outcome.
    """

    run: str = Field(primary_key=True, sa_type=Text)
    path: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(sa_type=BigInteger)
    node: str = Field(sa_type=Text)
    visit: int = Field(sa_type=BigInteger)
    agent: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    n: int = Field(sa_type=BigInteger)
    request: str = Field(sa_type=Text)
    response: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    message: str = Field(default="", sa_type=Text)
    http_status: int | None = Field(default=None, sa_type=BigInteger)
    attempts: int = Field(default=1, sa_type=BigInteger)
    prompt_tokens: int = Field(default=0, sa_type=BigInteger)
    completion_tokens: int = Field(default=0, sa_type=BigInteger)
    cached_tokens: int = Field(default=0, sa_type=BigInteger)
    reasoning_tokens: int = Field(default=0, sa_type=BigInteger)
    usd: float | None = 0.0
    seconds: float = 0.0
    at: float
    wall: float
    used: bool = True


class MessageRow(Row, table=True):
    """One completion: what an agent said. `seq` is its call's, `place` its index there, `text` a hash."""

    run: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    place: int = Field(primary_key=True, sa_type=BigInteger)
    call: str = Field(sa_type=Text)
    agent: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class EventRow(Row, table=True):
    """A durable event; `payload` is its line of JSON. The view `step` shows the finished nodes among them."""

    run: str = Field(primary_key=True, sa_type=Text)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(sa_type=Text)
    node: str = Field(default="", sa_type=Text)
    payload: str = Field(sa_type=Text)


class LeaseRow(Row, table=True):
    """A run that a worker has taken, so that no other makes it: until when, and how often it was taken.

    `until` is seconds since the epoch; `worker` is the token of the open store that took the run, and the
    columns after it name its process. What was done stands in `run`, not here.
    """

    run: str = Field(primary_key=True, sa_type=Text)
    scenario: str = Field(sa_type=Text)
    worker: str = Field(sa_type=Text)
    machine: str = Field(sa_type=Text)
    pid: int = Field(sa_type=BigInteger)
    born: int = Field(sa_type=BigInteger)
    until: float
    attempts: int = Field(default=1, sa_type=BigInteger)


class ReplyRow(Row, table=True):
    """Where the reply to a request stands that other runs may take instead of asking again.

    `request` is the hash of the request as the agent put it, before limits made it shorter; `run` and `path`
    are the call's, which may be gone by now.
    """

    request: str = Field(primary_key=True, sa_type=Text)
    run: str = Field(sa_type=Text)
    path: str = Field(sa_type=Text)


def table(row: type[Row]) -> Table:
    """The SQLAlchemy table behind a row class."""
    return Row.metadata.tables[str(row.__tablename__)]


RUN, CONTENT, CALL = table(RunRow), table(ContentRow), table(CallRow)
MESSAGE, EVENT, LEASE, REPLY = table(MessageRow), table(EventRow), table(LeaseRow), table(ReplyRow)
