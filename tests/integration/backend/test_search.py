"""ListStoredSamples: filters match only what the reader may see, and use an index."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from backend_svc.samples import search
from fairdatabase.filters import language
from fairdb.privacy.v1.field_class_pb2 import StudyGrant
from tests.integration.backend.conftest import (
    PUBLIC,
    QUASI,
    RESTRICTED,
    SENSITIVE,
    STUDY,
    Backend,
    Refused,
    new_account,
)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('organism = "human gut metagenome"', True),
        ('organism = "Human Gut METAGENOME"', True),
        ('organism != "E. coli"', True),
        ('organism > "human" AND organism < "hv"', True),
        ("taxonId = 408170", True),
        ("taxonId != 408170", False),
        ('collectionDate >= "2008" AND collectionDate < "2009"', True),
        (f'study = "{STUDY}"', True),
        (f'study != "{STUDY}"', False),
        ('subject = "pseudonym"', True),
        ("state = INDEXED", True),
        ("state = PROCESSED", False),
        ('createTime > "2020-01-01T00:00:00Z"', True),
        ('createTime < "2020-01-01T00:00:00Z"', False),
        ("metadata.age >= 30 AND metadata.age < 40", True),
        ("metadata.age >= 40", False),
        ("metadata.age != 30", True),
        ('metadata.age = "34.5"', False),
        ("metadata.smoker = false", True),
        ("metadata.smoker != false", False),
        ('metadata."host site" = "left \\"hand\\""', True),
        ('metadata.absent = "x"', False),
        ('metadata.absent != "x"', False),
        ('organism = "human gut metagenome" AND metadata.age = 35', False),
    ],
)
async def test_filter_matches(backend: Backend, text: str, matches: bool) -> None:
    owner = new_account()
    id = await backend.add(
        owner,
        {"age": (34.5, PUBLIC), "smoker": (False, PUBLIC), "host site": ('left "hand"', PUBLIC)},
        subject="pseudonym",
        taxon_id=408170,
        collection_date="2008-10",
    )
    assert await backend.find(owner, text) == ([id] if matches else [])
    assert await backend.find(owner, f'{text} AND owner = "{owner}"') == ([id] if matches else [])
    assert await backend.find(owner, f'{text} AND owner != "{owner}"') == []


async def test_comparison_matches_only_visible_classes(backend: Backend) -> None:
    owner, stranger = new_account(), new_account()
    metadata: Any = {"age": (30, QUASI), "diet": ("vegan", SENSITIVE), "site": ("stool", PUBLIC)}
    mine, theirs = await backend.add(owner, metadata), await backend.add(stranger, metadata)
    both = [theirs, mine]

    async def found(text: str, **classes: Any) -> list[str]:
        return await backend.find(owner, text, **classes)

    for text in ("metadata.age = 30", "metadata.age != 31", "metadata.age < 31"):
        assert await found(text, everywhere=[PUBLIC], own=[PUBLIC, QUASI]) == [mine]
        assert await found(text, everywhere=[PUBLIC, QUASI], own=[PUBLIC]) == both
        assert await found(text, everywhere=[PUBLIC], own=[PUBLIC, SENSITIVE]) == []
    assert await found('metadata.diet = "vegan"', everywhere=[PUBLIC, QUASI], own=[SENSITIVE]) == [mine]
    assert await found('metadata.diet != "meat"', everywhere=[PUBLIC, QUASI], own=[PUBLIC]) == []
    # Everyone sees public fields, even without a grant. A grant of class 0, sent by mistake, reveals nothing.
    assert await found('metadata.site = "stool"', everywhere=[], own=[]) == both
    assert await found("metadata.age = 30", everywhere=[0], own=[0]) == []


@pytest.mark.parametrize("place", ["the sample", "the metadata"])
async def test_collection_date_is_found_under_both_of_its_names(backend: Backend, place: str) -> None:
    owner, stranger = new_account(), new_account()
    if place == "the sample":
        id = await backend.add(owner, {}, collection_date="2014")
    else:
        id = await backend.add(owner, {"collection_date": ("2014", QUASI)}, collection_date="")
    other = await backend.add(owner, {"collection_date": ("2017", QUASI)}, collection_date="2019")
    classes: Any = {"everywhere": [PUBLIC, QUASI]}
    for field in ("collectionDate", "metadata.collection_date"):
        assert await backend.find(stranger, f'{field} = "2014"', **classes) == [id]
        assert await backend.find(stranger, f'{field} < "2016"', **classes) == [id]
        # Here only fields of the metadata have classes. The class holds under both names.
        outsider = await backend.find(stranger, f'{field} = "2014"', everywhere=[PUBLIC])
        assert outsider == ([id] if place == "the sample" else [])
    assert await backend.find(stranger, 'collectionDate >= "2017"', **classes) == [other]
    assert await backend.find(stranger, 'collectionDate = "2017"', **classes) == []


async def test_same_field_may_be_visible_on_one_sample_only(backend: Backend) -> None:
    reader = new_account()
    open_one = await backend.add(new_account(), {"age": (30, PUBLIC)})
    await backend.add(new_account(), {"age": (30, SENSITIVE)})
    assert await backend.find(reader, "metadata.age = 30") == [open_one]


async def test_field_of_unknown_class_never_matches(backend: Backend) -> None:
    owner = new_account()
    await backend.add(owner, {"age": (30, 0)}, subject="pseudonym")
    assert await backend.find(owner, "metadata.age = 30", everywhere=[0, PUBLIC, QUASI, SENSITIVE]) == []


async def test_quarantined_samples_are_listed_without_data(backend: Backend) -> None:
    owner, steward, stranger, consent = new_account(), new_account(), new_account(), str(uuid4())
    id = await backend.add(owner, {"age": (30, PUBLIC)}, consents=[consent])
    await backend.quarantine(consent, owner)
    assert await backend.find(owner) == [id]
    assert await backend.find(steward, oversees=True) == [id]
    assert await backend.find(stranger) == []
    assert await backend.find(stranger, "state = QUARANTINED") == []
    assert await backend.find(owner, "state = QUARANTINED") == [id]
    for text in ('organism = "human gut metagenome"', 'organism != "x"', "metadata.age = 30", "metadata.age != 31"):
        assert await backend.find(owner, text) == []
        assert await backend.find(steward, text, oversees=True) == []


async def test_pages_list_every_sample_once_by_id(backend: Backend) -> None:
    owner = new_account()
    ids = [await backend.add(owner, {"age": (number, PUBLIC)}) for number in range(7)]
    seen: list[str] = []
    token = ""
    for size in (3, 3, 1):
        page = await backend.page(owner, "metadata.age >= 0", 3, page_token=token)
        assert len(page.samples) == size
        seen += [item.sample.id for item in page.samples]
        token = page.next_page_token
    assert not token
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("stored", "compared", "exact", "to_the_day"),
    [
        ("2026-03-05T13:14:15.123456Z", '> "2026-03-05T13:14:15Z"', True, False),
        ("2026-03-05T13:14:15.123456Z", '>= "2026-03-05T00:00:00Z"', True, True),
        ("2026-03-05T13:14:15.123456Z", '> "2026-03-05T00:00:00Z"', True, False),
        ("2026-03-05T13:14:15.123456Z", '< "2026-03-05T13:14:15Z"', False, True),
        ("2026-03-05T13:14:15.123456Z", '< "2026-03-05T00:00:00Z"', False, False),
        ("2026-03-05T13:14:15.123456Z", '<= "2026-03-05T00:00:00Z"', False, True),
        ("2026-03-05T13:14:15.123456Z", '< "2026-03-05T00:00:00.000001Z"', False, True),
        ("2026-03-05T13:14:15.123456Z", '>= "2026-03-06T00:00:00+02:00"', False, False),
        ("2026-03-05T00:00:00Z", '>= "2026-03-05T00:00:00Z"', True, True),
        ("2026-03-04T23:59:59.999999Z", '>= "2026-03-05T00:00:00Z"', False, False),
        ("2026-03-04T23:59:59.999999Z", '< "2026-03-04T23:59:59.999999Z"', False, True),
        ("2026-03-04T23:59:59.999999Z", '>= "2026-03-05T01:00:00+02:00"', True, False),
    ],
)
async def test_time_filter_sees_the_time_that_the_reader_sees(
    backend: Backend, stored: str, compared: str, exact: bool, to_the_day: bool
) -> None:
    owner, reader = new_account(), new_account()
    id = await backend.add(owner)
    at = datetime.fromisoformat(stored)
    await backend.database.execute("UPDATE sample SET created_at = $2 WHERE id = $1", UUID(id), at)
    text = f'owner = "{owner}" AND createTime {compared}'
    assert await backend.find(owner, text) == ([id] if exact else [])
    assert await backend.find(reader, text, oversees=True) == ([id] if exact else [])
    assert await backend.find(reader, text, studies=[StudyGrant(study=STUDY, oversees=True)]) == [id] * exact
    assert await backend.find(reader, text, studies=[StudyGrant(study=STUDY, classes=[QUASI])]) == [id] * to_the_day
    assert await backend.find(reader, text) == [id] * to_the_day


@pytest.mark.parametrize(("operator", "to_the_day"), [("=", True), ("!=", False)])
async def test_equal_time_is_the_day_to_others(backend: Backend, operator: str, to_the_day: bool) -> None:
    owner, reader = new_account(), new_account()
    id = await backend.add(owner)
    at = datetime(2026, 3, 5, 13, 14, 15, tzinfo=UTC)
    await backend.database.execute("UPDATE sample SET created_at = $2 WHERE id = $1", UUID(id), at)
    mine = f'owner = "{owner}" AND createTime {operator} '
    assert await backend.find(owner, mine + "2026-03-05T13:14:15Z") == [id] * to_the_day
    assert await backend.find(owner, mine + "2026-03-05T00:00:00Z") == [id] * (not to_the_day)
    assert await backend.find(reader, mine + "2026-03-05T13:14:15Z") == [id] * (not to_the_day)
    assert await backend.find(reader, mine + "2026-03-05T00:00:00Z") == [id] * to_the_day


async def test_times_are_exact_only_for_those_who_oversee_the_sample(backend: Backend) -> None:
    owner, reader = new_account(), new_account()
    id = await backend.add(owner)
    exact = (await backend.get(id)).create_time

    async def time_for(account: str, **arguments: object) -> Timestamp:
        page = await backend.page(account, f'owner = "{owner}"', 10, **arguments)
        return page.samples[0].sample.create_time

    day = Timestamp(seconds=exact.seconds // 86_400 * 86_400)
    assert exact != day
    assert await time_for(owner) == exact
    assert await time_for(reader, oversees=True) == exact
    assert await time_for(reader) == day
    assert await time_for(reader, studies=[StudyGrant(study=STUDY, classes=[QUASI])]) == day


async def test_page_token_of_another_query_is_rejected(backend: Backend) -> None:
    owner = new_account()
    for _ in range(2):
        await backend.add(owner)
    token = (await backend.page(owner, page_size=1)).next_page_token
    others: list[tuple[str, str, dict[str, Any]]] = [
        (owner, "state = INDEXED", {}),
        (new_account(), "", {}),
        (owner, "", {"everywhere": [PUBLIC, QUASI]}),
        (owner, "", {"own": [PUBLIC]}),
        (owner, "", {"oversees": True}),
    ]
    for reader, text, arguments in others:
        with pytest.raises(Refused) as refused:
            await backend.page(reader, text, page_token=token, **arguments)
        assert refused.value.reason == "PAGE_TOKEN_INVALID"
    assert len((await backend.page(owner, page_size=1, page_token=token)).samples) == 1


async def test_page_ends_before_the_answer_is_too_large(backend: Backend) -> None:
    owner = new_account()
    ids = [await backend.add(owner, {"notes": ("x" * 900_000, PUBLIC)}) for _ in range(6)]
    seen: list[str] = []
    token = ""
    while not seen or token:
        page = await backend.page(owner, page_token=token)
        seen += [item.sample.id for item in page.samples]
        token = page.next_page_token
    assert seen == ids[::-1]


@pytest.mark.parametrize("text", ['organism = "secret-name', "secret-name", "owner = 5"])
async def test_invalid_filter_is_rejected_without_quoting_it(backend: Backend, text: str) -> None:
    with pytest.raises(Refused) as refused:
        await backend.page(new_account(), text)
    assert refused.value.reason == "INVALID_REQUEST"
    assert refused.value.violations["filter"].startswith("at character ")
    assert "secret-name" not in str(refused.value)


# 20,000 samples of 2,000 owners; one in a hundred of organism "rare".
GENERATE = """
INSERT INTO sample (id, owner, study, subject, organism, taxon_id, collection_date, metadata, classes, consents, state,
                    last_sequence, created_at, class_id)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n % 2000), 32, '0')::uuid, lpad(to_hex(n % 200), 32, '0')::uuid,
       'pseudonym ' || n % 5000, CASE WHEN n % 100 = 0 THEN 'rare' ELSE 'organism ' || n % 20 END, n % 300, '2008',
       '{}', '{}', '{}', CASE WHEN n % 1000 = 0 THEN 1 ELSE 3 END, 5, now() - n * interval '1 minute',
       lpad(to_hex(n % 500), 32, '0')::uuid
FROM generate_series(1, 20000) AS n
"""
GENERATE_CLASSES = (
    "INSERT INTO equivalence_class SELECT lpad(to_hex(n), 32, '0')::uuid, 40, 0 FROM generate_series(0, 499) AS n"
)
GENERATE_FIELDS = """
INSERT INTO sample_field (sample_id, field, class, text_value, number_value)
SELECT id, field, 1, text_value, number_value FROM sample, LATERAL (VALUES
    ('organism', organism, NULL), ('subject', subject, NULL), ('taxonId', NULL, taxon_id::float8),
    ('metadata.age', NULL, (taxon_id * 7 % 90)::float8), ('metadata.site', 'site ' || taxon_id % 50, NULL)
) AS given (field, text_value, number_value)
"""

FILTERS = [
    "",
    'organism = "rare"',
    'organism = "nobody"',
    'organism >= "rare"',
    "taxonId = 17",
    'subject = "pseudonym 17"',
    "metadata.age > 88",
    'metadata.site = "site 3" AND metadata.age = 20 AND organism = "rare"',
    'owner = "00000000-0000-0000-0000-000000000007"',
    'study = "00000000-0000-0000-0000-000000000007"',
    "state = STORED",
    'createTime < "1970-01-01T00:00:00Z"',
    'createTime >= "2999-01-01T00:00:00Z"',
    'owner = "00000000-0000-0000-0000-000000000007" AND organism = "rare"',
]


@pytest.mark.parametrize("is_limited", [False, True], ids=["most readers", "reader of a study"])
async def test_every_filter_uses_an_index(backend: Backend, is_limited: bool) -> None:
    reader = UUID(new_account())
    async with backend.database.pool.acquire() as connection:
        await connection.execute(GENERATE)
        await connection.execute(GENERATE_FIELDS)
        await connection.execute(GENERATE_CLASSES)
        # By default, ANALYZE reads a random part of a table, and the plans would depend on it. The server runs it too.
        for table in ("sample", "sample_field", "equivalence_class"):
            await connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        await connection.execute("SET default_statistics_target = 1000; ANALYZE; RESET default_statistics_target")
        for text in FILTERS:
            statement, values = search.build(language.parse(text), is_limited=is_limited)
            study = UUID(STUDY)
            arguments = (
                reader,
                [PUBLIC],
                [PUBLIC],
                False,
                None,
                51,
                [study, study],
                [PUBLIC, QUASI],
                [1, 5],
                [study],
                *values,
            )
            explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *arguments)
            plan = json.loads(explained)[0]
            nodes = list(_nodes(plan["Plan"]))
            # Only `barrier` may be read completely: it has one row for each withdrawal. The others grow with samples.
            read_whole = [node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"]
            assert not {"sample", "sample_field"}.intersection(read_whole), (text, explained)
            assert [node for node in nodes if "Index Name" in node], (text, explained)


def _nodes(plan: dict[str, Any]) -> Any:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


async def test_study_membership_reveals_more_only_in_that_study(backend: Backend) -> None:
    owner, reader, elsewhere = new_account(), new_account(), str(uuid4())
    fields = {"age": ("30-39", QUASI), "disease": ("Healthy", SENSITIVE)}
    here, there = await backend.add(owner, fields), await backend.add(owner, fields, study=elsewhere)
    grant = StudyGrant(study=STUDY, classes=[PUBLIC, QUASI], reader_k=1)
    mine = f' AND owner = "{owner}"'

    assert await backend.find(reader, 'metadata.age = "30-39"' + mine, studies=[grant]) == [here]
    assert await backend.find(reader, 'metadata.disease = "Healthy"' + mine, studies=[grant]) == []
    grant.classes.append(SENSITIVE)
    assert await backend.find(reader, 'metadata.disease = "Healthy"' + mine, studies=[grant]) == [here]
    assert await backend.find(reader, mine.removeprefix(" AND "), studies=[grant]) == [there, here]


@pytest.mark.parametrize("oversees", [True, False])
async def test_quarantined_samples_of_a_study_are_listed_for_its_overseer(backend: Backend, oversees: bool) -> None:
    owner, reader, consent = new_account(), new_account(), str(uuid4())
    id = await backend.add(owner, consents=[consent])
    other = await backend.add(owner, consents=[consent], study=str(uuid4()))
    await backend.quarantine(consent, owner)
    found = await backend.find(
        reader, f'owner = "{owner}"', studies=[StudyGrant(study=STUDY, classes=[PUBLIC], oversees=oversees)]
    )
    assert found == ([id] if oversees else [])
    assert other not in found


async def test_withheld_values_do_not_change_where_a_page_ends(backend: Backend) -> None:
    owner, reader = new_account(), new_account()
    long = ("x" * 3000, RESTRICTED)
    for _ in range(6):
        await backend.add(owner, {f"note{number}": long for number in range(400)} | {"site": ("stool", PUBLIC)})
    page = await backend.page(reader, f'owner = "{owner}"')
    assert (len(page.samples), page.next_page_token) == (6, "")
    for stored in page.samples:
        # Not even names of fields remain, whose number and length would count.
        assert {*stored.sample.metadata} == {"site"}
        assert {*stored.classes} == {"metadata.site"}
    # Quasi-identifiers of a small class do not count for a reader of the study, either.
    quasi = {f"age{number}": ("x" * 3000, QUASI) for number in range(400)}
    donor = [await backend.add(owner, quasi, subject=f"p-{number}") for number in range(4)]
    grant = StudyGrant(study=STUDY, classes=[QUASI], reader_k=5)
    page = await backend.page(reader, f'owner = "{owner}"', studies=[grant])
    assert (len(page.samples), page.next_page_token) == (6 + len(donor), "")
    grant.reader_k = 4
    assert (await backend.page(reader, f'owner = "{owner}"', studies=[grant])).next_page_token
    # The samples' owner sees all values, which together exceed one page.
    assert (await backend.page(owner, own=[PUBLIC, RESTRICTED])).next_page_token
