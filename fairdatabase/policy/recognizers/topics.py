"""Topics: finds what a value reveals about the donor, by its most revealing word or ontology id."""

import re
from collections.abc import Iterator
from functools import lru_cache

from fairdatabase.policy.recognizers.plain import is_plain
from fairdatabase.policy.recognizers.strains import may_be_of_person
from fairdatabase.policy.tables.fields import Field
from fairdatabase.policy.tables.topics import Topic
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.policy.text.characters import fold
from fairdatabase.policy.text.dates import is_numeric_date
from fairdb.privacy.v1.field_class_pb2 import FieldClass

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_ONTOLOGY_ID = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9]{1,11})[:_][A-Za-z]?(\d{1,9})(?!\d)")
# "34", "7.5": may be an age. A single digit identifies nobody, and a negative number is a temperature.
_NUMBER_ALONE = re.compile(r"\d{2,}(?:[.,]\d+)?|\d[.,]\d+")
# "34F", "M 34", "34, F": an age beside the letter of a sex. Small letters stand for units: "10 m".
_AGE_AND_SEX = re.compile(r"(?<![\w°-])\d{1,3}[ ,;/]{0,2}[FM](?!\w)|(?<!\w)(?:F|[fFmM][ ,;/])[ ,;/]?\d{2,3}(?!\w)")
# "M34" may be an age and a sex, but "M12" and "M36" are usual names of visits after that many months.
_MALE_OR_MONTH = re.compile(r"(?<!\w)M(\d{2,3})(?!\w)")
_MONTHS_BETWEEN_VISITS = 3
_AGE_AND_SEX_ALONE = re.compile(r"\d{1,3} ?[fm]|f ?\d{1,3}", re.IGNORECASE)
# "d12", "w30": a letter for days, weeks or months, and a number.
_LETTER_AND_NUMBER = re.compile(r"[dwmhy]\d{2,3}")
_PUNCTUATION = " .,:;()[]+-/*"
_ANSWERS = frozenset("yn")
# Up to this many neighbouring words may be parts of one: "h i v", "pre-term".
_MOST_PARTS = 3
_SHORT_TERM = 2
# "DiabetesA_2016" of a field for names of studies.
_SURNAME = re.compile(r"[A-Z][a-z]+")
_TOPICS_OF_STUDIES = frozenset(("health", "infection", "reproduction"))
# "Thalassiosira antarctica" does not say where a donor lives.
_NOT_OF_ORGANISMS = frozenset(("place",))
_VIRUS = re.compile(r"(?<!no)vir(?:us|uses|idae|oid)(?![a-z])")
_TAXONOMY = "NCBITAXON"
_CODE, _COMBINED = "code", "combined"
_TAXON_IDS = frozenset(("taxon_id", "host_taxid"))
_AGE_OR_YEAR = re.compile(r"\d{2}|1[0-2]\d|19[0-9]\d|20[0-4]\d")
# "breast-fed" is one word about diet, which names no organ.
_BREASTFED = re.compile(r"(?<!\w)breast[ -](?=fed|feed)", re.IGNORECASE)
_QUASI, _SENSITIVE, _RESTRICTED = (
    FieldClass.FIELD_CLASS_QUASI_IDENTIFIER,
    FieldClass.FIELD_CLASS_SENSITIVE,
    FieldClass.FIELD_CLASS_RESTRICTED,
)
# Topics that tell persons apart, also in a value of a sensitive field.
_OF_PERSONS = frozenset(("age", "sex", "occupation", "code"))
# Topics that tell persons apart in a value that also has a sensitive topic.
_IDENTIFYING = _OF_PERSONS | {"organ", "household", "settlement", "place"}
_SETTLEMENT = "settlement"
_LONG_TIME = re.compile(r"\d[ -]?(?:years?|yrs?|y|yo|months?|mos?)(?![a-z])")
_YEARS_OF_AGE = re.compile(r"\d\d[ -]?(?:years?|yrs?|y|yo)(?![a-z])")


def topic_of(text: str, field: Field, vocabulary: Vocabulary, *, is_person: bool = False) -> Topic | None:
    """Return the most revealing topic of a clean value in a field, or None if the value reveals nothing.

    A value that tells persons apart and says something sensitive has a topic of its own, which is restricted. A village
    is where a person lives, and else only an environment.
    """
    most: Topic | None = None
    identifying: Topic | None = None
    find = _topics_of_taxon if field.name in _TAXON_IDS else _FINDERS[field.action]
    for topic in find(text, vocabulary):
        is_permitted = _permits(topic, field) and not (is_person and topic.name == _SETTLEMENT)
        if (most is None or topic.field_class > most.field_class) and not is_permitted:
            most = topic
        if not is_permitted or field.field_class == _QUASI:
            is_age = topic.name == "time" and _LONG_TIME.search(text.lower()) is not None
            identifying = topic if topic.name in _IDENTIFYING or is_age else identifying
    if most is not None and most.field_class == _SENSITIVE and identifying is not None:
        return _combined(most, identifying)
    return most


def topic_of_sample(text: str, field: Field, vocabulary: Vocabulary, *, is_person: bool) -> Topic | None:
    """Return what a clean value reveals more if its sample is (`is_person`), or else may be, of a person."""
    are_plain = is_plain(text, field, vocabulary, is_person=is_person)
    if are_plain and not (is_person and _permits(vocabulary.topics.by_name[_SETTLEMENT], field)):
        return None
    find = topic_of_id if field.action == "ontology" else topic_of
    most = find(text, field, vocabulary, is_person=is_person)
    if are_plain or (most is not None and most.field_class != _QUASI):
        return most
    body = vocabulary.topics.by_name["body"]
    return body if most is None or most.name not in _IDENTIFYING else _combined(body, most)


def topic_of_person(text: str, field: Field, vocabulary: Vocabulary) -> Topic | None:
    """Return the restricted topic of a value in a sensitive field that tells persons apart, or None."""
    if len(text) == 1 or _NUMBER_ALONE.fullmatch(text):
        # The code of a group, or a number of the field's own.
        return None
    for topic in _FINDERS[field.action](text, vocabulary):
        is_age = topic.name == "time" and _YEARS_OF_AGE.search(text.lower()) is not None
        if (topic.name in _OF_PERSONS or is_age) and not _permits(topic, field):
            return _combined(vocabulary.topics.default, topic)
    return None


@lru_cache(1024)
def _combined(sensitive: Topic, identifying: Topic) -> Topic:
    """Return the topic of a value that says something sensitive and tells persons apart."""
    return Topic(_COMBINED, _RESTRICTED, f"{sensitive.about} and about {identifying.about}", frozenset())


def topic_of_id(text: str, field: Field, vocabulary: Vocabulary, *, is_person: bool = False) -> Topic | None:
    """Return what one ontology id reveals in a field, or None if it reveals nothing."""
    prefix, _, number = text.partition(":")
    number = number[1:] if number[:1].isalpha() else number
    if not number.isdecimal():
        return topic_of(text, field, vocabulary, is_person=is_person)
    topic = _topic_of_id(prefix, number, vocabulary)
    return None if topic is None or _permits(topic, field) else topic


def topic_of_organism(name: str, vocabulary: Vocabulary) -> Topic | None:
    """Return what the name of an organism reveals about a donor who carries it."""
    found = list(_topics_of_organism(name, vocabulary))
    most = max(found, key=lambda topic: topic.field_class, default=None)
    if most is not None and most.field_class == _SENSITIVE and found[0].name == _CODE:
        return _combined(most, found[0])
    return most


def is_of_strain(topic: Topic) -> bool:
    """Return whether the topic of an organism comes from the code of its strain, which may be that of a donor."""
    return topic.name in (_CODE, _COMBINED)


def topic_of_taxon(taxon_id: int, vocabulary: Vocabulary) -> Topic | None:
    """Return what an id of NCBI Taxonomy reveals about a donor who carries the organism."""
    id = (_TAXONOMY, taxon_id)
    if id in vocabulary.topics.ids:
        return vocabulary.topics.ids[id]
    return vocabulary.topics.by_name[_CODE] if _may_be_of_person(str(taxon_id)) else None


def _topics_of_term(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    if _is_silent(text, vocabulary):
        return
    topics = vocabulary.topics
    if ":" in text or "_" in text:
        yield from _topics_of_ids(text, vocabulary)
        text = _ONTOLOGY_ID.sub(" ", text)
    folded = _BREASTFED.sub("breast", fold(text).strip())
    if folded[:1] == "-" and folded[1:].isdecimal():
        # A temperature.
        return
    if _DIGIT.search(folded):
        yield from _topics_of_numbers(folded, vocabulary)
    elif len(letter := folded.strip(_PUNCTUATION)) == 1 and letter.lower() not in _ANSWERS:
        yield topics.by_name[_CODE]
    elif not topics.numbers.isdisjoint(words := _LETTERS.findall(folded.lower())):
        yield from (topics.beside_numbers[word] for word in words if word in topics.beside_numbers)
    for token in _harmful_tokens(folded, vocabulary):
        yield from _topics_of_word(token, vocabulary)
    if any(_is_known_by_ending(token, vocabulary) for token in _TOKEN.findall(folded.lower())):
        yield topics.default


def _is_silent(text: str, vocabulary: Vocabulary) -> bool:
    """Return True for a term of one or two listed words that reveal nothing. On False, the full search must decide."""
    topics, words = vocabulary.topics, text.lower().split(" ")
    if (
        len(words) > _SHORT_TERM
        or not text.isascii()
        or not vocabulary.words.issuperset(words)
        or not topics.numbers.isdisjoint(words)
    ):
        return False
    parts = words if len(words) == 1 else [*words, (joined := "".join(words)), joined[:-1]]
    return topics.words.keys().isdisjoint(parts) and all(len(word) > 1 and word.isalpha() for word in words)


def _topics_of_ids(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    for prefix, digits in _ONTOLOGY_ID.findall(text):
        if (topic := _topic_of_id(prefix, digits, vocabulary)) is not None:
            yield topic


def _topic_of_id(prefix: str, digits: str, vocabulary: Vocabulary) -> Topic | None:
    topics, id = vocabulary.topics, (prefix.upper(), int(digits))
    return topics.ids[id] if id in topics.ids else topics.ontologies.get(id[0], topics.default)


def _permits(topic: Topic, field: Field) -> bool:
    return field.name in topic.permitted or field.follows in topic.permitted


def _topics_of_organism(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    folded = fold(text)
    if _VIRUS.search(folded.lower()):
        yield vocabulary.topics.by_name["infection"]
    if may_be_of_person(folded):
        yield vocabulary.topics.by_name[_CODE]
    organisms = vocabulary.organisms
    for token in _harmful_tokens(folded, vocabulary):
        is_name = token in organisms.genera or token in organisms.epithets or token in organisms.silent
        for topic in _topics_of_word(token, vocabulary):
            # "Canis lupus" and "Cannabis sativa" name no disease and no drug.
            if topic.name not in _NOT_OF_ORGANISMS and (topic.name == "infection" or not is_name):
                yield topic


def _topics_of_taxon(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    if text.isdecimal() and (topic := topic_of_taxon(int(text), vocabulary)):
        yield topic


def _topics_of_number(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    if _may_be_of_person(text):
        yield vocabulary.topics.by_name[_CODE]


def _may_be_of_person(number: str) -> bool:
    """Return whether a number that names something else may also be an age, a year of birth or a date."""
    return _AGE_OR_YEAR.fullmatch(number) is not None or (number.isdecimal() and is_numeric_date(number))


def _topics_of_study(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    for name in _SURNAME.findall(text):
        for topic in _topics_of_word(name.lower(), vocabulary):
            if topic.name in _TOPICS_OF_STUDIES:
                yield topic


def _topics_of_sequence(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    # The letters of the IUPAC alphabet spell a few words.
    for word in _LETTERS.findall(text.lower()):
        yield from _topics_of_word(word, vocabulary)


_FINDERS = {
    "term": _topics_of_term,
    "ontology": _topics_of_ids,
    "organism": _topics_of_organism,
    "pattern": _topics_of_number,
    "study": _topics_of_study,
    "sequence": _topics_of_sequence,
}


def _harmful_tokens(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the words of a text that reveal something, unless they belong to a harmless phrase."""
    tokens = _TOKEN.findall(text.lower())
    if not any(_topics_of_word(part, vocabulary) for part in _parts(tokens)):
        return
    # Most values have no revealing word, so phrases are searched only now.
    rest = vocabulary.topics.phrases.sub("|", " ".join(tokens))
    for phrase in rest.split("|"):
        yield from _parts(phrase.split())


def _parts(tokens: list[str]) -> Iterator[str]:
    """Yield the tokens, the runs of letters in them, and the words that neighbouring tokens form."""
    for start, token in enumerate(tokens):
        yield token
        if not token.isalpha():
            yield from _LETTERS.findall(token)
        joined = token
        for following in tokens[start + 1 : start + _MOST_PARTS]:
            joined += following
            yield joined


def _topics_of_word(word: str, vocabulary: Vocabulary) -> tuple[Topic, ...]:
    revealing = vocabulary.topics.words
    if word in revealing:
        return revealing[word]
    if word.endswith("s") and word not in vocabulary.words:
        return revealing.get(word.removesuffix("'s"), ()) or revealing.get(word[:-1], ())
    return ()


def _is_known_by_ending(token: str, vocabulary: Vocabulary) -> bool:
    """Return whether the vocabulary knows a token only by an ending, which most often is that of a disease or drug."""
    words, harmless = vocabulary.words, vocabulary.topics.endings
    if token in words:
        return False
    return any(
        word not in words and vocabulary.knows(word) and not word.endswith(harmless) for word in _LETTERS.findall(token)
    )


def _topics_of_numbers(text: str, vocabulary: Vocabulary) -> Iterator[Topic]:
    topics = vocabulary.topics
    # A listed word with digits, such as the primer "27F", is no age.
    rest = _TOKEN.sub(lambda match: "" if _is_listed_with_digits(match[0], vocabulary) else match[0], text)
    if (
        _NUMBER_ALONE.fullmatch(text)
        or _AGE_AND_SEX_ALONE.fullmatch(rest)
        or _AGE_AND_SEX.search(rest)
        or any(int(number) % _MONTHS_BETWEEN_VISITS for number in _MALE_OR_MONTH.findall(rest))
    ):
        yield topics.by_name[_CODE]
    for token in _TOKEN.findall(text.lower()):
        if _LETTER_AND_NUMBER.fullmatch(token) and token not in vocabulary.words:
            yield topics.by_name["time"]
        for word in _LETTERS.findall(token):
            if word in topics.beside_numbers and (len(word) > 1 or word == token):
                yield topics.beside_numbers[word]


def _is_listed_with_digits(token: str, vocabulary: Vocabulary) -> bool:
    return not token.isalpha() and not token.isdigit() and token.lower() in vocabulary.words
