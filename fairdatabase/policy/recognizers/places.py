"""Places in free text: coordinates in any notation, streets with a house number, and towns with a postcode.

Texts are folded, so all patterns are ASCII, except for degrees and minutes.
"""

import re

from fairdatabase.policy.recognizers.triggers import Endings


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_END = r"(?![^\W_])"
_DEGREES = r"(?:°|º|deg(?:rees?)?\.?|grad(?:os?|i|us)?|graden|degres?|stopni|grader|astetta|o|d|\*)"
_DMS = (
    rf"[NSEWO]? ?-?\d{{1,3}}(?:[.,]\d+)? ?{_DEGREES} ?(?:\d{{1,2}}(?:[.,]\d+)? ?(?:'|’|′|´|`|min(?:utes?)?|"
    rf"m)? ?(?:\d{{1,2}}(?:[.,]\d+)? ?(?:\"|”|“|″|''|''|′′|´´|’’|sec(?:onds?)?|s)?)? ?)?"
    r"(?-i:(?:[NSEWO]|(?<=[°'′″”])[nsew]|(?<=[°'′″”] )[nsew]|[NSEWO]orth|[Nn]orth|[Ss]outh|[Ee]ast|[Ww]est|Nord|Sud|"
    r"Ost|noord|zuid|oost|west|nord|sud|est|ouest|norte|sur|este|oeste|sul|leste)(?![a-z]))"
)
_HEMISPHERE = r"(?-i:[NSEWO])"
# Degrees, and minutes and seconds behind spaces or colons.
_ANGLE = r"\d{1,3}(?:[.,]\d+)?°?(?:[ :]\d{1,2}(?:[.,]\d+)?['’]?){0,2}[\"”]?"
_COORDINATES = re.compile(
    rf"(?<![^\W_])(?:"
    # "52°09'36"N 4°29'24"E", also one of them alone.
    rf"{_DMS}(?:[ ,;/]{{0,3}}{_DMS})?"
    # "N52 09.600 E4 29.400", "52 09 36 N 4 29 24 E".
    rf"|{_HEMISPHERE} ?-?{_ANGLE}[ ,;/]{{0,3}}{_HEMISPHERE} ?-?{_ANGLE}(?![\w])"
    rf"|-?{_ANGLE} ?{_HEMISPHERE}[ ,;/]{{1,3}}-?{_ANGLE} ?{_HEMISPHERE}{_END}"
    rf"|(?:\d{{1,3}}[.,]\d{{4,}}°? ?{_HEMISPHERE}(?!\. [a-z])|{_HEMISPHERE} ?\d{{1,3}}[.,]\d{{3,}}){_END}"
    # With labels.
    r"|(?:lat(?:itude?|itud)?|lon(?:g(?:itude?|itud)?)?|lng|gps|gps[- ]?(?:position|location|coordinates?|coords?)|"
    r"coord(?:inates?|inate|enadas?|onnees|inaten?|enate|inater)?|koord(?:inat(?:en|er)?|ynaty|inaatit)?|wgs ?84|geo"
    r"|(?:geogr\w*\.? )?(?:breite|lange)(?:ngrad)?|breedte(?:graad)?|lengte(?:graad)?|latitud|longitud|latitudine|"
    r"longitudine|szer(?:okosc)?\.?(?: geogr\w*\.?)?|dlug(?:osc)?\.?(?: geogr\w*\.?)?|leveys(?:aste)?|"
    r"pituus(?:aste)?|bredd(?:egrad|grad)?|langd(?:grad)?|laengde(?:grad)?|langde(?:grad)?)"
    r"(?:[\s:=,(.]|\b(?:is|and|und|en|et|y|e|of|was|"
    r"at)\b){1,5}[-+]?\d{1,3}[.,°]\d+°?(?:[ ,;/NSEWO]{1,5}[-+]?\d{1,3}[.,]\d+°?(?: ?[NSEWO](?!\w))?)?"
    r"|geo:[-+]?\d[\d.,;-]*|point ?\([-+\d. ,]+\)|(?:utm|"
    r"mgrs)[: ]{0,2}\d{1,2} ?[c-x](?: ?[a-z]{2})?(?: ?[ne]?\d{3,8}m?[ne]?){1,2}|(?-i:\d{1,2}[C-X][A-Z]{2}\d{6,10})|"
    r"(?-i:\d{1,2}[C-X] \d{6} \d{7})"
    r"|(?-i:[23456789CFGHJMPQRVWX]{4,8}\+[23456789CFGHJMPQRVWX]{2,3})(?!\w))",
    re.IGNORECASE,
)
# A text without a match of one of these two and without a cue has no coordinate.
_SIGN = re.compile(r"[°º*+]")
_HEMISPHERE_BESIDE_DIGIT = re.compile(
    r"\d[ '′\"″”]{0,3}[NSEWO](?![^\W\d_])|(?<![^\W_])[NSEWO] ?-?\d|\d\d?[C-X](?:[A-Z]{2}| )\d{6}"
)
# A match of the latter starts at most this many characters before its first digit.
_LEAD = 3
_CUES = _words(
    """
    lat latitude latitud latitudine lon long longitude longitud longitudine lng gps geo point utm mgrs coord
    coords coordinate coordinates coordenadas coordonnees coordinaten coordinaat koordinaten koordinate
    koordinater koordynaty koordinaatit wgs breite breitengrad lange langengrad breedte breedtegraad lengte
    lengtegraad szer szerokosc dlug dlugosc leveys leveysaste pituus pituusaste bredd breddegrad breddgrad langd
    langdgrad laengdegrad langde langdegrad deg degree degrees grad grados graus gradi graden degres stopni grader
    astetta d o
    """
)
_WORDS_OF_PLACE = re.compile(r"///[a-z]{3,20}\.[a-z]{3,20}\.[a-z]{3,20}")
_DIGIT = re.compile(r"\d")
_STREETS_ALONE = Endings(("strasse", "straat", "gatan", "gracht", "katu"))
_STREETS = re.compile(
    r"(?<![^\W_])(?:[^\W\d_]{2,30}[ -]?(?:strasse|str\.|gasse|platz|allee|straat|laan|gracht|plein|singel|steeg|"
    r"gatan|vagen|torget|gade|straede|vej|veien|katu|kuja|polku|chaussee|promenade|markt|kade|dijk|dreef)"
    r"|(?-i:[A-Z][a-z]{2,30}(?:weg|ring|damm|ufer|steig|hof|tie|vag|gata|alle|grand|stigen|gate|pad|baan|wal|hoek|"
    r"park|berg|nam)))"
    r",? (?:nr\.? ?)?\d{1,4} ?(?-i:[a-z]?)(?:[-/]\d{1,4})?(?! ?(?:°|ml|mg|g|h|min|%|x|kg|cm|mm|l|c|patient\w*|"
    r"proben|samples)(?![a-z]))"
    + _END
    # "12 rue de la Paix": the number comes first.
    + r"|(?<![^\W_])\d{1,4} ?(?:bis|ter)?,? (?:rue|avenue|boulevard|bd|chemin|allee|impasse|quai|place|cours|"
    r"route) (?:[\w'’-]{1,30} ?){1,4}"
    r"|(?<![^\W_.,])\d{1,5}[a-z]?,? (?:[nsew]\.? )?(?:[a-z][\w'.-]{1,30} ){1,2}"
    r"(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|drive|dr|court|ct|close|crescent|cres|way|terrace|"
    r"square|sq|gardens|grove|hill|mews|parkway|pkwy|highway|hwy|circle)(?![a-z])\.?"
    r"(?:,? (?:apt|flat|unit|#) ?\w{1,5})?"
    r"|(?<![^\W_.,])\d{1,5}[a-z]?,? (?-i:(?:[A-Z][\w'.-]{0,30} ){3,4}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Drive|"
    r"Court|Close|Way|Terrace|Square|Hill)\b)"
    # The name of a street alone.
    r"|(?<![^\W_])[a-z]{4,30}(?:strasse|straat|gatan|gracht|katu)(?![a-z])",
    re.IGNORECASE,
)
_STREET_CUES = _words(
    """
    rue avenue boulevard bd chemin allee impasse quai place cours route street st ave road rd lane ln blvd drive
    dr court ct close crescent cres way terrace square sq gardens grove hill mews parkway pkwy highway hwy circle
    str platz plein torget markt gasse weg ring damm hof straat laan gracht gatan vagen gade vej veien katu
    """
)
_STREET_ENDINGS = Endings(
    _words(
        """
    strasse str gasse platz allee straat laan gracht plein singel steeg gatan vagen torget gade straede vej veien
    katu kuja polku chaussee promenade markt kade dijk dreef weg ring damm ufer steig hof tie vag gata alle grand
    stigen gate pad baan wal hoek park berg
    """
    )
)


def erase_places(text: str, words: frozenset[str], replacement: str) -> str:
    """Return folded text, which has these words, with a replacement for each place."""
    digit = _DIGIT.search(text)
    if digit is None:
        if "///" in text:
            text = _WORDS_OF_PLACE.sub(replacement, text)
        return _STREETS.sub(replacement, text) if _STREETS_ALONE.among(words) else text
    begin = max(digit.start() - _LEAD, 0)
    if not _CUES.isdisjoint(words) or _SIGN.search(text) or _HEMISPHERE_BESIDE_DIGIT.search(text, begin):
        text = _COORDINATES.sub(replacement, text)
    if not _STREET_CUES.isdisjoint(words) or _STREET_ENDINGS.among(words):
        text = _STREETS.sub(replacement, text)
    return text
