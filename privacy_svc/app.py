"""Composition root of privacy_svc: settings, database, clients, servicers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from chassis.events.outbox import start_publishing
from chassis.identity.revocation import open_revocation_list
from chassis.serving import settings
from chassis.serving.server import Application, Parts
from chassis.storage.database import MIGRATIONS, open_database
from chassis.storage.sweep import keep_sweeping
from fairdatabase.policy.records.anonymisation import Anonymiser
from fairdatabase.policy.tables.reader import load_policy
from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceStub
from privacy_svc.consent.quarantine import Quarantine
from privacy_svc.consent.servicer import ConsentServicer
from privacy_svc.keystore import Keystore
from privacy_svc.samples.servicer import PrivacyServicer
from privacy_svc.samples.store import SWEEP_TOMBSTONES
from privacy_svc.studies.grants import StudyGrants
from privacy_svc.studies.members import Members
from privacy_svc.studies.servicer import StudyServicer
from privacy_svc.studies.store import Studies

FOLDERS = (MIGRATIONS, Path(__file__).parent / "migrations")


class Settings(settings.Settings):
    """privacy_svc's settings."""

    keystore_file: Path
    """JSON file with the keys of pseudonyms and consent handles. Only privacy_svc may read it."""


@asynccontextmanager
async def open_app(config: Settings, parts: Parts) -> AsyncIterator[Application]:
    """Load keys and policy, open the database and its clients, and yield the servicers."""
    keystore, anonymiser = Keystore.load(config.keystore_file), Anonymiser(load_policy())
    revocations = open_revocation_list(config.redis_url.get_secret_value(), await parts.channel("auth_svc"))
    backend = BackendServiceStub(await parts.channel("backend_svc"))
    async with (
        revocations as revoked,
        open_database(config.database_url.get_secret_value(), FOLDERS, report=parts.background.report) as database,
    ):
        quarantine = Quarantine(database, backend)
        start_publishing(parts.background, database, config.broker_url.get_secret_value())
        parts.background.start("quarantine", quarantine.run)
        parts.background.start("sweep", partial(keep_sweeping, database, (SWEEP_TOMBSTONES,)))
        studies = Studies(database)
        consent = ConsentServicer(database, keystore, studies, quarantine)
        study = StudyServicer(studies, Members(database), anonymiser.policy.vocabulary)
        privacy = PrivacyServicer(database, keystore, anonymiser, studies, StudyGrants(database))
        yield Application(
            servicers=[consent, study, privacy],
            revocations=revoked,
            checks={"database": database.check},
        )
