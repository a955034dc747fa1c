"""SampleService."""

import asyncio
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import grpc

from chassis import call_context
from chassis.storage import paging
from fairdatabase.policy.access.visibility import Reader
from fairdatabase.policy.records.search_terms import SearchTerms
from fairdb.backend.v1.backend_service_pb2 import (
    ListAuditEntriesRequest,
    ListEventsRequest,
    ListStoredSamplesRequest,
    StoredSample,
)
from fairdb.options.v1.access_pb2 import Principal
from fairdb.privacy.v1.privacy_service_pb2 import (
    GetPrivacyStatusRequest,
    PreviewSampleRequest,
)
from fairdb.samples.v1 import sample_service_pb2 as pb
from fairdb.samples.v1 import sample_service_pb2_grpc
from fairdb.samples.v1.sample_pb2 import Sample
from gateway.samples import idempotency, visibility
from gateway.samples.access import Access
from gateway.samples.creation import Creation
from gateway.samples.declared_use import DeclaredUses
from gateway.samples.filters import translate

if TYPE_CHECKING:
    from fairdb.backend.v1.backend_service_pb2_grpc import BackendServiceAsyncStub
    from fairdb.privacy.v1.privacy_service_pb2_grpc import PrivacyServiceAsyncStub


Context = grpc.aio.ServicerContext


class SampleServicer(sample_service_pb2_grpc.SampleServiceServicer):
    """Creates, previews, reads and lists samples."""

    def __init__(
        self,
        privacy: "PrivacyServiceAsyncStub",
        backend: "BackendServiceAsyncStub",
        creation: Creation,
        fingerprints: idempotency.Fingerprints,
        terms: SearchTerms,
    ) -> None:
        self._privacy = privacy
        self._backend = backend
        self._creation = creation
        self._fingerprints = fingerprints
        self._terms = terms
        self._access = Access(privacy, backend)
        self._declared_uses = DeclaredUses(privacy, backend)

    async def CreateSample(self, request: pb.CreateSampleRequest, context: Context) -> Sample:
        principal = call_context.current().caller.principal
        header = dict(context.invocation_metadata() or ()).get(idempotency.HEADER, "")
        key = idempotency.choose_key(str(header), request.request_id)
        claim = self._fingerprints.claim(idempotency.CREATE, key, request.sample) if key else None
        created = await self._creation.create(principal, request.sample, claim)
        sample = visibility.render(created.stored, Reader.of(principal.user_id, created.grants))
        sample.dropped_fields[:] = sorted(created.drop_reasons)
        sample.drop_reasons.update(created.drop_reasons)
        await context.send_initial_metadata(
            (("x-http-code", "201"), ("location", f"/api/samples/{sample.id}"), ("etag", sample.etag))
        )
        return sample

    async def PreviewSample(self, request: pb.PreviewSampleRequest, context: Context) -> pb.SamplePreview:
        return await self._privacy.PreviewSample(PreviewSampleRequest(sample=request.sample))

    async def GetSample(self, request: pb.GetSampleRequest, context: Context) -> Sample:
        principal = call_context.current().caller.principal
        stored, reader = await self._access.sample_and_reader(request.id, principal)
        (sample,) = await self._render([stored], reader, principal, request)
        await context.send_initial_metadata((("etag", sample.etag),))
        return sample

    async def ListSamples(self, request: pb.ListSamplesRequest, context: Context) -> pb.ListSamplesResponse:
        principal = call_context.current().caller.principal
        # Fetch the grants first: they limit what the filter may match.
        grants = await self._access.grants(principal)
        page = await self._backend.ListStoredSamples(
            ListStoredSamplesRequest(
                principal=principal,
                filter=translate(request.filter, self._terms),
                page_size=request.page_size or paging.DEFAULT_PAGE_SIZE,
                page_token=request.page_token,
                everywhere=grants.everywhere,
                own=grants.own,
                oversees=grants.oversees,
                studies=grants.studies,
                for_permitted_use=grants.for_permitted_use if request.HasField("use") else (),
            )
        )
        reader = Reader.of(principal.user_id, grants)
        samples = await self._render(page.samples, reader, principal, request)
        return pb.ListSamplesResponse(samples=samples, next_page_token=page.next_page_token)

    async def ListSampleEvents(
        self, request: pb.ListSampleEventsRequest, context: Context
    ) -> pb.ListSampleEventsResponse:
        answer, _ = await asyncio.gather(
            self._backend.ListEvents(ListEventsRequest(subject=request.id)), self._check_overseen(request.id)
        )
        return pb.ListSampleEventsResponse(events=answer.events)

    async def ListSampleAuditEntries(
        self, request: pb.ListSampleAuditEntriesRequest, context: Context
    ) -> pb.ListSampleAuditEntriesResponse:
        answer, _ = await asyncio.gather(
            self._backend.ListAuditEntries(
                ListAuditEntriesRequest(
                    sample_id=request.id,
                    page_size=request.page_size or paging.DEFAULT_PAGE_SIZE,
                    page_token=request.page_token,
                )
            ),
            self._check_overseen(request.id),
        )
        return pb.ListSampleAuditEntriesResponse(entries=answer.entries, next_page_token=answer.next_page_token)

    async def GetSamplePrivacy(self, request: pb.GetSamplePrivacyRequest, context: Context) -> pb.SamplePrivacy:
        # Check access first: privacy_svc may have a record for a sample that was never stored.
        await self._check_overseen(request.id)
        return await self._privacy.GetPrivacyStatus(GetPrivacyStatusRequest(sample_id=request.id))

    async def _render(
        self,
        samples: Sequence[StoredSample],
        reader: Reader,
        principal: Principal,
        request: pb.GetSampleRequest | pb.ListSamplesRequest,
    ) -> list[Sample]:
        permitted: Container[str] = ()
        if request.HasField("use"):
            permitted = await self._declared_uses.permitted(samples, reader, principal, request.use)
        return [visibility.render(stored, reader, use_permitted=stored.sample.id in permitted) for stored in samples]

    async def _check_overseen(self, sample_id: str) -> None:
        principal = call_context.current().caller.principal
        visibility.check_overseen(*await self._access.sample_and_reader(sample_id, principal))
