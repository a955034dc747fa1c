"""Consents on a real database: precedence, replacement, expiry, withdrawal, and concurrent changes."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

import privacy_svc
from chassis.errors import AppError
from chassis.storage.database import MIGRATIONS, Database, migrate, open_database
from fairdb.privacy.v1.consent_service_pb2 import Consent
from fairdb.samples.v1.data_use_pb2 import DataUseTerm
from privacy_svc.consent import quarantine, store
from privacy_svc.consent.errors import ConsentNotFound
from privacy_svc.consent.store import Scope, Wording
from privacy_svc.consent.validity import DATA_SHARING, SAMPLE_CREATION
from privacy_svc.data_use.duo import PERMISSION_UNKNOWN
from privacy_svc.samples import privacy_status, recording
from privacy_svc.samples import store as preparations
from privacy_svc.samples.errors import ConsentRequired
from tests.integration.conftest import NewDatabase, Servers
from tests.waiting import eventually

ACCOUNT, STUDY, OTHER_STUDY = uuid4(), uuid4(), uuid4()
DONOR = b"d" * 32
MINE, DONORS = Scope(ACCOUNT, SAMPLE_CREATION), Scope(ACCOUNT, SAMPLE_CREATION, DONOR)
GENERAL, HEALTH, PUBLISH = (DataUseTerm(id=f"DUO:{id}") for id in ("0000042", "0000006", "0000019"))
DIABETES = DataUseTerm(id="DUO:0000007", diseases=["MONDO:0005148"])
UNKNOWN = DataUseTerm(id=PERMISSION_UNKNOWN)
SOON = datetime.now(UTC) + timedelta(hours=1)

EXPIRE = "UPDATE consent SET expires_at = now() - interval '1 second' WHERE id = $1::uuid"


@pytest_asyncio.fixture
async def database(new_database: NewDatabase) -> AsyncIterator[Database]:
    async with open_database(await new_database("privacy_svc"), []) as database:
        yield database


async def grant(database: Database, scope: Scope = MINE, *terms: DataUseTerm, **wording: object) -> Consent:
    async with database.transaction() as connection:
        return await store.grant(connection, scope, Wording(terms, **wording))  # pyright: ignore[reportArgumentType]


async def withdraw(database: Database, consent: Consent, actor: UUID = ACCOUNT) -> list[str]:
    async with database.transaction() as connection:
        withdrawn = await store.withdraw(connection, UUID(consent.id), actor, any_account=False)
    return [consent.id for consent in withdrawn]


async def covering(database: Database, scope: Scope) -> str | None:
    async with database.connection() as connection:
        found = await store.find_covering(connection, scope)
    return found.id if found is not None else None


async def prepare(
    database: Database, subject: bytes | None = None, study: UUID = STUDY, id: UUID | None = None
) -> recording.Recorded:
    async with database.connection() as connection:
        new = recording.NewPreparation(id or uuid4(), ACCOUNT, study, subject, "1", {}, 0, 1)
        (outcome,) = await recording.record_all(connection, [new])
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


async def data_use(database: Database, sample_id: UUID) -> Sequence[DataUseTerm]:
    async with database.connection() as connection:
        return list((await privacy_status.read_status(connection, sample_id)).data_use)


async def events(database: Database) -> list[str]:
    return [row["type"] for row in await database.fetch("SELECT type FROM outbox ORDER BY id")]


def in_study(scope: Scope, study: UUID = STUDY) -> Scope:
    return Scope(scope.account_id, scope.purpose, scope.subject_hash, study)


async def test_same_grant_again_returns_the_consent_in_force(database: Database) -> None:
    first = await grant(database, MINE, GENERAL, PUBLISH, text_version="2.1", expires_at=SOON)
    again = await grant(database, MINE, PUBLISH, GENERAL, text_version="2.1", expires_at=SOON)
    assert again == first
    assert first.in_force
    assert await events(database) == ["consent.granted"]


@pytest.mark.parametrize(
    "wording", [{"terms": (HEALTH,)}, {"text_version": "3"}, {"expires_at": SOON}], ids=["terms", "text", "expiry"]
)
async def test_another_wording_replaces_the_current_consent(database: Database, wording: dict) -> None:
    first = await grant(database, MINE, GENERAL)
    sample = uuid4()
    before = await prepare(database, id=sample)
    second = await grant(database, MINE, *wording.pop("terms", (GENERAL,)), **wording)

    assert await covering(database, MINE) == second.id
    assert [str(id) for id in (await prepare(database)).consents] == [second.id]
    # A sample keeps the consents that it was prepared under, and a repeated call returns them.
    assert await prepare(database, id=sample) == before
    assert await data_use(database, sample) == [GENERAL]
    async with database.connection() as connection:
        listed = (await store.list_page(connection, ACCOUNT, 10, "")).consents
        current = (await store.list_page(connection, ACCOUNT, 10, "", in_force=True)).consents
    assert [(consent.id, consent.replaced_by, consent.in_force) for consent in listed] == [
        (second.id, "", True),
        (first.id, second.id, False),
    ]
    assert [consent.id for consent in current] == [second.id]


@pytest.mark.parametrize("named", [0, 1, 2])
async def test_withdrawal_covers_all_replaced_and_replacing_consents(database: Database, named: int) -> None:
    versions = [await grant(database, MINE, text_version=str(version)) for version in range(3)]
    withdrawn = await withdraw(database, versions[named])
    assert withdrawn[0] == versions[named].id
    assert sorted(withdrawn) == [version.id for version in versions]
    assert await covering(database, MINE) is None
    assert sorted(await events(database)) == ["consent.granted"] * 3 + ["consent.withdrawn"] * 3
    waiting = {str(row["id"]) for row in await database.fetch(quarantine.PENDING)}
    assert waiting == {version.id for version in versions}
    # A repeated withdrawal changes nothing, and does not affect a consent that was granted after the first withdrawal.
    assert sorted(await withdraw(database, versions[0])) == sorted(withdrawn)
    renewed = await grant(database, MINE)
    await withdraw(database, versions[0])
    assert await covering(database, MINE) == renewed.id


async def test_another_account_cannot_withdraw(database: Database) -> None:
    consent = await grant(database)
    with pytest.raises(ConsentNotFound):
        await withdraw(database, consent, uuid4())
    assert await covering(database, MINE) == consent.id


async def test_expired_consent_permits_no_new_samples(database: Database) -> None:
    consent, sample = await grant(database, MINE, GENERAL, expires_at=SOON), uuid4()
    await prepare(database, id=sample)
    await database.execute(EXPIRE, consent.id)

    assert await covering(database, MINE) is None
    with pytest.raises(ConsentRequired):
        await prepare(database)
    # The existing sample stays. The terms still apply to it, but the permission has ended.
    assert await data_use(database, sample) == [UNKNOWN, GENERAL]
    renewed = await grant(database, MINE, GENERAL)
    assert await covering(database, MINE) == renewed.id
    assert len(await withdraw(database, renewed)) == 2


async def test_same_grant_after_expiry_is_a_new_consent(database: Database) -> None:
    consent = await grant(database)
    await database.execute(EXPIRE, consent.id)
    expired_at = await database.fetchval("SELECT expires_at FROM consent WHERE id = $1::uuid", consent.id)
    again = await grant(database, MINE, expires_at=expired_at)
    assert again.id != consent.id


async def test_consent_for_a_study_covers_only_that_study(database: Database) -> None:
    of_study = await grant(database, in_study(MINE))
    assert [str(id) for id in (await prepare(database)).consents] == [of_study.id]
    with pytest.raises(ConsentRequired):
        await prepare(database, study=OTHER_STUDY)
    assert await covering(database, in_study(MINE, OTHER_STUDY)) is None
    assert await covering(database, MINE) is None


async def test_consent_for_the_study_takes_precedence(database: Database) -> None:
    of_any, of_study = await grant(database, MINE, GENERAL), await grant(database, in_study(MINE), HEALTH)
    assert [consent.in_force for consent in (of_any, of_study)] == [True, True]
    assert await covering(database, in_study(MINE)) == of_study.id
    there, elsewhere = await prepare(database), await prepare(database, study=OTHER_STUDY)
    assert (there.data_use, [str(id) for id in there.consents]) == ([HEALTH], [of_study.id])
    assert (elsewhere.data_use, [str(id) for id in elsewhere.consents]) == ([GENERAL], [of_any.id])


async def test_general_consent_applies_again_after_the_consent_for_the_study_is_withdrawn(database: Database) -> None:
    of_any, of_study = await grant(database, MINE), await grant(database, in_study(MINE))
    assert await withdraw(database, of_study) == [of_study.id]
    assert await covering(database, in_study(MINE)) == of_any.id
    assert [str(id) for id in (await prepare(database)).consents] == [of_any.id]


async def test_donor_consent_for_a_study_covers_only_that_study_and_donor(database: Database) -> None:
    await grant(database)
    await grant(database, in_study(DONORS))
    assert len((await prepare(database, DONOR)).consents) == 2
    with pytest.raises(ConsentRequired):
        await prepare(database, DONOR, OTHER_STUDY)
    with pytest.raises(ConsentRequired):
        await prepare(database, b"e" * 32)


async def test_terms_of_account_and_donor_both_apply(database: Database) -> None:
    await grant(database, MINE, GENERAL, PUBLISH)
    await grant(database, DONORS, DIABETES)
    sample = uuid4()
    prepared = await prepare(database, DONOR, id=sample)
    assert prepared.data_use == [DIABETES, PUBLISH, GENERAL]
    assert await data_use(database, sample) == prepared.data_use


async def test_account_cannot_permit_reuse_on_a_donors_behalf(database: Database) -> None:
    await grant(database, MINE, GENERAL)
    await grant(database, DONORS)
    assert (await prepare(database, DONOR)).data_use == [UNKNOWN, GENERAL]


@pytest.mark.parametrize("study", [None, STUDY, OTHER_STUDY])
async def test_sharing_consent_permits_reuse_until_its_withdrawal(database: Database, study: UUID | None) -> None:
    await grant(database)
    await grant(database, DONORS)
    sample = uuid4()
    await prepare(database, DONOR, id=sample)
    assert await data_use(database, sample) == [UNKNOWN]

    sharing = await grant(database, Scope(ACCOUNT, DATA_SHARING, DONOR, study), HEALTH)
    await grant(database, Scope(ACCOUNT, DATA_SHARING, b"e" * 32), PUBLISH)
    covered = [UNKNOWN] if study == OTHER_STUDY else [HEALTH]
    assert await data_use(database, sample) == covered
    assert (await prepare(database, DONOR)).data_use == covered
    await withdraw(database, sharing)
    # The permission has ended, but the conditions still apply.
    assert await data_use(database, sample) == ([UNKNOWN] if study == OTHER_STUDY else [UNKNOWN, HEALTH])
    await grant(database, Scope(ACCOUNT, DATA_SHARING, DONOR, study), GENERAL)
    assert await data_use(database, sample) == ([UNKNOWN] if study == OTHER_STUDY else [GENERAL])


async def test_withdrawing_sharing_keeps_its_restrictions(database: Database) -> None:
    await grant(database)
    await grant(database, DONORS, GENERAL)
    sample = uuid4()
    await prepare(database, DONOR, id=sample)
    narrow = await grant(database, Scope(ACCOUNT, DATA_SHARING, DONOR), DIABETES)
    assert await data_use(database, sample) == [DIABETES, GENERAL]
    await withdraw(database, narrow)
    assert await data_use(database, sample) == [DIABETES, GENERAL]


async def test_sharing_consent_alone_does_not_allow_samples(database: Database) -> None:
    await grant(database, Scope(ACCOUNT, DATA_SHARING), GENERAL)
    with pytest.raises(ConsentRequired):
        await prepare(database)


async def test_discarded_preparation_keeps_no_consents_or_study(database: Database) -> None:
    await grant(database)
    sample = uuid4()
    await prepare(database, id=sample)
    async with database.connection() as connection:
        await preparations.discard(connection, sample, 1)
    row = await database.fetchrow("SELECT * FROM preparation WHERE sample_id = $1", sample)
    assert row is not None
    assert (row["consents"], row["study_id"]) == ([], None)


async def test_concurrent_grants_leave_one_consent_in_force(database: Database) -> None:
    same = await asyncio.gather(*(grant(database, MINE, GENERAL) for _ in range(8)))
    assert len({consent.id for consent in same}) == 1
    await asyncio.gather(*(grant(database, MINE, text_version=str(version)) for version in range(8)))
    async with database.connection() as connection:
        listed = (await store.list_page(connection, ACCOUNT, 50, "")).consents
    assert len(listed) == 9
    assert [consent.in_force for consent in listed].count(True) == 1
    assert sorted(consent.replaced_by for consent in listed if consent.replaced_by) == sorted(
        consent.id for consent in listed if consent.id != same[0].id
    )


async def test_concurrent_grants_and_withdrawals_leave_none_in_force(database: Database) -> None:
    async def change(round: int) -> None:
        consent = await grant(database, MINE, text_version=str(round % 3))
        await withdraw(database, consent)

    await asyncio.gather(*(change(round) for round in range(24)))
    # Whatever the order, each grant was followed by a withdrawal that covered it.
    assert await covering(database, MINE) is None


async def test_withdrawal_covers_a_replacement_that_is_not_committed_yet(database: Database) -> None:
    old = await grant(database, MINE, text_version="1")
    async with database.transaction() as connection:
        new = await store.grant(connection, MINE, Wording(text_version="2"))
        withdrawing = asyncio.create_task(withdraw(database, old))
        await eventually(partial(is_waiting_for_a_lock, database))
    assert await withdrawing == [old.id, new.id]
    assert await covering(database, MINE) is None


async def is_waiting_for_a_lock(database: Database) -> bool:
    return await database.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")


async def test_consents_are_found_by_donor(database: Database) -> None:
    await grant(database)
    mine = await grant(database, DONORS)
    others = await grant(database, Scope(uuid4(), SAMPLE_CREATION, DONOR))

    async def find(account: UUID | None, size: int = 10, token: str = "") -> tuple[list[str], str]:
        async with database.connection() as connection:
            page = await store.find_page(connection, [DONOR], account, size, token)
        return [consent.id for consent in page.consents], page.next_page_token

    assert (await find(ACCOUNT))[0] == [mine.id]
    assert (await find(None))[0] == [others.id, mine.id]
    first, token = await find(None, 1)
    assert first == [others.id]
    assert await find(None, 1, token) == ([mine.id], "")


async def test_migration_keeps_consents_in_force(servers: Servers, tmp_path: Path) -> None:
    """The database has consents and preparations from before the data use columns."""
    folder = Path(privacy_svc.__path__[0]) / "migrations"
    old = tmp_path / folder.parent.name / "migrations"
    old.mkdir(parents=True)
    for file in ("0001_consent_preparation.sql", "0002_fencing.sql"):
        shutil.copy(folder / file, old)
    name, (kept, withdrawn, sample) = f"old_{uuid4().hex}", (uuid4() for _ in range(3))
    await servers.template("privacy_svc")  # creates the role
    await servers.admin.execute(f"CREATE DATABASE {name} TEMPLATE {await servers.template('privacy_svc')}")
    try:
        admin = await asyncpg.connect(servers.url(name, "privacy_svc"))
        try:
            for row in await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'privacy_svc'"):
                await admin.execute(f"DROP TABLE IF EXISTS {row['tablename']} CASCADE")
            await migrate(admin, [MIGRATIONS, old])
            insert = (
                "INSERT INTO consent (id, account_id, purpose, subject_hash, withdrawn_at) VALUES ($1, $2, $3, $4, $5)"
            )
            await admin.execute(insert, withdrawn, ACCOUNT, SAMPLE_CREATION, None, datetime.now(UTC))
            await admin.execute(insert, kept, ACCOUNT, SAMPLE_CREATION, None, None)
            record = "INSERT INTO preparation (sample_id, account_id, policy_version, actions, dropped_field_count)"
            await admin.execute(f"{record} VALUES ($1, $2, '1', '{{}}', 0)", sample, ACCOUNT)
            await migrate(admin, [MIGRATIONS, folder])
        finally:
            await admin.close()
        async with open_database(servers.url(name, "privacy_svc"), []) as database:
            assert await covering(database, MINE) == str(kept)
            assert [str(id) for id in (await prepare(database)).consents] == [str(kept)]
            assert await data_use(database, sample) == [UNKNOWN]
            assert (await grant(database)).id == str(kept)
            assert await withdraw(database, await grant(database)) == [str(kept)]
    finally:
        await servers.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
