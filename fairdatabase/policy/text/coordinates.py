"""Coordinates: reads a latitude, a longitude or both, in the notations that people use."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from fairdatabase.policy.text.characters import fold

_LONGEST = 80
_SIDES: Mapping[str, str] = {
    "n": "N", "north": "N", "nord": "N", "norte": "N", "s": "S", "south": "S", "sud": "S", "sur": "S", "sul": "S",
    "e": "E", "east": "E", "est": "E", "este": "E", "w": "W", "west": "W", "ouest": "W", "oeste": "W", "ovest": "W",
}  # fmt: skip
_SIDE = r"north|nord|norte|south|sud|sur|sul|east|este|est|west|ouest|oeste|ovest|[nsew]"
_VALUE = r"\d{1,3}(?:[.,]\d+)?"
_ANGLE = re.compile(
    rf"(?:(?P<before>{_SIDE})(?![a-z]) ?)?(?P<sign>[+-]) ?(?P<signed>{_VALUE}) ?(?:°|o|deg|degrees?|d)?"
    rf"(?: ?(?P<side>{_SIDE}))?"
    rf"|(?:(?P<first>{_SIDE})(?![a-z]) ?)?(?P<degrees>{_VALUE})"
    rf"(?: ?(?:°|o(?=[ \d])|deg(?:rees?)?|d(?=[ \d])|:| ) ?(?P<minutes>{_VALUE})"
    rf"(?: ?(?:'|min(?:utes?)?|m(?=[ \d])|:| ) ?(?P<seconds>{_VALUE}))?)?"
    rf"(?: ?(?:''|\"|sec(?:onds?)?|s(?= ?[nsew]\b)|'|min(?:utes?)?|m\b|°|o\b|deg(?:rees?)?|d\b))?"
    rf"(?: ?(?P<last>{_SIDE})(?![a-z]))?"
)
# The form of INSDC.
_USUAL = re.compile(r"(\d{1,3}(?:\.\d+)?) ([NS]) (\d{1,3}(?:\.\d+)?) ([EW])", re.ASCII)
_LABEL = re.compile(r"\b(?:latitude|longitude|lat|long|lon|lng)\b ?[:=]? ?")
_POINT = re.compile(r"(?:srid=4326; ?)?point ?\( ?(?P<longitude>\S+) (?P<latitude>[^\s)]+) ?\)")
_PAIR_SEPARATOR = re.compile(r" ?; ?| ?/ ?|, | ,|,(?=[+-]|[nsew]\b)|(?<=[nsew\"'°]),")
_QUOTES = str.maketrans(
    {"′": "'", "″": '"', "‴": '"', "“": '"', "”": '"', "„": '"', "´": "'", "`": "'", "º": "°", "˚": "°"}
)
_SIXTY = 60


class _Angle(NamedTuple):
    degrees: float
    axis: str
    """ "NS", "EW", or "" if the text does not say."""
    is_exact: bool
    """Whether the number has decimals, minutes or a side, so that it is not half of another number."""


def read_coordinate(text: str, axis: str) -> float | None:
    """Return a latitude ("NS") or longitude ("EW") in degrees, or None if the text is not one or contradicts itself."""
    angle = _angle(_LABEL.sub("", _plain(text)).strip()) if len(text) <= _LONGEST else None
    return angle.degrees if angle is not None and angle.axis in ("", axis) else None


def read_coordinates(text: str) -> tuple[float, float] | None:
    """Return latitude and longitude in degrees, or None if the text does not give both or contradicts itself."""
    if len(text) > _LONGEST:
        return None
    if match := _USUAL.fullmatch(text):
        latitude, south, longitude, west = match.groups()
        return -float(latitude) if south == "S" else float(latitude), -float(longitude) if west == "W" else float(
            longitude
        )
    text = _plain(text)
    if match := _POINT.fullmatch(text):
        return _pair(match["latitude"], match["longitude"])
    text = _LABEL.sub("", text).strip("()[]{} /")
    parts = [part for part in _PAIR_SEPARATOR.split(text) if part]
    if len(parts) == 2:
        return _pair(*parts)
    if len(parts) > 1:
        return None
    # Try every place at which the second coordinate may begin. In "52,16" the comma may be a decimal comma.
    found = {
        pair
        for place in range(1, len(text))
        if _may_begin(text, place)
        and (pair := _pair(text[:place].strip(" ,"), text[place:].strip(), must_be_exact=True)) is not None
    }
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> str:
    return " ".join(fold(text.translate(_QUOTES)).lower().replace('"', "''").split())


def _may_begin(text: str, place: int) -> bool:
    """Return whether a coordinate may begin here: behind a space, a comma or a side, or with a sign or a side."""
    before, here = text[place - 1], text[place]
    if here in " ,":
        return False
    return (
        before in " ," or here in "+-" or (before.isalpha() != here.isalpha() and (before in "nsew" or here in "nsew"))
    )


def _pair(first: str, second: str, *, must_be_exact: bool = False) -> tuple[float, float] | None:
    """Return latitude and longitude of two texts. Only their sides may say that the longitude comes first."""
    one, other = _angle(first), _angle(second)
    if one is None or other is None or bool(one.axis) != bool(other.axis):
        return None
    if must_be_exact and not (one.is_exact or other.is_exact):
        return None
    if one.axis == "EW":
        one, other = other, one
    if one.axis and (one.axis, other.axis) != ("NS", "EW"):
        return None
    return one.degrees, other.degrees


def _angle(text: str) -> _Angle | None:
    match = _ANGLE.fullmatch(text)
    if match is None:
        return None
    if match["signed"]:
        # "-4.49 W" may mean either side.
        if match["before"] or match["side"]:
            return None
        degrees = float(match["signed"].replace(",", "."))
        return _Angle(-degrees if match["sign"] == "-" else degrees, "", is_exact=True)
    if match["first"] and match["last"]:
        return None
    side = _SIDES[match["first"] or match["last"]] if match["first"] or match["last"] else ""
    parts = [part.replace(",", ".") for part in (match["degrees"], match["minutes"], match["seconds"]) if part]
    # Only the last part may have decimals.
    if any("." in part for part in parts[:-1]) or any(float(part) >= _SIXTY for part in parts[1:]):
        return None
    degrees = sum(float(part) / _SIXTY**place for place, part in enumerate(parts))
    axis = "" if not side else "NS" if side in "NS" else "EW"
    return _Angle(-degrees if side in ("S", "W") else degrees, axis, len(parts) > 1 or "." in parts[0] or bool(side))
