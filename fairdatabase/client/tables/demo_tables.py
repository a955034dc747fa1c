"""The samples of the demo, from its two public tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairdatabase.sheets.table import read_rows

MOVING_PICTURES = "moving_pictures_mf.tsv"
ATLAS = "atlas_meta_data.csv"

_COMMUNITY = {
    "gut": "human gut metagenome",
    "tongue": "human oral metagenome",
    "left palm": "human skin metagenome",
    "right palm": "human skin metagenome",
}


def moving_pictures(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the samples of two people, taken over a year (Caporaso et al. 2011). Raises BadTable, OSError."""
    for row in _rows(folder / MOVING_PICTURES):
        yield {
            "organism": _COMMUNITY[row["BodySite"]],
            "subject": row["Subject"],
            "collectionDate": f"{row['Year']}-{int(row['Month']):02}-{int(row['Day']):02}",
            "metadata": row,
        }


def atlas(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the samples of a gut atlas: 300 unnamed people with age, region and body mass. Raises BadTable, OSError."""
    for row in _rows(folder / ATLAS):
        row["sample_id"] = row.pop("")
        yield {"organism": "human gut metagenome", "metadata": row}


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(file):
        yield {title.lstrip("#"): value for title, value in row.items()}
