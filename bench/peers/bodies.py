"""Request and response bodies of the peers' API, with the platform's field names."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Scalar = str | bool | int | float | None
Metadata = dict[Annotated[str, Field(min_length=1, max_length=128)], Scalar]


class Body(BaseModel):
    """Uses lowerCamelCase names in JSON and snake_case names in Python."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class SampleCreate(Body):
    """A sample as its researcher sends it."""

    study: str = ""
    subject: Annotated[str, Field(max_length=256)] = ""
    organism: Annotated[str, Field(min_length=1, max_length=200)]
    taxon_id: Annotated[int, Field(ge=0)] = 0
    collection_date: Annotated[str, Field(max_length=40)] = ""
    metadata: Annotated[Metadata, Field(max_length=500)] = {}


class Anonymised(Body):
    """An anonymised sample, and the consents that it depends on."""

    id: UUID
    owner: UUID
    study: UUID
    subject: str
    organism: str
    taxon_id: int
    collection_date: str
    metadata: dict[str, Scalar]
    classes: dict[str, int]
    dropped_fields: list[str]


class Stored(Body):
    """A stored sample."""

    id: UUID
    study: UUID | None  # None where it is withheld
    subject: str
    organism: str
    taxon_id: int
    collection_date: str
    metadata: dict[str, Scalar]
    state: str
    owner: UUID
    etag: str
    create_time: datetime
    update_time: datetime


class SampleAnswer(Stored):
    """A sample as its reader may see it."""

    withheld_fields: list[str] = []
    dropped_fields: list[str] = []
