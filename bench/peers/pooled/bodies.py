"""Bodies between the pooled services."""

from uuid import UUID

from bench.peers.bodies import Anonymised, Body, SampleCreate, Stored


class VerifyRequest(Body):
    """A client's Authorization header."""

    authorization: str


class User(Body):
    """The account of a token."""

    id: UUID
    roles: list[str]


class ConsentCheck(Body):
    """A request to check whether an account has consented to a purpose."""

    user_id: UUID
    purpose: str


class ConsentAnswer(Body):
    """The account's consent, if any."""

    granted: bool
    consent: UUID | None = None


class AnonymizeRequest(Body):
    """A raw sample and its sender's account."""

    user_id: UUID
    sample: SampleCreate


class AnonymizeAnswer(Body):
    """An anonymised sample, and the donor's consent if the sample names a donor."""

    sample: Anonymised
    consents: list[UUID]


class StoreRequest(Body):
    """An anonymised sample, the consents that it depends on, and a hash of the request if it had a key."""

    sample: Anonymised
    consents: list[UUID]
    idempotency_key: str = ""
    request: str = ""


class Found(Body):
    """A stored sample with the classes of its fields."""

    sample: Stored
    classes: dict[str, int]


class Permissions(Body):
    """The permissions of a caller on a sample."""

    visible: list[int]
    oversees: bool
