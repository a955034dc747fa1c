"""Records for property tests. They combine the policy's own names and values with those of a hostile sender."""

import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fairdatabase.policy import tables

FOLDER = Path(tables.__path__[0])
GROUPS: list[dict[str, Any]] = [
    group
    for name in ("policy.toml", "archives.toml", "environment.toml")
    for group in tomllib.loads((FOLDER / name).read_text())["group"]
]
VOCABULARY: dict[str, Any] = tomllib.loads((FOLDER / "vocabulary.toml").read_text())
GROUP_OF = {name: group for group in GROUPS for name in group["fields"]}
WORDS = sorted({word for text in VOCABULARY["words"].values() for word in text.split()})
COUNTRIES = [country.split("|")[0] for country in VOCABULARY["countries"]["names"]]
ONTOLOGIES: list[str] = VOCABULARY["ontologies"]["prefixes"]
DATES = [
    "1961-03-17",
    "17.03.1961",
    "17/03/1961",
    "03/17/61",
    "19610317",
    "1961-03",
    "17.3.61",
    "1961-03-17T10:30:00Z",
    "17 March 1961",
    "Mar 17, 1961",
    "17. März 1961",
]
# The policy, its messages and the vocabulary contain none of these, so finding one in an output means a leak.
IDENTIFIERS = [
    "Zebulon Quartzfeather",
    "Xqéline Müllerqx",
    "zq.canary@canary-mail.example",
    "+31 6 5550 9917",
    "qx-77123",
    "QZ0099812",
    "1961-03-17",
    "DE89 3704 0044 0532 0130 99",
    "Quartzgasse 7, 1017 Qx",
    "王小明明",
    # These values have a form that some rule accepts.
    "QuartzQ_2016",
    "77316931",
    "PRJNA7731693",
]
_LOOK_ALIKES = dict(zip("aeocpxiy", "аеосрхіу", strict=True))
_WIDE = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}


def without_accents(text: str) -> str:
    """Return text without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def fold(text: str) -> str:
    """Return text without case, width, accents, look-alikes and invisible characters."""
    for latin, other in _LOOK_ALIKES.items():
        text = text.replace(other, latin).replace(other.upper(), latin.upper())
    text = unicodedata.normalize("NFKD", text)
    return "".join(c for c in text if not unicodedata.combining(c) and unicodedata.category(c) != "Cf").casefold()


def _disguised(text: str, how: str) -> str:
    if how == "look-alikes":
        return "".join(_LOOK_ALIKES.get(c, c) for c in text)
    if how == "zero width":
        return "\u200b".join(text)
    if how == "wide":
        return "".join(_WIDE.get(c, c) for c in text)
    if how == "accents":
        return re.sub(r"([aeo])", "\\1\u0301", text)
    return {"upper": text.upper(), "lower": text.lower()}.get(how, text)


disguises = st.sampled_from(["none", "none", "upper", "lower", "look-alikes", "zero width", "wide", "accents"])
identifiers = st.sampled_from(IDENTIFIERS)
disguised = st.builds(_disguised, identifiers, disguises)
planted = st.builds(
    str.replace, st.sampled_from(["{}", "x {} y", "feces {}", "{}.gut.2008", "({})", "12{}"]), st.just("{}"), disguised
)
names = st.builds(
    lambda spelling, prefix, how: how(prefix + spelling),
    st.sampled_from([spelling for name, group in GROUP_OF.items() for spelling in (name, *group["fields"][name])]),
    st.sampled_from(["", "", "", "host_"]),
    st.sampled_from(
        [str, str, str.upper, str.title, lambda name: _disguised(name, "wide"), lambda name: f"\u200b{name}"]
    ),
)
words = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
numbers = st.one_of(
    st.integers(-5, 150),
    st.integers(0, 150).map(str),
    st.floats(-200, 1e7, allow_nan=False),
    st.sampled_from(["34 years", "18-65", "90+", "<14", "1.75 m", "59;115", "1e3", "３４", "34,5", "40.01 N 105.27 W"]),
)
listed = st.sampled_from([value.split("|")[-1] for group in GROUPS for value in group.get("values", ())])
ontology_ids = st.builds("{}:{}".format, st.sampled_from(ONTOLOGIES), st.integers(1, 9_999_999))
missing = st.sampled_from([*VOCABULARY["missing"]["terms"], *VOCABULARY["missing"]["blanks"], "", None])
nested = st.sampled_from([["a"], {"a": "b"}, {"a": {"b": ["c", None]}}, []])
sentences = st.lists(st.one_of(words, disguised, numbers.map(str), st.sampled_from(DATES)), max_size=6).map(" ".join)
values = st.one_of(
    words, numbers, listed, ontology_ids, missing, st.sampled_from(COUNTRIES), st.sampled_from(DATES), sentences,
    planted, nested, st.booleans(), st.text(max_size=30), st.sampled_from(["GTGCCAGCMGCC", "Homo sapiens", "HMP_2012"]),
)  # fmt: skip
# Valid values for each action of a field.
good: dict[str, st.SearchStrategy[Any]] = {
    "drop": identifiers,
    "subject": st.just("donor 7"),
    "unit": st.just(""),
    "term": st.one_of(words, ontology_ids.map("feces [{}]".format), planted),
    "common": st.one_of(listed, words),
    "study": st.sampled_from(["SchirmerM_2016", "HMP_2012", "LeChatelierE_2013"]),
    "prefix": st.one_of(st.integers(1000, 99_999), st.sampled_from(["1234 AB", "SW1A 1AA", "D-10115"])),
    "sequence": st.text("ACGT", min_size=8, max_size=20),
    "number": st.floats(0, 80, allow_nan=False),
    "occasion": st.sampled_from(["T0", "visit 3", "baseline", "Day 7", "A", 4]),
    "measurements": st.floats(1, 1e4, allow_nan=False).map("{:.5f};59".format),
    "band": st.one_of(st.floats(10, 99, allow_nan=False), st.integers(10, 89).map(str), st.just("18-65")),
    "year": st.sampled_from(DATES),
    "country": st.sampled_from(COUNTRIES).map("{}: Quartztown".format),
    "grid": st.floats(-90, 90),
    "coordinates": st.builds("{} {}".format, st.floats(0, 90).map("{:.4f}".format), st.integers(-180, 180)),
    "organism": st.sampled_from(["Homo sapiens", "Escherichia coli K-12", "human gut metagenome"]),
    "text": sentences,
    "ontology": ontology_ids,
}


def _good(name: str) -> st.SearchStrategy[tuple[str, Any]]:
    group = GROUP_OF[name]
    if group["action"] in ("pattern", "publication"):
        value = st.one_of(identifiers, st.from_regex(group["pattern"], fullmatch=True))
    elif group["action"] == "vocabulary":
        value = st.sampled_from(group["values"]).map(lambda value: value.split("|")[-1])
    else:
        value = good[group["action"]]
    return st.tuples(st.sampled_from([name, *group["fields"][name]]), value)


realistic = st.lists(st.sampled_from(sorted(GROUP_OF)).flatmap(_good), max_size=12).map(dict)
"""Fields and values that the policy keeps, and identifiers in fields that it drops."""
direct_names = st.sampled_from(sorted(name for name, group in GROUP_OF.items() if group["class"] == "direct"))
carriers = st.sampled_from(["pmid", "study_name", "bioproject", "notes", "disease", "body_site"])
metadata = st.builds(
    lambda fields, direct, carried: {**fields, **direct, **carried},
    st.one_of(
        realistic,
        st.dictionaries(st.one_of(names, names, st.text(min_size=1, max_size=20), planted), values, max_size=12),
    ),
    st.dictionaries(direct_names, identifiers, max_size=4),
    st.dictionaries(carriers, identifiers, max_size=2),
)
"""Metadata of a record. Its direct identifiers come from IDENTIFIERS."""
well_named = st.fixed_dictionaries(
    {"organism": st.sampled_from(["E. coli", "human gut metagenome"])},
    optional={"subject": st.just("donor 7"), "collection_date": st.sampled_from(DATES), "taxon_id": st.just(562)},
)
named = st.fixed_dictionaries(
    {
        "organism": st.sampled_from(
            ["E. coli", "human gut metagenome", "Homo sapiens", "E. coli", "Zebulon Quartzfeather", ""]
        )
    },
    optional={
        "subject": st.one_of(identifiers, st.just("donor 7"), st.just("donor 7"), st.just("not provided")),
        "collection_date": st.sampled_from([*DATES, "soon", "not collected", ""]),
        "study": st.sampled_from(["", "", "0190f3a4-0000-7000-8000-000000000001", "Quartzfeather"]),
        "taxon_id": st.sampled_from([0, 562, 562, 562, 19610317, -1]),
    },
)
