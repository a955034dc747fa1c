"""The SQL statements on the tables `saga` and `lease`.

`saga.state` is 1 (running), 2 (undoing) or 3 (finishing) until the saga has ended. In states 1 and 2, the saga has not
passed its pivot (the step after which nothing is undone).
"""

from chassis.events import outbox
from chassis.storage.sweep import Sweep
from fairdb.system.v1.saga_service_pb2 import Saga as State

RENEW_LEASE = """
INSERT INTO lease (owner, address, fencing_token, until)
VALUES ($1, $2, nextval('fencing_token'), now() + $3 * interval '1 second')
ON CONFLICT (owner) DO UPDATE SET until = excluded.until RETURNING fencing_token
"""
END_LEASE = "UPDATE lease SET until = now() WHERE owner = $1"

# $1 to $6 are the columns of transitions.NewSaga.
BEGIN = """
INSERT INTO saga (id, definition, version, actor, correlation_id, traceparent, owner, fencing_token, state, due_at)
SELECT new.*, $7, $8, $9, now() + $10 * interval '1 second'
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[]) AS new
"""
# $1 to $13 are the columns of transitions.ChangedSaga.
# A saga's event is published only if this statement changed the saga.
WRITE = f"""
WITH new AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::bigint[], $3::smallint[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::int[],
        $9::jsonb[], $10::float8[], $11::uuid[], $12::text[], $13::bytea[]
    ) AS new (
        id, fencing_token, state, parked, failed_step, reason, waiting, refusals, steps, due_in, event_id, type, event
    )
), written AS (
    UPDATE saga
    SET state = new.state, parked = new.parked, failed_step = new.failed_step, reason = new.reason,
        waiting = new.waiting, refusals = new.refusals, steps = saga.steps || new.steps, updated_at = now(),
        due_at = now() + new.due_in * interval '1 second',
        entered_at = CASE WHEN saga.state = new.state THEN saga.entered_at ELSE now() END
    FROM new
    WHERE saga.id = new.id AND saga.fencing_token = new.fencing_token AND saga.state <= 3
      AND (saga.state = 3 OR NOT saga.parked)
    RETURNING saga.id, saga.fencing_token
), posted AS (
    {outbox.INTO}
    SELECT new.event_id, new.type, new.event FROM written JOIN new USING (id, fencing_token) WHERE new.event IS NOT NULL
)
SELECT id, fencing_token FROM written
"""

_SAGA = "saga.*, extract(epoch FROM now() - entered_at)::float8 AS age"
DUE = f"""
SELECT {_SAGA} FROM saga WHERE owner = $1 AND due_at <= now() AND state <= 2 AND NOT parked AND id <> ALL($2::uuid[])
ORDER BY due_at LIMIT $3
"""
# Includes parked sagas: a tail may finish without an operator.
TAILS_DUE = f"SELECT {_SAGA} FROM saga WHERE owner = $1 AND due_at <= now() AND state = 3 ORDER BY due_at LIMIT $2"

# Each saga gets a new token. The lease of the new owner must be valid too: after a database outage that was longer
# than a lease, running gateways must not take sagas from one another.
TAKE_OVER = """
UPDATE saga SET owner = $1, fencing_token = nextval('fencing_token'), due_at = now(), updated_at = now()
WHERE id IN (
    SELECT id FROM saga LEFT JOIN lease USING (owner)
    WHERE coalesce(lease.until < now(), true) AND owner <> $1 AND state <= 3 AND (state = 3 OR NOT parked)
      AND (definition, version) IN (SELECT * FROM unnest($2::text[], $3::int[]))
      AND EXISTS (SELECT FROM lease AS own WHERE own.owner = $1 AND own.until > now())
    LIMIT $4 FOR UPDATE OF saga SKIP LOCKED
)
RETURNING id
"""
# Wait ten minutes before parking: a gateway that knows the version may be starting.
SET_ASIDE = """
UPDATE saga SET parked = true, waiting = 'DEFINITION_UNKNOWN', updated_at = now()
FROM lease WHERE lease.owner = saga.owner AND lease.until < now() - interval '10 minutes'
  AND saga.state <= 3 AND NOT saga.parked
  AND (saga.definition, saga.version) NOT IN (SELECT * FROM unnest($1::text[], $2::int[]))
RETURNING id
"""
COUNT_OPEN = "SELECT definition, parked, count(*) FROM saga WHERE state <= 3 GROUP BY definition, parked"

RETRY = """
UPDATE saga SET parked = false, waiting = '', refusals = 0, owner = $2, fencing_token = nextval('fencing_token'),
    due_at = now(), entered_at = now(), updated_at = now()
WHERE id = $1 AND parked RETURNING id
"""
# The new owner asks whether the pivot took effect before it undoes anything: the previous owner may be calling the
# pivot at this moment.
CANCEL = """
UPDATE saga SET parked = false, waiting = '', refusals = 0, owner = $2, fencing_token = nextval('fencing_token'),
    reason = CASE state WHEN 1 THEN 'CANCELLED' ELSE reason END,
    failed_step = CASE state WHEN 1 THEN '' ELSE failed_step END,
    due_at = now(), entered_at = now(), updated_at = now()
WHERE id = $1 AND state <= 2 RETURNING id
"""
GET = "SELECT saga.*, lease.address FROM saga LEFT JOIN lease USING (owner) WHERE id = $1"
# Sorts without an index: operators rarely list sagas, and each index costs every creation two entries.
LIST = """
SELECT saga.*, lease.address FROM saga LEFT JOIN lease USING (owner)
WHERE ($1::smallint IS NULL OR state = $1 AND NOT parked) AND (parked OR NOT $2)
  AND ($3::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM saga AS last WHERE last.id = $3))
ORDER BY created_at DESC, id DESC LIMIT $4
"""

# Matches sagas that ended more than `time` ago. Such a saga also began before then, and its id begins with the day on
# which it began: comparing `id` narrows the scan to a range of the index.
_ENDED_BEFORE = """
state = {state} AND updated_at < now() - interval '{time}' AND id < (
    lpad(to_hex((extract(epoch FROM now() - interval '{time}') * 1000)::bigint), 12, '0') || repeat('0', 20)
)::uuid
"""
SWEEPS = (
    Sweep("saga", _ENDED_BEFORE.format(state=State.STATE_DONE, time="1 day")),
    Sweep("saga", _ENDED_BEFORE.format(state=State.STATE_UNDONE, time="7 days")),
    Sweep("lease", "until < now() - interval '1 day' AND owner NOT IN (SELECT owner FROM saga WHERE state <= 3)"),
)
