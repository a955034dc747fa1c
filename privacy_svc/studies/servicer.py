"""StudyService: create, change and list studies, and change their members."""

from uuid import UUID

import grpc

from chassis import call_context
from chassis.errors import InvalidRequest
from chassis.storage import paging
from fairdatabase.policy.access.equivalence import DEFAULT_READER_K
from fairdatabase.policy.recognizers.detection import is_identifying
from fairdatabase.policy.records.free_text import redact
from fairdatabase.policy.tables.vocabulary import Vocabulary
from fairdatabase.violations import Violation
from fairdb.options.v1.access_pb2 import ROLE_STEWARD
from fairdb.privacy.v1 import study_service_pb2 as pb
from fairdb.privacy.v1 import study_service_pb2_grpc
from privacy_svc.studies.members import Members
from privacy_svc.studies.store import Studies

Context = grpc.aio.ServicerContext
_CHANGEABLE = {"title", "reader_k"}


class StudyServicer(study_service_pb2_grpc.StudyServiceServicer):
    """Serves studies and their members. A study's owner decides on its members."""

    def __init__(self, studies: Studies, members: Members, vocabulary: Vocabulary) -> None:
        self._studies = studies
        self._members = members
        self._vocabulary = vocabulary

    async def CreateStudy(self, request: pb.CreateStudyRequest, context: Context) -> pb.Study:
        title = _title(request.study)
        stored = redact(title, self._vocabulary)
        study = await self._studies.create(_account(), stored, request.study.reader_k or DEFAULT_READER_K)
        return _with_redacted(study, title)

    async def UpdateStudy(self, request: pb.UpdateStudyRequest, context: Context) -> pb.Study:
        changes = _changes(request)
        title = _title(request.study) if "title" in changes else None
        stored = None if title is None else redact(title, self._vocabulary)
        reader_k = (request.study.reader_k or DEFAULT_READER_K) if "reader_k" in changes else None
        study = await self._studies.update(_account(), UUID(request.id), stored, reader_k)
        return study if title is None else _with_redacted(study, title)

    async def GetStudy(self, request: pb.GetStudyRequest, context: Context) -> pb.Study:
        return await self._readable(request.id)

    async def ListStudies(self, request: pb.ListStudiesRequest, context: Context) -> pb.ListStudiesResponse:
        size = request.page_size or paging.DEFAULT_PAGE_SIZE
        return await self._studies.list_page(_account(), size, request.page_token, any_account=_is_steward())

    async def SetMember(self, request: pb.SetMemberRequest, context: Context) -> pb.Member:
        study = await self._owned(request.study)
        if request.member.account == study.owner:
            advice = "is the owner of the study, who cannot also be a member: name another account"
            raise InvalidRequest(violations=[Violation("member.account", advice)])
        return await self._members.set_role(UUID(request.study), UUID(request.member.account), request.member.role)

    async def ListMembers(self, request: pb.ListMembersRequest, context: Context) -> pb.ListMembersResponse:
        await self._readable(request.study)
        return pb.ListMembersResponse(members=await self._members.list_by_account(UUID(request.study)))

    async def RemoveMember(self, request: pb.RemoveMemberRequest, context: Context) -> pb.RemoveMemberResponse:
        account = UUID(request.account)
        if account != _account():
            await self._owned(request.study)
        else:
            await self._readable(request.study)
        await self._members.remove(UUID(request.study), account)
        return pb.RemoveMemberResponse()

    async def _readable(self, study: str) -> pb.Study:
        any_account = _is_steward()
        return await self._studies.get(_account(), UUID(study), at_least=pb.STUDY_ROLE_READER, any_account=any_account)

    async def _owned(self, study: str) -> pb.Study:
        return await self._studies.get(_account(), UUID(study), at_least=pb.STUDY_ROLE_OWNER)


def _with_redacted(study: pb.Study, title: str) -> pb.Study:
    """Return the study, and whether its title lost something that the sender wrote."""
    if study.title != title:
        study.redacted_fields.append("title")
    return study


def _title(study: pb.Study) -> str:
    """Return a study's title with single spaces. Raises InvalidRequest."""
    title = " ".join(study.title.split())
    if not title:
        raise InvalidRequest(violations=[Violation("study.title", "is required")])
    if is_identifying(title):
        advice = "must not contain contact details, dates or numbers that identify a person: remove them"
        raise InvalidRequest(violations=[Violation("study.title", advice)])
    return title


def _changes(request: pb.UpdateStudyRequest) -> set[str]:
    """Return the names of the fields to change. Raises InvalidRequest."""
    named = {*request.update_mask.paths} or {field.name for field, _ in request.study.ListFields()}
    if not named or not named <= _CHANGEABLE:
        advice = "must name the fields to change: title, readerK"
        raise InvalidRequest(violations=[Violation("updateMask", advice)])
    return named


def _account() -> UUID:
    return UUID(call_context.current().caller.user_id)


def _is_steward() -> bool:
    return ROLE_STEWARD in call_context.current().caller.roles
