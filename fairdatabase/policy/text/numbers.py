"""Numbers: reads a number with a decimal point or comma, and with or without thousands separators."""

import re

# What programs write.
_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
# "1,234,567.8", "1.234.567,8", "1 234 567", "1'234'567".
_GROUPED = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[1-9]\d{0,2}(?P<separator>[,.' ])\d{3}(?:(?P=separator)\d{3})*)"
    r"(?:(?P<point>[.,])(?P<fraction>\d+))?",
    re.ASCII,
)
# "12,34,567", as in India.
_LAKHS = re.compile(r"(?P<sign>[+-]?)(?P<whole>[1-9]\d?(?:,\d\d)+,\d{3})(?P<fraction>\.\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(?P<whole>\d*),(?P<fraction>\d+)(?:[eE][+-]?\d{1,2})?", re.ASCII)
_POWER = re.compile(r"(?P<number>[^xX*×]+?) ?[xX*×] ?10 ?(?:\^|\*\*) ?(?P<power>[+-]?\d{1,2})", re.ASCII)


def read_numbers(text: str) -> list[float]:
    """Return the ways to read a folded text as a number: two for "1,234", none if it is not a number."""
    if _PLAIN.fullmatch(text):
        return [float(text)]
    if match := _POWER.fullmatch(text):
        return [number * 10 ** int(match["power"]) for number in read_numbers(match["number"])]
    readings: list[float] = []
    if (match := _GROUPED.fullmatch(text)) and match["point"] != match["separator"]:
        whole = match["whole"].replace(match["separator"], "")
        readings.append(float(f"{match['sign']}{whole}.{match['fraction'] or 0}"))
    elif match := _LAKHS.fullmatch(text):
        readings.append(float(f"{match['sign']}{match['whole'].replace(',', '')}{match['fraction'] or ''}"))
    if match := _COMMA.fullmatch(text):
        readings.append(float(text.replace(",", ".")))
    return readings
