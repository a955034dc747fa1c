"""Postcodes: reduces a postcode to its first characters, which denote a region."""

import re
from collections.abc import Mapping

from fairdatabase.policy.records.generalisation import Implausible
from fairdatabase.policy.text.characters import squash

# "1234 AB", "80302-1234", "SW1A 1AA": at least four characters, so that the first two denote a region.
_POSTCODE = re.compile(r"(?=(?:[ -]?[A-Z0-9]){4})(?=.*\d)[A-Z0-9]{2,5}(?:[ -]?[A-Z0-9]{2,5})?")
# "D-10115", "NL-9712 CP", "LV 1010".
_COUNTRY = re.compile(r"([A-Z]{1,3})-(?=\d)|([A-Z]{2,3}) (?=\d)")
_WHOLE_AS_FLOAT = re.compile(r"(\d+)\.0+")
_DIGITS = re.compile(r"\d+(?:[ -]\d+)*")
# Signs of cars that are not ISO codes of countries.
_CAR_SIGNS = {
    "A": "austria", "B": "belgium", "D": "germany", "E": "spain", "F": "france", "I": "italy", "L": "luxembourg",
    "P": "portugal", "S": "sweden", "N": "norway", "H": "hungary",
}  # fmt: skip


def region(
    written: str, length: int, country: str, is_zip: bool, countries: Mapping[str, str], figures: Mapping[str, int]
) -> str:
    """Return the first characters of a folded postcode in upper case. Raises Implausible.

    `country` is the country of the record, "" if unknown; `is_zip`: the title expects five figures; `figures`: how many
    figures the postcodes of each country have at least.
    """
    if len(written) == length and written.isalnum():
        # It is a region already.
        return written
    text = _WHOLE_AS_FLOAT.sub(r"\1", written)
    if match := _COUNTRY.match(text):
        text, sign = text[match.end() :], match[1] or match[2]
        country = countries.get(squash(_CAR_SIGNS.get(sign, sign)), country)
    expected = figures.get(country, 5 if is_zip and not country else 0)
    if _DIGITS.fullmatch(text) and sum(map(str.isdecimal, text)) < expected:
        raise Implausible("has lost its leading zeros; format the column as text: '02139'")
    if not _POSTCODE.fullmatch(text):
        raise Implausible("must be a postcode: '1234 AB', '80302', 'SW1A 1AA'")
    return squash(text)[:length].upper()


def expects_five_figures(title: str) -> bool:
    """Return whether postcodes under a title have five figures, unless the record names another country."""
    squashed = squash(title)
    return "zip" in squashed or squashed.endswith("plz")
