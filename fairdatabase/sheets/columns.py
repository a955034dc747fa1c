"""Maps the columns of a table to the fields of a sample."""

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
"""The fields of a sample other than its metadata, by each name that JSON accepts for them."""
REQUEST_ID = {"requestId": "request_id", "request_id": "request_id"}
"""The field with the idempotency key of a row."""
_MOST_TITLES = 40


def list_titles(titles: Sequence[str]) -> str:
    """Return the titles of a header for an error message, at most 40 of them."""
    more = f" and {len(titles) - _MOST_TITLES} more" if len(titles) > _MOST_TITLES else ""
    return ", ".join(map(repr, titles[:_MOST_TITLES])) + more


class TitlesUnusable(Exception):
    """The header cannot be used. `wrong` lists why, without titles: the header may be a row of data by mistake."""

    def __init__(self, wrong: Sequence[str]) -> None:
        self.wrong = tuple(f"header: {why}" for why in wrong)
        super().__init__("; ".join(self.wrong))


class Columns:
    """The columns of a table: the sample's own fields, and metadata, which is every other column."""

    def __init__(self, titles: Sequence[str]) -> None:
        """Read a header. Raises TitlesUnusable."""
        self.width = len(titles)
        self.metadata: list[tuple[int, str]] = []
        """Index and name of each metadata column."""
        self.named: list[tuple[int, str]] = []
        """Index and field (in snake_case) of each other column."""
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
