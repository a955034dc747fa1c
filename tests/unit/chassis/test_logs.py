"""Logs: JSON lines that never show the text of an error, which may quote what users sent."""

import json
import subprocess
import sys

from deploy.local.layout import CHECKOUT

LOG = """
import logging
import structlog
from chassis.serving.logs import set_up_logging

log = structlog.get_logger()
set_up_logging("tests", "info")

def fail():
    raise ValueError("donor 7")

try:
    fail()
except ValueError as error:
    log.error("handler_failed", error=error, cause=error)
    logging.getLogger("a.library").exception("donor 7 is not a number")
"""


def test_text_of_an_error_is_not_logged() -> None:
    command = (sys.executable, "-c", LOG)
    printed = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60).stdout
    assert "donor" not in printed
    ours, library = (json.loads(line) for line in printed.splitlines())
    assert (ours["event"], ours["error"], ours["cause"]) == ("handler_failed", "ValueError", "ValueError")
    assert ours["trace"][-1].endswith("fail")
    assert (library["event"], library["library"], library["error"]) == ("library_warning", "a.library", "ValueError")
