"""Canaries: personal data planted in every text of every request must appear nowhere."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import httpx
from redis.asyncio import Redis

from chassis.events import broker
from chassis.identity.certificates import OPERATOR
from deploy.local import binaries
from deploy.local.constellation import Constellation
from deploy.local.servers.envoy import admin_socket
from tests.platform import Platform
from tests.waiting import eventually

NAME, SURNAME = "Zebulon", "Quartzfeather"
EMAIL = "zq.canary@canary-mail.example"
PHONE = "+31 6 5550 9917"
BIRTH = "1961-03-17"
CANARIES = (NAME, SURNAME, "zq.canary", "5550 9917", "55509917", BIRTH, "19610317", "17.03.1961", "17 March 1961")
IMPORT = "/api/samples:import"
PLANTED = (f"{NAME} {SURNAME}", EMAIL, PHONE, BIRTH)


async def test_no_canary_is_stored_logged_or_returned(platform: Platform, tmp_path: Path) -> None:
    researcher = await platform.account(consented=True)
    for donor in PLANTED:
        await researcher.consent(donor)
    answers = [
        await platform.http.request(method, path, headers={**researcher.headers, **headers}, content=content)
        for method, path, headers, content in requests()
    ]
    previewed = [answer for answer in answers if answer.is_success and answer.request.url.path.endswith(":preview")]
    assert len(previewed) >= 5 * len(PLANTED), [answer.text for answer in answers]
    created = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(created) >= len(PLANTED), [answer.text for answer in answers]
    rows = [line for answer in answers if answer.request.url.path == IMPORT for line in answer.text.splitlines()]
    imported = [row["id"] for row in map(json.loads, rows) if "id" in row]
    assert len(imported) >= 2 * len(PLANTED), rows
    created += imported
    for sample_id in created:
        await researcher.wait_until_processed(sample_id)
    answers += [await researcher.call("GET", f"/api/samples/{sample_id}") for sample_id in created]
    answers += [
        await researcher.call("GET", f"/api/samples/{sample_id}/{part}")
        for sample_id in created
        for part in ("events", "audit", "privacy")
    ]

    places = {
        f"answer {index} to {answer.request.method} {answer.request.url.path[:20]}": answer_text(answer)
        for index, answer in enumerate(answers)
    }
    await eventually(lambda: spans_are_written(platform.constellation))
    places |= await everything_kept(platform.constellation, platform.http, tmp_path)

    # Prove that the canaries were planted and that every place was read.
    assert {"database", "redis", "consul", "metrics of gateway", "queues"} <= set(places)
    for part in ("log of envoy", "log of postgres", "log of gateway", "log of privacy_svc", "log of rabbitmq"):
        assert places[part], part
    assert researcher.email in places["database"]
    assert created[0] in places["database"]
    found = [(place, canary) for place, text in places.items() for canary in CANARIES if canary.lower() in text.lower()]
    assert found == []


async def spans_are_written(constellation: Constellation) -> bool:
    """Return whether the spans of a creation are in the logs of every service involved."""
    spans = {"gateway": "SampleService/CreateSample", "privacy_svc": "PrivacyService/PrepareSample"}
    return all(f'.{name}"' in constellation.log_files[service].read_text() for service, name in spans.items())


def requests() -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Yield valid, refused and malformed requests with canaries; each creation also as a preview."""
    for method, path, headers, content in creations_and_others():
        yield method, path, headers, content
        if (method, path) == ("POST", "/api/samples"):
            yield method, f"{path}:preview", headers, content


def creations_and_others() -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Yield requests with a canary in every place that can carry one."""
    for planted in PLANTED:
        metadata = {
            "name": planted,
            "email": planted,
            "description": f"Sample of {planted}, taken at home",
            "body_site": planted,
            "country": planted,
            "birth_date": planted,
            planted: planted,
        }
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", "subject": planted, "metadata": metadata})
        yield "POST", "/api/samples", {}, json.dumps({"organism": planted})
        yield "POST", "/api/samples", {}, json.dumps({"organism": f"E. coli of {planted}", "metadata": metadata})
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", "collectionDate": f"on {planted}"})
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", "metadata": {"age": planted}})
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", "metadata": {"sex": {planted: planted}}})
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", "taxonId": planted})
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", planted: planted})
        yield "POST", "/api/samples", {}, '{"organism": "E. coli", "metadata": {"name": ' + planted
        yield "POST", "/api/samples", {}, json.dumps({"organism": "E. coli", "study": planted})
        yield from imports(planted, metadata)
        ascii_planted = planted.replace(" ", "-")
        headers = {
            "X-Correlation-ID": ascii_planted,
            "X-Request-ID": ascii_planted,
            "Idempotency-Key": ascii_planted,
            "User-Agent": ascii_planted,
            "Referer": f"http://localhost/{ascii_planted}",
            "tracestate": f"donor={ascii_planted}",
            "baggage": f"donor={ascii_planted}",
            "traceparent": ascii_planted,
            "X-Donor": ascii_planted,
        }
        yield "POST", "/api/samples", headers, json.dumps({"organism": "E. coli"})
        yield "GET", "/api/samples", headers, ""
        quoted = str(httpx.QueryParams({"q": planted}))[2:]
        yield "GET", f"/api/samples?donor={quoted}", {}, ""
        yield "GET", f"/api/samples?{quoted}=1", {}, ""
        yield "GET", f'/api/samples?filter=metadata.name = "{quoted}"', {}, ""
        yield "GET", f"/api/samples?filter={quoted}", {}, ""
        yield "GET", f"/api/samples?pageToken={quoted}", {}, ""
        yield "GET", f"/api/samples/{quoted}", {}, ""
        yield "GET", f"/api/{quoted}", {}, ""
        yield "POST", "/api/consents", {}, json.dumps({"purpose": planted, "subject": planted})
        yield "POST", "/api/consents:find", {}, json.dumps({"subject": planted})
        conditions = {"textVersion": planted, "study": planted, "dataUse": [{"id": planted, "diseases": [planted]}]}
        yield "POST", "/api/consents", {}, json.dumps({"purpose": "sample_creation", **conditions})
        term = {"id": "DUO:0000007", "diseases": [planted], "date": planted}
        yield "POST", "/api/consents", {}, json.dumps({"purpose": "sample_creation", "dataUse": [term]})
        intended = {"diseases": [planted], "institution": planted, "endDate": planted, "project": planted}
        yield "POST", "/api/dataUse:match", {}, json.dumps({"sample": planted, "terms": [term], "use": intended})
        yield "POST", "/api/dataUse:match", {}, json.dumps({"terms": [term], "use": {"country": planted[:2]}})
        yield "POST", "/api/subscriptions", {}, json.dumps({"study": planted})
        yield "POST", "/api/subscriptions", {}, json.dumps({"organism": planted})
        yield "POST", "/api/studies", {}, json.dumps({"title": f"Samples of {planted}"})
        yield "GET", f"/api/samples?use.institution={quoted}&use.project={quoted}&use.diseases={quoted}", {}, ""
        yield "GET", "/api/samples", {"Authorization": f"Bearer {ascii_planted}"}, ""


def imports(planted: str, metadata: dict[str, str]) -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Yield imports with a canary in stored, refused and unreadable rows, and in a header."""
    lines = [
        {"organism": "E. coli", "subject": planted, "metadata": metadata},
        {"organism": planted, "collectionDate": planted, "metadata": {"age": planted}},
        {"organism": "E. coli", planted: planted},
        {"organism": "E. coli", "requestId": planted},
        {"organism": "E. coli", "taxonId": planted, "study": planted},
    ]
    ndjson = "\n".join([*map(json.dumps, lines), f'{{"organism": "{planted}', planted])
    yield "POST", IMPORT, {"Content-Type": "application/x-ndjson"}, ndjson
    cells = (f'"{planted}","{planted}"', planted, f'"{planted}" x,,', f'"{planted}', f"E. coli,{planted},{planted}")
    table = "\n".join(["organism,age,name", *cells])
    yield "POST", IMPORT, {"Content-Type": "text/csv"}, table
    yield "POST", IMPORT, {"Content-Type": "text/csv"}, f"{planted},{planted}\n{planted},1\n"
    yield "POST", IMPORT, {"Content-Type": planted.replace(" ", "-")}, ndjson
    quoted = str(httpx.QueryParams({"q": planted}))[2:]
    yield "POST", f"{IMPORT}?organism={quoted}&study={quoted}", {"Content-Type": "text/csv"}, table


def answer_text(answer: httpx.Response) -> str:
    """Return an answer's text without the field names, which the sender chose."""
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    if answer.headers.get("content-type") == "application/x-ndjson":
        rows = [json.loads(line) for line in answer.text.splitlines()]
        for violation in (item for row in rows for item in row.get("error", {}).get("violations", ())):
            del violation["field"]
        for row in rows:
            row.pop("droppedFields", None)
            for dropped in (*row.get("columns", ()), *row.get("summary", {}).get("dropped", ())):
                del dropped["field"]
        return headers + json.dumps(rows, ensure_ascii=False)
    if answer.headers.get("content-type") != "application/json":
        return headers + answer.text
    body = answer.json()
    if answer.is_success:
        body.pop("droppedFields", None)
        body.pop("dropReasons", None)
        for field in body.get("fields", ()):
            del field["name"]
    else:
        for detail in body["details"]:
            for violation in detail.get("fieldViolations", ()):
                del violation["field"]
    return headers + json.dumps(body, ensure_ascii=False)


async def everything_kept(constellation: Constellation, http: httpx.AsyncClient, tmp_path: Path) -> dict[str, str]:
    """Return the content of every place that keeps data, by name."""
    places = {f"log of {name}": file.read_text(errors="replace") for name, file in constellation.log_files.items()}
    for file in constellation.layout.root.rglob("*"):
        # Read the remaining logs and text files. The servers' data is read below, through the servers.
        if file.is_file() and file.suffix in {".log", ".json", ".yaml"}:
            places[f"file {file.relative_to(constellation.layout.root)}"] = file.read_text(errors="replace")
    places["database"] = await asyncio.to_thread(dump_database, constellation)
    env = constellation.env_of("gateway")
    async with Redis.from_url(constellation.plan.redis_admin_url) as redis:
        keys = [key async for key in redis.scan_iter()]
        places["redis"] = repr([(key, await redis.dump(key)) for key in keys]) + repr(await redis.info())
    consul, management = env["FAIRDB_CONSUL_URL"], constellation.plan.credentials.token("consul_management")
    tls = constellation.plan.credentials.authority.client_context(OPERATOR)
    async with httpx.AsyncClient(base_url=consul, verify=tls, headers={"X-Consul-Token": management}) as registry:
        places["consul"] = "".join(
            [
                (await registry.get(path)).text  # 404 if there are no keys
                for path in ("/v1/kv/?recurse", "/v1/agent/services", "/v1/health/state/any")
            ]
        )
    for service in ("auth_svc", "backend_svc", "privacy_svc", "gateway"):
        port = constellation.env_of(service)["FAIRDB_METRICS_PORT"]
        places[f"metrics of {service}"] = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    transport = httpx.AsyncHTTPTransport(uds=str(admin_socket(constellation.layout)))
    async with httpx.AsyncClient(base_url="http://envoy", transport=transport, timeout=30) as admin:
        places["metrics of envoy"] = (await admin.get("/stats")).text + (await admin.get("/config_dump")).text
    places["queues"] = await read_queues(constellation.plan.broker_admin_url)
    return places


def dump_database(constellation: Constellation) -> str:
    """Return every table of every schema, as text."""
    command = [binaries.postgres() / "pg_dump", "--dbname", constellation.plan.admin_url]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


async def read_queues(url: str) -> str:
    """Return every message of every queue, including dead letters. Closing the channel puts the messages back."""
    texts = []
    async with await aio_pika.connect(url) as connection:
        for queue_name in ("backend_svc.index", "backend_svc.notify"):
            retries = (broker.retry_name(queue_name, delay) for delay in broker.RETRY_DELAYS)
            for name in (queue_name, broker.dead_name(queue_name), *retries):
                channel = await connection.channel()
                queue = await channel.get_queue(name)
                while (message := await queue.get(fail=False)) is not None:
                    texts.append(repr((message.body, message.headers, message.properties)))
                await channel.close()
    return repr(texts)
