"""Columns: which field of a sample each column of a table holds."""

from collections.abc import Sequence

SAMPLE_FIELDS = {
    "study": "study",
    "subject": "subject",
    "organism": "organism",
    "taxonId": "taxon_id",
    "taxon_id": "taxon_id",
    "collectionDate": "collection_date",
    "collection_date": "collection_date",
}
"""What a sample has beside its metadata, by every name that it goes by in JSON."""
REQUEST_ID = {"requestId": "request_id", "request_id": "request_id"}
"""The key that a row brings along."""


class TitlesUnusable(Exception):
    """The title line cannot be used; `wrong` says why, and quotes no title: it may be a row in the wrong place."""

    def __init__(self, wrong: Sequence[str]) -> None:
        self.wrong = tuple(f"title line: {what}" for what in wrong)
        super().__init__("; ".join(self.wrong))


class Columns:
    """The columns of a table: those of the sample's own fields, and metadata, which is every other one."""

    def __init__(self, titles: Sequence[str]) -> None:
        """Read a title line. Raises TitlesUnusable."""
        self.width = len(titles)
        self.metadata: list[tuple[int, str]] = []
        """Index and name."""
        self.named: list[tuple[int, str]] = []
        """Index and field, in snake_case."""
        seen: dict[str, int] = {}
        wrong = list[str]()
        for index, title in enumerate(map(str.strip, titles)):
            field = SAMPLE_FIELDS.get(title) or REQUEST_ID.get(title)
            first = seen.setdefault(field or f" {title}", index)
            if not title:
                wrong.append(f"column {index + 1} has no title")
            elif first != index:
                wrong.append(f"columns {first + 1} and {index + 1} have the same title")
            elif field:
                self.named.append((index, field))
            else:
                self.metadata.append((index, title))
        if wrong:
            raise TitlesUnusable(wrong)
