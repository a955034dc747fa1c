"""A gateway that kills or stops itself at one point, or loses an answer: what tests of sagas start as a process.

FAIRDB_TEST_DIE   where it gets SIGKILL: "before write begin", "after call StoreSample"
FAIRDB_TEST_STOP  where it gets SIGSTOP
FAIRDB_TEST_LOSE  "request StoreSample", "answer StoreSample": that call ends as if its deadline had passed
FAIRDB_TEST_LEAVE whether it leaves other gateways' sagas to others
FAIRDB_TEST_TRACE a file that gets a line for each point that it comes by
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


def pass_by(when: str, what: str) -> None:
    """Come by a point: die, or stop, if it is the one."""
    with Path(TRACE).open("a") as trace:
        trace.write(f"{when} {what}\n")
    if number := SIGNALS.get(f"{when} {what}"):
        os.kill(os.getpid(), number)


def watch_calls() -> None:
    original = ServiceChannel._call

    async def call(self: ServiceChannel, method: str, *arguments: Any, **options: Any) -> Any:
        name = method.rpartition("/")[2]
        pass_by("before", f"call {name}")
        try:
            if f"request {name}" == LOSE:
                raise DeadlineExceeded
            answer = await original(self, method, *arguments, **options)
            if f"answer {name}" == LOSE:
                raise DeadlineExceeded
            return answer
        finally:
            pass_by("after", f"call {name}")

    patched: Any = ServiceChannel
    patched._call = call


def watch_writes() -> None:
    begin_all, write_all = Journal._begin_all, Journal._write_all

    async def begin(self: Journal, sagas: Sequence[Any]) -> Sequence[None]:
        pass_by("before", f"write {Transition.BEGIN}")
        result = await begin_all(self, sagas)
        pass_by("after", f"write {Transition.BEGIN}")
        return result

    async def write(self: Journal, changes: Sequence[Change]) -> Sequence[bool]:
        for change in changes:
            pass_by("before", f"write {change.transition}")
        result = await write_all(self, changes)
        for change in changes:
            pass_by("after", f"write {change.transition}")
        return result

    def passing(transition: Transition, original: Any) -> Any:
        async def moved(self: Any, *arguments: Any) -> Any:
            if LEAVE and transition in (Transition.TAKE_OVER, Transition.SET_ASIDE):
                return 0
            pass_by("before", f"write {transition}")
            result = await original(self, *arguments)
            if result:
                pass_by("after", f"write {transition}")
            return result

        return moved

    journal: Any = Journal
    journal._begin_all, journal._write_all = begin, write
    journal.take_over = passing(Transition.TAKE_OVER, Journal.take_over)
    journal.set_aside = passing(Transition.SET_ASIDE, Journal.set_aside)
    operations: Any = Operations
    operations.retry = passing(Transition.RETRY, Operations.retry)
    operations.cancel = passing(Transition.CANCEL, Operations.cancel)


if __name__ == "__main__":
    watch_calls()
    watch_writes()
    server.run("gateway", Settings(), open_app)  # pyright: ignore[reportCallIssue]  # the environment gives the rest
