"""Bodies between the pooled services."""

from uuid import UUID

from bench.peers.bodies import Anonymised, Body, SampleCreate, Stored


class VerifyRequest(Body):
    """A client's Authorization header."""

    authorization: str


class User(Body):
    """Whom it stands for."""

    id: UUID
    roles: list[str]


class ConsentCheck(Body):
    """The question whether an account has consented to a purpose."""

    user_id: UUID
    purpose: str


class ConsentAnswer(Body):
    """The account's consent, if it has given one."""

    granted: bool
    consent: UUID | None = None


class AnonymizeRequest(Body):
    """A raw sample, and the account that sends it."""

    user_id: UUID
    sample: SampleCreate


class AnonymizeAnswer(Body):
    """What may be stored, and the donor's consent where the sample names one."""

    sample: Anonymised
    consents: list[UUID]


class StoreRequest(Body):
    """An anonymised sample, the consents on which it rests, and a hash of the client's request where it gave a key."""

    sample: Anonymised
    consents: list[UUID]
    idempotency_key: str = ""
    request: str = ""


class Found(Body):
    """A stored sample with the classes of its fields."""

    sample: Stored
    classes: dict[str, int]


class Permissions(Body):
    """What a caller may see of a sample."""

    visible: list[int]
