"""Free text: what is left of a text that anybody may have written anything into."""

from fairdatabase.policy.recognizers.contextual import decode
from fairdatabase.policy.recognizers.detection import redact_patterns
from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import clean, fold


def redact(text: str, vocabulary: Vocabulary, identifiers: Identifiers | None = None) -> str:
    """Return clean text without names, contact details, dates, numbers, and the identifiers of its record.

    Text that contains none of them is returned as it is.
    """
    decoded = decode(text)
    # Most texts are ASCII and contain nothing to decode, so they are clean and folded already.
    folded = text if decoded is text and text.isascii() else fold(clean(decoded))
    redacted = redact_patterns(folded if identifiers is None else identifiers.erase(folded), vocabulary)
    return text if redacted == folded else redacted
