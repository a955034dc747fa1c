"""The life of a sample: creation, events, audit, notification."""

from fairdatabase.client import connect
from fairdb.backend.v1.backend_service_pb2 import GetStoredSampleRequest, ListEventsRequest
from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceStub
from fairdb.privacy.v1.privacy_service_pb2 import GetPrivacyStatusRequest
from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from fairdb.samples.v1.sample_service_pb2 import GetSampleRequest
from fairdb.samples.v1.sample_service_pb2_grpc import SampleServiceStub
from tests.error_answers import assert_error
from tests.platform import Platform

METADATA = {"body_site": "feces", "age": 34, "email": "donor@example.net", "shoe_size": 43}


async def test_complete_sample_workflow(platform: Platform) -> None:
    researcher = await platform.account(consented=True)

    answer = await researcher.call("POST", "/api/samples", {"organism": "E. coli", "metadata": METADATA})
    assert answer.status_code == 201
    sample_id = answer.json()["id"]
    assert answer.headers["location"] == f"/api/samples/{sample_id}"
    assert answer.headers["etag"] == answer.json()["etag"]

    async with platform.constellation.channel("backend_svc", "gateway") as channel:
        stub, metadata = BackendServiceStub(channel), platform.service_metadata("gateway", "backend_svc")
        stored = await stub.GetStoredSample(GetStoredSampleRequest(id=sample_id), metadata=metadata)
        assert stored.sample.organism == "E. coli"
        events = await stub.ListEvents(ListEventsRequest(subject=sample_id), metadata=metadata)
        assert "sample.created" in [event.type for event in events.events]

    async with platform.constellation.channel("privacy_svc", "gateway") as channel:
        stub, metadata = PrivacyServiceStub(channel), platform.service_metadata("gateway", "privacy_svc")
        privacy = await stub.GetPrivacyStatus(GetPrivacyStatusRequest(sample_id=sample_id), metadata=metadata)
        assert privacy.anonymized is True

    audit = await researcher.call("GET", f"/api/samples/{sample_id}/audit")
    assert [entry["action"] for entry in audit.json()["entries"]][:1] == ["store"]


async def test_events_are_in_order_and_end_with_processed(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    sample = await researcher.create(metadata=METADATA)
    await researcher.wait_until_processed(sample["id"])

    events = (await researcher.call("GET", f"/api/samples/{sample['id']}/events")).json()["events"]

    assert [(event["sequence"], event["type"]) for event in events] == [
        (1, "sample.created"),
        (2, "sample.validated"),
        (3, "sample.anonymized"),
        (4, "sample.indexed"),
        (5, "sample.processed"),
    ]
    assert {event["subject"] for event in events} == {sample["id"]}
    assert [event["actor"] for event in events] == [researcher.id] * 3 + ["service:backend_svc"] * 2


async def test_correlation_id_is_in_answer_events_and_audit(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    correlation_id = "0b5b5aa0-5a5c-4d0e-9d5e-3f6f9b1c2d3e"

    answer = await researcher.call(
        "POST", "/api/samples", {"organism": "E. coli"}, headers={"X-Correlation-ID": correlation_id}
    )
    sample_id = answer.json()["id"]
    await researcher.wait_until_processed(sample_id)
    events = (await researcher.call("GET", f"/api/samples/{sample_id}/events")).json()["events"]
    audit = (await researcher.call("GET", f"/api/samples/{sample_id}/audit")).json()["entries"]

    assert answer.headers["x-correlation-id"] == correlation_id
    assert {item["correlationId"] for item in [*events, *audit]} == {correlation_id}


async def test_dropped_fields_are_named_to_the_sender_once(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    created = await researcher.create(metadata=METADATA)
    read = (await researcher.call("GET", f"/api/samples/{created['id']}")).json()

    assert created["droppedFields"] == ["email", "shoe_size"]
    assert created["dropReasons"].keys() == {"email", "shoe_size"}
    assert created["dropReasons"]["shoe_size"].startswith("The policy does not know this field.")
    assert (read["droppedFields"], read["dropReasons"]) == ([], {})
    assert created["metadata"] == read["metadata"]
    assert created["metadata"]["age"] == "30-39"


async def test_creation_without_consent_is_refused(platform: Platform) -> None:
    researcher = await platform.account()

    refused = await researcher.call("POST", "/api/samples", {"organism": "E. coli"})
    listed = await researcher.call("GET", "/api/samples")

    assert assert_error(refused, 403, "CONSENT_REQUIRED") == {"purpose": "sample_creation", "of": "account"}
    assert researcher.id not in listed.text


async def test_sample_of_a_donor_needs_the_donors_consent(platform: Platform) -> None:
    researcher = await platform.account(consented=True)

    before = await researcher.call("POST", "/api/samples", {"organism": "E. coli", "subject": "donor 7"})
    await researcher.consent("donor 7")
    after = await researcher.call("POST", "/api/samples", {"organism": "E. coli", "subject": "donor 7"})
    other = await researcher.call("POST", "/api/samples", {"organism": "E. coli", "subject": "donor 8"})

    assert [answer.status_code for answer in (before, after, other)] == [403, 201, 403]
    assert "donor" not in after.text


async def test_client_with_generated_stubs_reads_through_the_edge(platform: Platform) -> None:
    researcher = await platform.account(consented=True)
    sample = await researcher.create()

    async with connect(platform.constellation.addresses["envoy"], researcher.token) as channel:
        read = await SampleServiceStub(channel).GetSample(GetSampleRequest(id=sample["id"]))

    assert read.id == sample["id"]
    assert read.organism == "E. coli"


async def test_followers_are_notified_once(platform: Platform) -> None:
    researcher, follower = await platform.account(consented=True), await platform.account("follower")
    organism = "Testudo graeca gut metagenome"
    for body in ({"organism": organism}, {"organism": organism.upper()}):
        assert (await follower.call("POST", "/api/subscriptions", body)).status_code == 200
    sample = await researcher.create(organism)
    await researcher.wait_until_processed(sample["id"])

    notified = (await follower.call("GET", "/api/notifications")).json()["notifications"]

    assert [notification["sample"] for notification in notified] == [sample["id"]]
