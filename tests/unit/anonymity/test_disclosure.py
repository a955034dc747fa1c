"""By default, columns are published only if they reveal nothing that was generalised and single nobody out."""

from collections import Counter

import numpy as np
import pytest

from fairdatabase.anonymity.model.table import Table, table_of
from fairdatabase.anonymity.risk.limits import Limits
from fairdatabase.anonymity.risk.risk import Roles
from fairdatabase.anonymity.search.anonymise import Anonymised, anonymise

ROWS = 240
AGES = [str(20 + i * 7 % 60) for i in range(ROWS)]
ROLES = Roles(("age", "sex"), ("disease",))


def published(**further: list[str]) -> Anonymised:
    table = {"age": AGES, "sex": ["F", "M"] * (ROWS // 2), "disease": ["gout", "none", "AMD"] * (ROWS // 3)}
    return anonymise(table_of({**table, **{title.replace("_", " "): texts for title, texts in further.items()}}), ROLES,
                     Limits(5, 2))  # fmt: skip


@pytest.mark.parametrize(
    ("title", "values", "why"),
    [
        ("sample_name", [f"s{i}" for i in range(ROWS)], "identifies a person"),
        ("hat_size", ["small", "large"] * (ROWS // 2), "unknown to the policy"),
        ("Diagnose", ["a", "b", "c"] * (ROWS // 3), "unknown to the policy"),
        ("notes", ["well"] * ROWS, "may identify a person"),
        ("number_reads", [str(10**6 + 7919 * i) for i in range(ROWS)], "may identify a person"),
        ("age_in_years", AGES, "same information as age"),
        ("sex_ontology_term_id", ["PATO:1", "PATO:2"] * (ROWS // 2), "same information as sex"),
        ("country", ["Peru", "Fiji"] * (ROWS // 2), "a quasi-identifier that --quasi does not name"),
        ("treatment", ["none"] * ROWS, "sensitive, but --sensitive does not name it"),
        ("body_site", [f"site {age}" for age in AGES], "reveals what was generalised in age"),
        ("sequencing_platform", [f"machine {i}" for i in range(ROWS)], "would single people out"),
    ],
)
def test_column_is_left_out_with_a_reason(title: str, values: list[str], why: str) -> None:
    done = published(**{title: values})
    assert [(left_out.title, left_out.why) for left_out in done.left_out] == [(title.replace("_", " "), why)]
    assert list(done.table.columns) == ["age", "sex", "disease"]


def test_column_that_nearly_determines_a_generalised_one_is_left_out() -> None:
    # One value in eight is wrong.
    guessed = [age if i % 8 else str(90 - int(age)) for i, age in enumerate(AGES)]
    assert [left_out.title for left_out in published(body_site=guessed).left_out] == ["body site"]


@pytest.mark.parametrize(
    "counts",
    [
        [str(1_000_003 + 104_729 * i % 9_999_991) for i in range(ROWS)],
        [str(round(float(x), 6)) for x in np.random.default_rng(4).lognormal(14, 1, ROWS)],
        [f"{x:.0f}" for x in np.random.default_rng(5).normal(3e7, 8e6, ROWS)],
    ],
)
def test_numbers_of_samples_are_coarse(counts: list[str]) -> None:
    table = table_of({"sex": ["F", "M"] * (ROWS // 2), "sample volume": counts})
    done = anonymise(table, Roles(("sex",)), Limits(5))
    texts = Counter(done.table["sample volume"].texts())
    assert min(texts.values()) >= 5
    assert not set(texts) & set(counts)
    assert done.singled_out.alone == 0


def test_public_columns_with_common_values_are_published_as_they_are() -> None:
    done = published(body_site=["feces"] * ROWS, sample_volume=["150", "250"] * (ROWS // 2))
    assert set(done.table["sample volume"].values) == {"150", "250"}
    assert (done.left_out, done.singled_out.alone) == ((), 0)


def test_many_public_columns_together_single_nobody_out() -> None:
    dice = np.random.default_rng(9)
    titles = (
        "body_site",
        "sequencing_platform",
        "dna_extraction_kit",
        "library_strategy",
        "instrument_model",
        "target_gene",
    )
    done = published(
        **{title: dice.choice(["palm", "cheek", "knee", "elbow", "wrist"], ROWS).tolist() for title in titles}
    )
    assert done.singled_out.alone == 0
    assert {left_out.why for left_out in done.left_out} == {"would single people out"}


def test_kept_columns_are_counted() -> None:
    table = table_of({"age": AGES, "hat size": [str(i) for i in range(ROWS)]})
    done = anonymise(table, Roles(("age",)), Limits(5), keep=["hat size"])
    assert isinstance(done.table, Table)
    assert set(done.table["hat size"].texts()) <= {str(i) for i in range(ROWS)}
    assert done.singled_out.alone == done.singled_out.people
