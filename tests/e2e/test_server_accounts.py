"""The accounts of the servers: a program without one can do nothing, and a service no more than it needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import unquote, urlsplit

import aio_pika
import httpx
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import AuthenticationError as AuthenticationErrorOfBroker
from aiormq.exceptions import ChannelAccessRefused
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from yarl import URL

from backend_svc.lifecycle.consumers import SUBSCRIPTIONS
from chassis.events.broker import DEAD_EXCHANGE, DIRECTORY, EXCHANGE, EXCHANGES
from chassis.identity.revocation import COMPLETE_KEY, revoked_key
from deploy.local.constellation import Constellation
from deploy.local.ports import LOOPBACK
from deploy.local.servers.consul import EDGE_AGENT, HOLDERS
from deploy.services import NAMES, find
from tests.platform import Platform
from tests.waiting import eventually

CONSUL_SAYS: dict[str, tuple[str, str]] = {
    "services": ("GET", "/v1/catalog/services"),
    "instances": ("GET", "/v1/health/service/gateway"),
    "services of the agent": ("GET", "/v1/agent/services"),
    "nodes": ("GET", "/v1/catalog/nodes"),
    "keys": ("GET", "/v1/kv/?keys"),
    "tokens": ("GET", "/v1/acl/tokens"),
    "configuration": ("GET", "/v1/agent/self"),
}
FORBIDDEN: dict[str, tuple[str, str, object]] = {
    "write a key": ("PUT", "/v1/kv/config", "value"),
    "make a token": ("PUT", "/v1/acl/token", {"Policies": [{"Name": "gateway"}]}),
    "change a policy": ("PUT", "/v1/acl/policy", {"Name": "all", "Rules": 'service_prefix "" { policy = "write" }'}),
    "leave": ("PUT", "/v1/agent/leave", None),
    "run a check": (
        "PUT",
        "/v1/agent/check/register",
        {"Name": "c", "ServiceID": "", "TCP": "127.0.0.1:1", "Interval": "10s"},
    ),
}
ON_KEYS_OF_REVOCATIONS = ("SET {} 1", "DEL {}", "EXPIRE {} 1", "GETDEL {}", "UNLINK {}", "RENAME {} {}")


@pytest_asyncio.fixture
async def consul(constellation: Constellation) -> AsyncIterator[httpx.AsyncClient]:
    # With a certificate, so that only the tokens make the difference.
    context = constellation.plan.credentials.authority.client_context("gateway")
    url = constellation.env_of("gateway")["FAIRDB_CONSUL_URL"]
    async with httpx.AsyncClient(base_url=url, verify=context, trust_env=False) as client:
        yield client


def token_of(constellation: Constellation, holder: str) -> dict[str, str]:
    """Return the header with a holder's token; none for "nobody"."""
    own = constellation.plan.urls.consul.get(holder)
    return {"X-Consul-Token": own["CONSUL_HTTP_TOKEN"]} if own else {}


async def register(consul: httpx.AsyncClient, name: str, headers: dict[str, str]) -> int:
    """Try to register an instance of a service; return the HTTP status."""
    instance = {"Name": name, "ID": f"fake-{name}", "Address": LOOPBACK, "Port": 1}
    return (await consul.put("/v1/agent/service/register", json=instance, headers=headers)).status_code


@pytest.mark.parametrize("name", CONSUL_SAYS)
async def test_registry_says_nothing_to_strangers(consul: httpx.AsyncClient, name: str) -> None:
    method, path = CONSUL_SAYS[name]
    answer = await consul.request(method, path)
    assert answer.status_code in (403, 404) or answer.json() in ({}, []), answer.text


@pytest.mark.parametrize("service", NAMES)
@pytest.mark.parametrize("holder", ["nobody", *HOLDERS])
async def test_only_a_service_registers_itself(
    constellation: Constellation, consul: httpx.AsyncClient, service: str, holder: str
) -> None:
    if holder == service:
        # Its own registration is what the other tests of this folder need.
        listed = (await consul.get("/v1/catalog/services", headers=token_of(constellation, holder))).json()
        assert service in listed
        return
    assert await register(consul, service, token_of(constellation, holder)) == 403


@pytest.mark.parametrize("holder", ["nobody", *HOLDERS])
async def test_nobody_registers_another_name(
    constellation: Constellation, consul: httpx.AsyncClient, holder: str
) -> None:
    assert await register(consul, "another", token_of(constellation, holder)) == 403


@pytest.mark.parametrize("action", FORBIDDEN)
@pytest.mark.parametrize("holder", ["nobody", "gateway", EDGE_AGENT])
async def test_registry_can_only_be_read(
    constellation: Constellation, consul: httpx.AsyncClient, holder: str, action: str
) -> None:
    method, path, body = FORBIDDEN[action]
    answer = await consul.request(method, path, json=body, headers=token_of(constellation, holder))
    assert answer.status_code == 403, answer.text


async def test_tokens_survive_a_restart_of_the_registry(platform: Platform) -> None:
    constellation = platform.constellation
    await constellation.kill("consul")
    await constellation.start("consul")

    async def healthy() -> bool:
        return (await platform.http.get("/api/health")).json()["parts"]["registry"]["status"] == "healthy"

    await eventually(healthy)


@asynccontextmanager
async def channel_of(url: str) -> AsyncIterator[AbstractChannel]:
    """Open a channel, which the broker closes after the first refusal."""
    async with await aio_pika.connect(url) as connection:
        yield await connection.channel()


Act = Callable[[AbstractChannel], Awaitable[object]]
QUEUE = SUBSCRIPTIONS[0].queue


async def publish_into_a_queue(channel: AbstractChannel) -> None:
    await channel.default_exchange.publish(aio_pika.Message(b"forged"), QUEUE)


async def bind_all_events(channel: AbstractChannel) -> None:
    queue = await channel.declare_queue("", exclusive=True)
    await queue.bind(EXCHANGE, routing_key="#")


FORBIDDEN_TO_ALL: dict[str, Act] = {
    "declare another exchange": lambda channel: channel.declare_exchange("another"),
    "declare the exchange of events": lambda channel: channel.declare_exchange(EXCHANGE, EXCHANGES[EXCHANGE]),
    "delete the exchange of events": lambda channel: channel.exchange_delete(EXCHANGE),
    "delete the exchange of dead letters": lambda channel: channel.exchange_delete(DEAD_EXCHANGE),
    "declare another queue": lambda channel: channel.declare_queue("another"),
    "declare a queue of another service": lambda channel: channel.declare_queue("reports_svc.index"),
}
FORBIDDEN_TO_PUBLISHERS: dict[str, Act] = {
    "publish into a queue": publish_into_a_queue,
    "bind all events": bind_all_events,
    "delete a queue": lambda channel: channel.queue_delete(QUEUE),
    "delete the directory": lambda channel: channel.queue_delete(DIRECTORY),
    "declare its own queue": lambda channel: channel.declare_queue("gateway.own", exclusive=True),
}


@pytest.mark.parametrize("service", NAMES)
async def test_service_publishes_events_and_uses_only_its_own_queues(
    constellation: Constellation, service: str
) -> None:
    url = constellation.plan.urls.broker[service]
    async with channel_of(url) as channel:
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        await exchange.publish(aio_pika.Message(b""), "test.nobody.listens", mandatory=False)
    forbidden = FORBIDDEN_TO_ALL if find(service).consumes else FORBIDDEN_TO_ALL | FORBIDDEN_TO_PUBLISHERS
    for name, act in forbidden.items():
        async with channel_of(url) as channel:
            refusals = await asyncio.gather(act(channel), return_exceptions=True)
            assert isinstance(refusals[0], ChannelAccessRefused), name


async def test_broker_accepts_no_passwords(constellation: Constellation) -> None:
    by_certificate = URL(constellation.plan.urls.broker["gateway"])
    for user, password in (("guest", "guest"), ("operator", ""), ("backend_svc", "guessed")):
        by_password = by_certificate.with_user(user).with_password(password).update_query(auth="plain")
        with pytest.raises(AuthenticationErrorOfBroker):
            await aio_pika.connect(by_password)


async def test_instance_left_with_another_check_is_replaced(
    constellation: Constellation, consul: httpx.AsyncClient
) -> None:
    """An earlier release let the registry ask; a crash leaves such an instance behind."""
    await constellation.kill("privacy_svc")
    port = int(constellation.addresses["privacy_svc"].rpartition(":")[2])
    check = {"TCP": f"{LOOPBACK}:1", "Interval": "1s"}
    left = {"Name": "privacy_svc", "ID": f"privacy_svc-{LOOPBACK}-{port}", "Address": LOOPBACK, "Port": port}
    headers = token_of(constellation, "privacy_svc")
    answer = await consul.put("/v1/agent/service/register", json={**left, "Check": check}, headers=headers)
    assert answer.status_code == 200
    await constellation.start("privacy_svc")

    async def reports() -> bool:
        found = (await consul.get("/v1/health/service/privacy_svc?passing", headers=headers)).json()
        return [check["Type"] for node in found for check in node["Checks"] if check["ServiceID"]] == ["ttl"]

    assert await eventually(reports)


async def refused(call: Awaitable[object]) -> bool:
    try:
        await call
    except (NoPermissionError, AuthenticationError):
        return True
    except RedisConnectionError as error:
        # On a Unix socket, redis-py reports a refused log-in so.
        return isinstance(error.__cause__, AuthenticationError)
    except ResponseError as error:
        return str(error).startswith("NOAUTH")
    return False


async def test_cache_refuses_strangers(constellation: Constellation) -> None:
    socket = unquote(urlsplit(constellation.plan.redis_admin_url).path)
    async with Redis(unix_socket_path=socket, protocol=2) as stranger:
        assert await refused(stranger.get(COMPLETE_KEY))
    async with Redis(unix_socket_path=socket, protocol=2, password="guessed") as stranger:
        assert await refused(stranger.get(COMPLETE_KEY))


@pytest.mark.parametrize("service", NAMES)
async def test_service_runs_only_its_own_commands_in_the_cache(constellation: Constellation, service: str) -> None:
    key = revoked_key("0192f0c4-0000-7000-8000-000000000000")
    async with Redis.from_url(constellation.plan.urls.redis[service]) as redis:
        assert await redis.mget(key) == [None]
        assert await refused(redis.mget("another"))
        for command in (("EVAL", "return 1", 0), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("FLUSHALL",), ("ACL", "LIST")):
            assert await refused(redis.execute_command(*command)), command
        for command in ON_KEYS_OF_REVOCATIONS:
            may = service == "auth_svc" and command.startswith("SET")
            assert await refused(redis.execute_command(*command.format(key, key).split())) != may, command
    async with Redis.from_url(constellation.plan.redis_admin_url) as admin:
        await admin.delete(key)
