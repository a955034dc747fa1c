"""Runs the `fairdb` command in this process, and writes tables for it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
from typer.testing import CliRunner, Result

from fairdatabase.client.commands.main import app

HEADER = ("who", "age", "town", "day", "disease", "kit", "tube")


def run(*words: object) -> Result:
    """Run a command. It must not end in a traceback."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def write(path: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> Path:
    """Write a CSV file."""
    path.write_text("\n".join(",".join(row) for row in (header, *rows)) + "\n")
    return path


def write_excel(path: Path, **sheets: Sequence[Sequence[object]]) -> Path:
    """Write an Excel file with these sheets."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet: Any = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def study(count: int = 60) -> list[tuple[str, ...]]:
    """Return two rows for each of several people. All rows differ slightly."""
    towns, diseases = ("Ghent", "Delft", "Cork"), ("flu", "none", "IBD", "asthma")
    return [
        (
            f"p{i // 2:03}",
            str(20 + (i // 2 * 7) % 50),
            towns[i // 2 % 3],
            f"2016-{1 + i % 12:02}-{1 + i % 28:02}",
            diseases[i // 2 % 4],
            "Qiagen",
            f"tube-{i}",
        )
        for i in range(count)
    ]
