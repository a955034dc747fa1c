"""Logs: JSON lines that never show the text of an error, which may quote what users sent."""

import json
import subprocess
import sys
from typing import Any

import pytest

from deploy.local.layout import CHECKOUT

SET_UP = """
import logging
import structlog
from chassis.serving.logs import set_up_logging

log = structlog.get_logger()
set_up_logging("tests", "info")
"""
ONLY_IMPORTED = """
import logging
import structlog
import chassis.serving.server

log = structlog.get_logger()
"""
FAIL = """
def fail(kind=ValueError):
    raise kind("donor 7")

def caught(kind=ValueError):
    try:
        fail(kind)
    except kind as error:
        return error

class Sample:
    def __repr__(self):
        return "donor 7"
"""
FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "error": ("error=caught()", {"error": "ValueError"}),
    "error in two fields": ("error=(e := caught()), cause=e", {"error": "ValueError", "cause": "ValueError"}),
    "list": ("errors=[caught(), 'a']", {"errors": ["ValueError", "a"]}),
    "tuple": ("errors=(caught(), 1)", {"errors": ["ValueError", 1]}),
    "set": ("errors={caught()}", {"errors": ["ValueError"]}),
    "dict": ("errors={'a': {'b': [caught()]}}", {"errors": {"a": {"b": ["ValueError"]}}}),
    "key": ("errors={caught(): 1, 2: 3}", {"errors": {"ValueError": 1, "2": 3}}),
    "current exception": ("exc_info=True", {"exc_info": "OSError"}),
    "exception as exc_info": ("exc_info=caught()", {"exc_info": "ValueError"}),
    "exc_info": ("exc_info=(ValueError, (e := caught()), e.__traceback__)", {"exc_info": "ValueError"}),
    "group": (
        "error=ExceptionGroup('donor 7', [caught(), ExceptionGroup('donor 7', [caught(KeyError)])])",
        {"error": "ExceptionGroup(ValueError, ExceptionGroup(KeyError))"},
    ),
}


def lines(*code: str) -> list[dict[str, Any]]:
    """Return the log lines that code prints, and check that none quotes the error."""
    command = (sys.executable, "-c", "\n".join(code))
    ran = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True, timeout=60)
    assert "donor" not in ran.stdout + ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.parametrize("start", [SET_UP, ONLY_IMPORTED], ids=["set up", "only imported"])
def test_text_of_an_error_is_not_logged(start: str) -> None:
    calls = [f"    log.error('failed', {arguments})" for arguments, _ in FIELDS.values()]
    library = "    logging.getLogger('a.library').exception('donor 7 is not a number')"
    context = ["try:", "    fail(OSError)", "except OSError:", *calls, library]
    *ours, from_library = lines(start, FAIL, *context)
    assert len(ours) == len(FIELDS)
    for line, (arguments, fields) in zip(ours, FIELDS.values(), strict=True):
        assert {name: line[name] for name in fields} == fields, arguments
        assert line["trace"][-1].endswith(" fail"), arguments
    assert from_library["event"] == "library_warning"
    assert (from_library["library"], from_library["error"]) == ("a.library", "OSError")


def test_error_in_two_fields_has_one_trace_and_traces_of_a_group_name_its_errors() -> None:
    arguments = [FIELDS[name][0] for name in ("error in two fields", "group")]
    twice, group = lines(SET_UP, FAIL, *(f"log.error('failed', {fields})" for fields in arguments))
    places = ["caught", "fail"]
    assert [place.split()[-1] for place in twice["trace"]] == places
    assert [place.rpartition(": ")[0] for place in group["trace"]] == [
        *["ValueError"] * 2,
        *["ExceptionGroup: KeyError"] * 2,
    ]


def test_object_is_logged_as_the_name_of_its_class() -> None:
    (line,) = lines(SET_UP, FAIL, "log.info('stored', sample=Sample(), all=[Sample()], by={Sample(): 1})")
    assert (line["sample"], line["all"], line["by"]) == ("Sample", ["Sample"], {"Sample": 1})
