"""Metrics of sagas."""

from prometheus_client import Counter, Gauge

SAGAS = Counter("saga_total", "Sagas that ended, or were parked.", ["saga", "outcome"])
SAGA_TRANSITIONS = Counter("saga_transitions_total", "Transitions written to the saga journal.", ["transition"])
SAGAS_OPEN = Gauge("sagas_open", "Sagas that have not ended: open, or parked for an operator.", ["saga", "state"])
