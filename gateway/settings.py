"""Settings of the gateway."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from chassis.serving import settings


class Settings(settings.Settings):
    """Settings of the gateway. Each is read from the variable FAIRDB_<NAME>, with the name in capitals."""

    fingerprint_key_file: Path
    """File with the secret key of request fingerprints, by which the gateway recognises repeats: at least 32 bytes."""
    saga_lease_seconds: Annotated[float, Field(ge=4)] = 6.0
    """How long a gateway may be silent before other gateways take over its sagas. Renewals are in time for that."""
    saga_deadline_seconds: float = 60.0
    """Age at which the gateway ends a saga that has not passed its pivot, even if no request drives it any more."""
    saga_first_backoff_seconds: float = 1.0
    """The pause after the first failure of a saga's step."""
    saga_refusals: int = 8
    """Consecutive refusals of one step after which its saga is parked for an operator."""
    saga_tail_overdue_seconds: float = 900.0
    """How long a stored sample may wait to be indexed and announced before its saga is parked."""
    imports_at_once: int = 8
    """How many imports this gateway runs at a time; it refuses further ones with OVERLOADED."""
