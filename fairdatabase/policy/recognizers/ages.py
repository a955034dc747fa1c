"""Ages in free text, in digits and in words, and the words that say that a number is one."""

import re
from typing import NamedTuple

from fairdatabase.policy.recognizers.spelled_numbers import IN_WORDS

_BEGIN = r"(?<![^\W_])"


class Scan(NamedTuple):
    """A rule for any place of a text that has one of its cues."""

    cues: frozenset[str]
    regex: re.Pattern[str]


_AGE_NUMBER = r"(?<![\d.,–-])(?<![<>]= )(?<![<>]=)(?<![<>≥≤])(?:1[0-4]\d|\d{1,2})(?:[.,]\d{1,2})?(?![.,]?\d)"
_AGE = rf"(?:{_AGE_NUMBER}|{IN_WORDS}(?![a-z]))"
_SMALL = (
    r"(?:weeks?|wks?|months?|mos?|days?|wochen|monate?n?|tage?n?|weken|maanden|dagen|semaines?|mois|jours?|semanas?|"
    r"meses|dias?|settimane|mesi|giorni|veckor|manader|dagar|uger|maneder|tygodni|miesiecy|dni|viikkoa|kuukautta|"
    r"paivaa|h|hours?|stunden|min|%|mg|ml)"
)
_YEAR_WORDS = """
    year years yr yrs jahr jahre jahren jaar jaren an ans ano anos anni anno ar aar lat lata vuotta vuoden let
    roky roku
"""
_YEARS = rf"(?:{'|'.join(sorted(_YEAR_WORDS.split(), key=len, reverse=True))})"
_OLD = "olds?|of age|alt|oud|gammal|gammel|gamle|gamla|vanha|de edad|de idade|d'age|di eta|wieku|revolus|stary|stara"
_AGE_CUES = """
    aged age ages alter leeftijd edad agee agees eta idade alder aldern wiek wieku ika ian vek veku years-old yo
"""
AGES = Scan(
    frozenset(f"{_AGE_CUES} {_YEAR_WORDS} old olds y".split()),
    re.compile(
        rf"{_BEGIN}(?:{_AGE}[ -]?(?:{_YEARS}[ -]olds?|{_YEARS} (?:{_OLD})(?![a-z])|y/o|y\.o\.?|y\.?o)(?![a-z])"
        rf"|(?:aged?|alter|leeftijd|edad|agee?s?|eta|idade|alder|wieku?|ika|ian|vek)(?:[\s:=,]|(?<![a-z])(?:is|of|"
        rf"at|van|von|de|di|del|des|ist|av|pa|was|era|er|ar|on|collection|sampling|enrolment|enrollment"
        rf"|inclusion|lat|patient|donor|visit|baseline|diagnosis|onset|approximately|about|bei|probenahme|entnahme|"
        rf"the|e|a|"
        rf"es)(?![a-z])){{1,6}}{_AGE}(?!\s?(?:-|–|to|bis|tot|till|til|do|or|und|and|a)\s?\d)(?! ?{_SMALL}(?![a-z]))"
        rf"(?! ?(?:or|and|und|en|et|y|e|och|og|i|ja) (?:older|over|above|alter|ouder|plus|mas|piu|mais|aldre|starsi|"
        rf"up))(?: ?{_YEARS}(?![a-z]))?)",
        re.IGNORECASE,
    ),
)
OLD_ENDINGS = re.compile(
    rf"{_BEGIN}{_AGE}[ -]?(?:jahrig\w{{0,3}}|jarige?n?|aring\w{{0,3}}|arig[ta]?e?|ariga|letni\w{{0,3}}|"
    rf"letn[iya]\w{{0,3}}|latek|latka|vuotia\w{{0,5}}|enne|enni|y/o|yo|yr|ans?ni)(?![a-z])"
    r"|(?:nonagenar|nonagenair|nonagenari|centenar|centenair|hundertjahrig|hondderdjarig|novantenn|supercentenar|"
    r"hundraaring|stulat)\w*",
    re.IGNORECASE,
)
# The endings of words that the pattern above has.
ENDINGS_OF_AGES = tuple(
    """
    jahrig jahrige jahriger jahriges jahrigen jahrigem jarig jarige jarigen aring aringen aringar arig ariga arigt
    arige letni letnia letniego letniej letnim letny letna latek latka vuotias vuotiaan vuotiasta vuotiaalta enne
    enni yo yr nonagenarian nonagenarians nonagenaire nonagenario nonagenaria centenarian centenarians centenaire
    centenario centenaria centenari hundertjahrige hondderdjarige novantenne supercentenarian
    """.split()  # noqa: SIM905
)
_SOMEBODY = """
    dame dama senhora anciana anciano maschio femmina fermier farmer landwirt bauer enfant child bambino bambina
    barn kind dziecko lapsi rouva herra signore vrouwelijk mannelijk hembra macho smoker woman women man men male
    female patient patients person lady gentleman boy girl mother father donor she he volunteer participant
    individual subject turned turns turning celebrated frau mann patientin junge madchen er sie spender spenderin
    mutter vater proband probandin vrouw meisje jongen hij zij patiente deelnemer moeder vader femme homme fille
    garcon elle il donneur donneuse mere pere mujer hombre paciente nina nino madre padre varon senora senor tiene
    donante donna uomo paziente ragazzo ragazza signora donatore mulher homem menina menino tem doente kvinna
    kille flicka pojke hon han kvinde mand pige dreng kobieta kobiety mezczyzna mezczyzny pacjent pacjentka
    pacjenta pacjentki dziewczynka chlopiec ma nainen mies potilas tytto poika hanella pan pani cumplio fete
    fyllde skonczyl skonczyla kvinne jente gutt muz zena
"""
_AGO = (
    "ago|later|earlier|after|before|apres|avant|geleden|fa|dopo|despues|depois|atras|senare|sedan|siden|temu|"
    "pozniej|sitten|spater|zuvor|lang|of (?:follow|treat)|follow|plus tard|previo|previa|antes|prima|wczesniej|"
    "aiemmin"
)
YEARS_OF_SOMEBODY = Scan(
    frozenset((*_YEAR_WORDS.split(), "she's", "he's")),
    re.compile(
        rf"{_BEGIN}(?:(?:{'|'.join(_SOMEBODY.split())})(?: (?:is|was|de|di|of|ist|war|med|a|wird|wurde|est|er|ar|ma|"
        rf"miala?|on|had|just|now|mide|z|w|wieku|i|uit|van|von|mit|aged|um|con|com|tem|tenia|avait|tinha|aveva|had|"
        rf"age|tiene|ha|m))"
        rf"{{0,3}}[ ,;:(]{{1,3}}{_AGE} ?{_YEARS}(?![a-z])(?! (?:{_AGO}))"
        rf"|(?:ninety|neunzig|[a-z]+undneunzig|negentig|[a-z]+ennegentig|quatre[ -]vingts?[ -](?:dix|onze|douze|treize|"
        rf"quatorze|quinze|seize)|nonante|novant[ai][a-z]*|noventa|nitti[a-z]*|[a-z]*halvfems|dziewiecdziesiat|"
        rf"yhdeksankymmenta[a-z]*)"
        rf"(?:[ -](?:y |e |et )?[a-z]{{2,8}})? {_YEARS}(?![a-z])(?! (?:{_AGO}))"
        rf"|(?<!.){_AGE} {_YEARS}(?=[,;.)])|(?:{'|'.join(_SOMEBODY.split())}) lat {_AGE}|(?:she|he)(?:'s|"
        rf" is) {_AGE_NUMBER}(?! ?[%a-z])"
        rf"|ha {_AGE} ann[io](?![a-z])(?! (?:{_AGO}))"
        rf"|(?<![\d.,/-])(?:9\d|1[01]\d)[ -]?{_YEARS}(?![a-z])(?! (?:{_AGO}))"
        rf"|{_AGE} ?{_YEARS}(?![a-z])[ ,]{{1,2}}(?:{'|'.join(_SOMEBODY.split())})(?![a-z]))",
        re.IGNORECASE,
    ),
)
