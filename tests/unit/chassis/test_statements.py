"""No SQL statement is composed at run time, except the one of searches.

Ruff's rule S608 reports each statement that is not a literal, also one that is composed of constants when its module is
imported. These contain no input, so the rule is off, and this test looks only at the functions.
"""

import ast
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.layout import CHECKOUT

SERVICES = ("auth_svc", "backend_svc", "chassis", "deploy", "gateway", "privacy_svc")
# The statement of a sweep, from a table and a condition that the services give as constants.
ACCEPTED = {("chassis/storage/sweep.py", "statement")}


@pytest.mark.parametrize("service", SERVICES)
def test_statements_are_composed_only_at_import(service: str) -> None:
    assert set(composed(CHECKOUT / service)) <= ACCEPTED


def test_a_statement_composed_in_a_function_is_found(tmp_path: Path) -> None:
    (tmp_path / "store.py").write_text(
        'TABLE = "sample"\nALL = f"SELECT * FROM {TABLE}"\n'
        'def find(name):\n    return f"SELECT * FROM sample WHERE name = {name}"\n'
    )
    assert [*composed(tmp_path)] == [("store.py", "find")]


def composed(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the file and the function of each statement that is composed in a function."""
    command = [
        CHECKOUT / ".venv/bin/ruff",
        "check",
        "--isolated",
        "--select",
        "S608",
        "--output-format",
        "json",
        folder,
    ]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    for finding in json.loads(done.stdout):
        file = Path(finding["filename"])
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (
                node.lineno <= finding["location"]["row"] <= (node.end_lineno or 0)
            ):
                root = CHECKOUT if file.is_relative_to(CHECKOUT) else folder
                yield str(file.relative_to(root)), node.name
