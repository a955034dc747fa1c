"""The README's lines about tables do what they promise when they are pasted."""

import json
import re
import subprocess

import pytest


def test_the_lines_about_tables_work_when_pasted(pytestconfig: pytest.Config) -> None:
    root = pytestconfig.rootpath
    (lines,) = re.findall(r"```bash\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)

    done = subprocess.run(["bash", "-eu"], input=lines, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

    (figures,) = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert (figures["rows"], figures["subjects"], figures["k"]) == (9, 8, 1)
    header, *rows = done.stdout[done.stdout.index("age,sex,country,collection_date,disease") :].splitlines()
    assert header == "age,sex,country,collection_date,disease"
    assert len(rows) == 9
    assert {row.rpartition(",")[0] for row in rows} == {"34-39,*,Spain,2016", "52-65,*,Fiji,2014"}
