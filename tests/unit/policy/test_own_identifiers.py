"""Contacts, dates, numbers and a record's own identifiers are found however they are written."""

import time

import pytest

from fairdatabase.policy.recognizers.detection import REDACTED, is_identifying, redact_patterns
from fairdatabase.policy.recognizers.own_identifiers import Identifiers
from fairdatabase.policy.text.characters import clean, squash
from tests.unit.policy.samples import POLICY


def redact(text: str) -> str:
    return redact_patterns(text, POLICY.vocabulary)


def identifiers(kind: str, text: str) -> Identifiers:
    return Identifiers([(kind, text)], POLICY.vocabulary)


@pytest.mark.parametrize(
    "planted",
    [
        "z.q@example.org",
        "z.q (at) example (dot) org",
        "zq at example dot org",
        "@zebulon",
        "https://example.org/zebulon?x=1",
        "www.example.org",
        "10.1.2.3",
        "+1 (555) 013-2847",
        "+15550132847",
        "(555) 013-2847",
        "555.013.2847",
        "555-0199",
        "030-901820",
        "0176 12345678",
        "1980-02-03",
        "1980/2/3",
        "03.02.1980",
        "02/03/80",
        "19800203",
        "3 February 1980",
        "3rd of February",
        "Feb 3, 1980",
        "February 1980",
        "1980-02",
        "123-45-6789",
        "DE89 3704 0044 0532 0130 00",
        "AB123456C",
        "120380-1234",
        "123456782",
        "756.1234.5678.97",
        "756 1234 5678 97",
        "85.07.30-033.28",
        "123.456.789-09",
        "943 476 5919",
        "2345 6789 0123",
        "1234.56.782",
        "CH93 0076 2011 6238 5295 7",
    ],
)
def test_text_that_identifies_by_its_form_is_redacted(planted: str) -> None:
    assert is_identifying(planted)
    assert planted not in redact(f"they said {planted} and left")
    assert redact(f"they said {planted} and left") == f"they said {REDACTED} and left"


@pytest.mark.parametrize(
    "planted",
    [
        "J.D.",
        "J. D.",
        "JD",
        "J. Quartzfeather",
        "JANE DOE",
        "DOE, JANE",
        "Jane Rice",
        "April Quartzfeather",
        "5 Main St",
        "12 Oak Avenue",
        "12 oak avenue",
        "Hauptstrasse 5",
        "bahnhofstr. 12a",
        "8001 Feathertown",
        "X1234567",
        "C01X00T47",
        "RSSMRA85T10A562S",
        "rssmra85t10a562s",
        "hegg560427mvzrrl04",
        "gb29nwbk60161331926819",
        "nl91 abna 0417 1643 00",
        "y1234567x",
        "12345678z",
        "s1234567d",
        "a123456(7)",
        "4a616e6520446f65",
        "SmFuZSBEb2U=",
        "J A N E D O E",
        "J.a.n.e D.o.e",
        "jAne dOe",
        "janE doE",
        "doe at x punkt de",
        "850412",
        "12 04 85",
        "12:04:85",
        "1985-W15-5",
        "1985/102",
        "52.3702 4.8952",
        "52.37 N 4.89 E",
        "fe80::1",
        "1012 AB 14",
        "sw1a 1aa",
        "12 nisan 1985",
        "day 12, month 4, year 85",
        "twelfth of april nineteen eighty-five",
        "राम",
        "सीता देवी",
        "א ב ג ד",
        "张 伟",
        "გიორგი მამულაშვილი",
    ],
)
def test_names_initials_houses_and_codes_are_redacted_from_text(planted: str) -> None:
    assert redact(f"they said {planted} and left") == f"they said {REDACTED} and left"


def test_names_beside_a_declared_one_are_redacted() -> None:
    text = identifiers("name", "Zebulon").erase("mother of Zebulon May, rice")
    assert redact(text) == f"mother of {REDACTED}, rice"


@pytest.mark.parametrize(
    "text",
    [
        "vitamin D. The participant ate, C. difficile and E. coli",
        "IL-6, TNF and CD4 by ELISA; MRSA, IgA, EDTA, BMI",
        "36.5 37.1 38.2 degrees, 3.14159265358",
        "2 meals on the road",
        "300 g rice, 2x per day; pH 7.2, BMI 23.45",
        "16S rRNA V4 region, 97% identity",
        "2-3 times per week, 10 samples",
        "samtools 1.9.12, 1999-2004",
        "150 bp reads at 12.5 ng",
        "2500 mg and 1000 ml, 2000 IU, 5mg b12 5mg",
        "in 2004 in 3 centres, 1985 to 1990",
        "sequenced at 100000 reads, 95%ab",
        "tRNA and 30 kDa, i.e. A, B, C and D",
        "β-blockers at one point in time",
        "4 / 5 / 6 / 7 and 5–10 “healthy” ones",
    ],
)
def test_research_numbers_stay(text: str) -> None:
    assert not is_identifying(text)
    assert redact(text) == text


@pytest.mark.parametrize(
    "name", ["Quartzfeather", "Zebulon Quartzfeather", "O'Quartz", "McQuartz", "QUARTZFEATHER", "Žebulon", "Зебулон"]
)
def test_unknown_capitalised_words_are_redacted(name: str) -> None:
    assert redact(f"Participant {name} ate rice") == f"Participant {REDACTED} ate rice"


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        ("code", "subject-1", "the SUBJECT_1 sample"),
        ("code", "subject-1", "the s.u.b.j.e.c.t.1 sample"),
        ("code", "L1S8", "run l1s8x"),
        ("code", "S-1", "then s1 again"),
        ("code", "HMP_2012_158458797", "donor 158458797"),
        ("code", "SRR060371;SRR060370", "see srr060370"),
        ("code", "Zebulon Quartzfeather", "quartzfeather, zebulon"),
        ("name", "Jané Doering", "jane came"),
        ("name", "Jane Doering", "mrs ｄｏｅｒｉｎｇ"),
        ("name", "Jane Doering", "mrs dоеring"),  # Cyrillic letters
        ("name", "王小明", "patient 王小明"),
        ("email", "jane.doering@example.org", "call doering"),
        ("phone", "+1 555 013 2847", "at 5550132847"),
        ("phone", "+1 555 013 2847", "at 013 28 47"),
        ("date", "1980-02-03", "born 800203"),
        ("date", "1980-02-03", "born 3.2.80"),
        ("date", "3 February 1980", "born 03/02/1980"),
        ("date", "03.02.1980", "born 1980 02 03"),
        ("address", "12 Quartz Lane, Feathertown", "from feathertown"),
    ],
)
def test_own_identifiers_are_found_in_other_spellings(kind: str, given: str, text: str) -> None:
    found, text = identifiers(kind, given), clean(text)
    assert found.among(squash(text))
    assert found.occur_in(text)
    erased = found.erase(text)
    assert REDACTED in erased
    assert not found.occur_in(erased)


@pytest.mark.parametrize(
    ("kind", "given", "text"),
    [
        ("code", "S1", "the V3S12 region"),
        ("code", "12", "12 samples"),
        ("code", "not applicable", "not applicable"),
        ("code", "", "anything"),
        ("date", "1980", "the year 1980"),
        ("label", "human gut", "human gut metagenome"),
    ],
)
def test_text_that_identifies_nobody_stays(kind: str, given: str, text: str) -> None:
    found = identifiers(kind, given)
    assert not found.occur_in(text)
    assert found.erase(text) == text


@pytest.mark.parametrize(
    "text", ["at +1 (555) 013-2847 now", "at 555 013 2847 now", "at 0015550132847 now", "at 0132847 now"]
)
def test_whole_number_is_erased(text: str) -> None:
    assert identifiers("phone", "+1 555 013 2847").erase(text) == f"at {REDACTED} now"


def test_whole_word_is_erased() -> None:
    assert identifiers("name", "Zebulon").erase("the Zebulonish one") == f"the {REDACTED} one"


@pytest.mark.parametrize(
    "text", ["1961-03 17.03.1961", "17.03.1961-03-17", "1961-03-17,1961-03", "1961-03-17/61-03-17T10", "03/17/61/03/17"]
)
def test_two_dates_that_share_digits_are_both_erased(text: str) -> None:
    assert identifiers("date", "17 March 1961").erase(f"on {text} there") == f"on {REDACTED} there"


def test_repeated_identifier_is_erased_each_time() -> None:
    erased = identifiers("code", "QX-77123").erase("seen Q X77123, QX-77123 and qx77123b")
    assert erased == f"seen {REDACTED}, {REDACTED} and {REDACTED}"


def test_value_of_an_unknown_field_counts_if_it_reads_as_a_name() -> None:
    found = Identifiers([("", "Zebulon Quartzfeather"), ("", "Type Diabetes")], POLICY.vocabulary)
    assert found.occur_in("quartzfeather")
    assert not found.occur_in("diabetes")


@pytest.mark.parametrize("hostile", [
    "1 ", "a.", "A", "1-", "(", "may ", "AB12 ", "12.34-", "A1", "A. ", "5 a.a ", "Jane ", "JANE-", "[redacted] A "
])  # fmt: skip
def test_redaction_time_is_proportional_to_the_text(hostile: str) -> None:
    def cost(length: int) -> float:
        text = (hostile * length)[:length]
        begin = time.process_time()
        redact(text)
        return time.process_time() - begin

    # The text is ten times as long. Quadratic time would be a hundred times as much, in each attempt.
    assert any(cost(40_000) < 40 * max(cost(4_000), 0.002) for _ in range(5))


@pytest.mark.parametrize(
    ("kind", "text", "organism"),
    [
        ("code", "Metagenome of water", "marine metagenome"),
        ("code", "Microbe X", "human oral metagenome"),
        ("name", "Illumina Genome Xq", "gut metagenome"),
        ("code", "mouse", "mouse gut metagenome"),
        ("name", "Rhizosphere Qzk", "rhizosphere metagenome"),
        ("code", "bacterium Zq", "uncultured bacterium"),
    ],
)
def test_words_that_name_organisms_identify_nobody_in_an_organism(kind: str, text: str, organism: str) -> None:
    assert not identifiers(kind, text).occur_in_organism(organism)


@pytest.mark.parametrize(
    ("kind", "text", "organism"),
    [
        ("name", "Zebulon Quartzfeather", "Escherichia coli strain Quartzfeather"),
        ("code", "ZQ-4417", "Escherichia coli ZQ4417"),
        ("name", "Marina Qzk", "Marina metagenome"),
        ("code", "hmgq77", "human hmgq77 metagenome"),
        ("code", "Qzkr", "Qzkr gut metagenome"),
    ],
)
def test_identifiers_in_an_organism_are_found(kind: str, text: str, organism: str) -> None:
    assert identifiers(kind, text).occur_in_organism(organism)


@pytest.mark.parametrize("code", ["None", "control", "Human", "mother", "healthy control", "before treatment"])
def test_code_of_words_that_say_something_else_identifies_nobody(code: str) -> None:
    assert not identifiers("code", code)
    assert not identifiers("code", code).occur_in(f"{code.lower()} sample")


@pytest.mark.parametrize("code", ["Rose", "control7", "Qzkr", "healthy Qzkr", "human@example.org", "Maria"])
def test_code_that_may_name_somebody_identifies(code: str) -> None:
    assert identifiers("code", code).occur_in(f"sample of {code}")
