"""A gateway process that kills or stops itself at a given point, or loses an answer.

FAIRDB_TEST_DIE   the point at which the gateway sends itself SIGKILL: "before write begin", "after call StoreSample"
FAIRDB_TEST_STOP  the point at which the gateway sends itself SIGSTOP
FAIRDB_TEST_LOSE  "request StoreSample" or "answer StoreSample": that call ends as if its deadline had passed
FAIRDB_TEST_LEAVE if set, the gateway takes over no sagas
FAIRDB_TEST_TRACE a file that receives a line for each point that the gateway reaches
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chassis.calling.channel import ServiceChannel
from chassis.errors import DeadlineExceeded
from chassis.serving import server
from gateway.app import open_app
from gateway.sagas.journal import Journal
from gateway.sagas.operations import Operations
from gateway.sagas.transitions import Change, Transition
from gateway.settings import Settings

SIGNALS = {
    os.environ.get("FAIRDB_TEST_DIE", ""): signal.SIGKILL,
    os.environ.get("FAIRDB_TEST_STOP", ""): signal.SIGSTOP,
}
LOSE = os.environ.get("FAIRDB_TEST_LOSE", "")
LEAVE = "FAIRDB_TEST_LEAVE" in os.environ
TRACE = os.environ.get("FAIRDB_TEST_TRACE", os.devnull)


def reach(when: str, what: str) -> None:
    """Record that the gateway has reached a point. Kill or stop the gateway if the environment names this point."""
    with Path(TRACE).open("a") as trace:
        trace.write(f"{when} {what}\n")
    if number := SIGNALS.get(f"{when} {what}"):
        os.kill(os.getpid(), number)


def watch_calls() -> None:
    original = ServiceChannel._call

    async def call(self: ServiceChannel, method: str, *arguments: Any, **options: Any) -> Any:
        name = method.rpartition("/")[2]
        reach("before", f"call {name}")
        try:
            if f"request {name}" == LOSE:
                raise DeadlineExceeded
            answer = await original(self, method, *arguments, **options)
            if f"answer {name}" == LOSE:
                raise DeadlineExceeded
            return answer
        finally:
            reach("after", f"call {name}")

    patched: Any = ServiceChannel
    patched._call = call


def watch_writes() -> None:
    begin_all, write_all = Journal._begin_all, Journal._write_all

    async def begin(self: Journal, sagas: Sequence[Any]) -> Sequence[None]:
        reach("before", f"write {Transition.BEGIN}")
        result = await begin_all(self, sagas)
        reach("after", f"write {Transition.BEGIN}")
        return result

    async def write(self: Journal, changes: Sequence[Change]) -> Sequence[bool]:
        for change in changes:
            reach("before", f"write {change.transition}")
        result = await write_all(self, changes)
        for change in changes:
            reach("after", f"write {change.transition}")
        return result

    def traced(transition: Transition, original: Any) -> Any:
        async def moved(self: Any, *arguments: Any) -> Any:
            if LEAVE and transition in (Transition.TAKE_OVER, Transition.SET_ASIDE):
                return 0
            reach("before", f"write {transition}")
            result = await original(self, *arguments)
            if result:
                reach("after", f"write {transition}")
            return result

        return moved

    journal: Any = Journal
    journal._begin_all, journal._write_all = begin, write
    journal.take_over = traced(Transition.TAKE_OVER, Journal.take_over)
    journal.set_aside = traced(Transition.SET_ASIDE, Journal.set_aside)
    operations: Any = Operations
    operations.retry = traced(Transition.RETRY, Operations.retry)
    operations.cancel = traced(Transition.CANCEL, Operations.cancel)


if __name__ == "__main__":
    watch_calls()
    watch_writes()
    server.run("gateway", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # the environment supplies the rest
