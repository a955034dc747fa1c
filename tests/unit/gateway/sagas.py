"""A journal in memory, and a saga whose calls answer as a test scripts them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import grpc

from backend_svc.samples.errors import SagaTakenOver, SampleNotFound
from chassis import errors
from chassis.errors import AppError, RemoteError
from chassis.tasks import cancel
from fairdb.system.v1.saga_service_pb2 import Saga as State
from gateway.sagas.definition import Definition, Pivot, Ref, Saga, Step, Tail
from gateway.sagas.engine import Engine
from gateway.sagas.timing import Timing
from gateway.sagas.transitions import Change

UNAVAILABLE = errors.ServiceUnavailable()
TIMED_OUT = errors.DeadlineExceeded()


def remote(error: AppError) -> RemoteError:
    """Return an error in the form in which it arrives from another service."""
    status = error.to_status()
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status.SerializeToString()))
    failure = grpc.aio.AioRpcError(error.code, grpc.aio.Metadata(), trailing)
    received = errors.from_rpc_error("backend_svc", failure)
    assert isinstance(received, RemoteError)
    return received


REFUSED = remote(SampleNotFound())
TAKEN_OVER = remote(SagaTakenOver())


class HeldLease:
    """A lease that never expires."""

    async def acquired(self) -> None:
        pass


class MemoryJournal:
    """Records each write as (transition, state, reason), and returns the sagas in `due_sagas` as due."""

    lease = HeldLease()

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.written: list[tuple[str, str, str]] = []
        self.due_sagas: list[Saga] = []

    async def begin(self, definition: Definition, id: str) -> Saga:
        self.written.append(("begin", "RUNNING", ""))
        return new_saga(definition, id)

    async def write(self, change: Change) -> bool:
        saga = change.saga
        state = State.State.Name(saga.state).removeprefix("STATE_")  # pyright: ignore[reportArgumentType]
        self.changes.append(change)
        self.written.append((change.transition, state, saga.waiting or saga.reason))
        return True

    async def take_over(self, known: object) -> int:
        return 0

    async def set_aside(self, known: object) -> int:
        return 0

    async def due(self, known: object, driven: Sequence[str], limit: int) -> list[Saga]:
        return self._take(lambda saga: saga.state <= 2 and saga.ref.id not in driven, limit)

    async def tails_due(self, known: object, limit: int) -> list[Saga]:
        return self._take(lambda saga: saga.state == 3, limit)

    def _take(self, wanted: Callable[[Saga], bool], limit: int) -> list[Saga]:
        found = [saga for saga in self.due_sagas if wanted(saga)][:limit]
        self.due_sagas = [saga for saga in self.due_sagas if saga not in found]
        return found

    async def count_open(self) -> list[Any]:
        return []


def new_saga(
    definition: Definition,
    id: str = "1",
    state: State.State.ValueType = State.STATE_RUNNING,
    age: float = 0.0,
    **fields: Any,
) -> Saga:
    since = asyncio.get_running_loop().time() - age
    return Saga(definition, Ref(id, 7), "account", "correlation", "", state, False, since, **fields)


class Script:
    """A saga with three steps, a pivot, and a tail of two steps.

    `answers` gives the answer of each call by its name: a value, an error to raise, or a list with one for each call.
    """

    def __init__(self, **answers: Any) -> None:
        self.calls: list[str] = []
        self.answers = answers
        self.definition: Definition[str, str] = Definition(
            "script",
            1,
            steps=(
                Step(("a1", "a2"), self._do("a"), undo=self._undo("undo a")),
                Step(("free",), self._do("free")),
                Step(("b",), self._do("b"), undo=self._undo("undo b")),
            ),
            pivot=Pivot("pivot", self._pivot, ask=self._ask),
            tail=Tail(("x", "y"), self._progress, self._undo("resume")),
        )

    def _do(self, name: str) -> Callable[[Ref, str], Any]:
        async def do(ref: Ref, work: str) -> None:
            answer = self._answer(name)
            if isinstance(answer, asyncio.Event):
                await answer.wait()

        return do

    def _undo(self, name: str) -> Callable[[Ref], Any]:
        async def undo(ref: Ref) -> None:
            self._answer(name)

        return undo

    async def _pivot(self, ref: Ref, work: str) -> str:
        self._answer("pivot")
        return work

    async def _ask(self, ref: Ref) -> str | None:
        return self._answer("ask")

    async def _progress(self, ids: Sequence[str]) -> Mapping[str, int]:
        done = self._answer("progress")
        return dict.fromkeys(ids, 2 if done is None else done)

    def _answer(self, call: str) -> Any:
        self.calls.append(call)
        answer = self.answers.get(call)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def engine_of(journal: Any, *definitions: Definition, **timing: Any) -> Engine:
    return Engine(
        journal, definitions, Timing(**{"first_backoff": 1.0, "refusals": 8, "tail_overdue": 900.0, **timing})
    )


async def settle(engine: Engine, ticks: int = 1) -> None:
    """Let the engine tick `ticks` times, then cancel it, as a gateway does when it stops."""
    running = [asyncio.create_task(loop()) for loop in (engine.recover, engine.check_tails)]
    for _ in range(ticks):
        # A tick does no real I/O, so it is over after the event loop has run its tasks a few times.
        for _ in range(50):
            await asyncio.sleep(0)
        engine.wake()
    await cancel(*running)
    await engine.close()
