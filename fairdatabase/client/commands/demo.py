"""The demo: shows what the platform does with real tables, step by step."""

import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from fairdatabase.client.session import ApiError, Session
from fairdatabase.client.tables.demo_tables import ATLAS, MOVING_PICTURES, atlas, moving_pictures
from fairdatabase.sheets.errors import BadTable

_CONNECTIONS = 8
_PROCESSED_WITHIN = 120.0
_VISIBLE_WITHIN = 5.0


class DemoFailed(Exception):
    """The demo cannot run, or the platform did not do what the demo promises."""


def read_samples(data: Path) -> list[dict[str, Any]]:
    """Read the demo's tables from their folder. Raises DemoFailed."""
    if missing := [name for name in (MOVING_PICTURES, ATLAS) if not (data / name).is_file()]:
        advice = (
            "run `make demo` in a checkout of FAIRDatabase, which downloads the tables, or set --data to their folder"
        )
        raise DemoFailed(f"{data} does not contain {' and '.join(missing)}: {advice}")
    try:
        return [*moving_pictures(data), *atlas(data)]
    except BadTable as error:
        raise DemoFailed(f"a table in {data} is damaged ({error}): remove it and run `make setup`") from None


def run(edge_url: str, samples: list[dict[str, Any]], console: Console) -> None:
    """Create the samples and show how the platform stores and protects them. Raises DemoFailed, ApiError."""
    password = secrets.token_urlsafe(16)
    with Session(edge_url) as researcher, Session(edge_url) as outsider:
        names: dict[str, str] = {}
        for session, name in ((researcher, "researcher"), (outsider, "outsider")):
            names[name] = f"{name}-{secrets.token_hex(4)}@example.org"
            session.register(names[name], password)
            session.log_in(names[name], password)
        console.print(f"[bold]Accounts[/]      {names['researcher']} and {names['outsider']}")
        _show_refusal(researcher, samples[0], console)
        subjects = sorted({sample["subject"] for sample in samples if "subject" in sample})
        researcher.grant_consent()
        for subject in subjects:
            researcher.grant_consent(subject)
        console.print(f"[bold]Consent[/]       granted by the account and recorded for {len(subjects)} donors")
        started = time.perf_counter()
        created = _create_all(researcher, samples, console)
        created_in = time.perf_counter() - started
        _show_anonymisation(samples[0], created[0], console)
        _show_readers(researcher, outsider, created[0]["id"], console)
        processed_in = _wait_until_processed(researcher, created, started)
        _show_trail(researcher, created[0]["id"], console)
        rate = len(created) / created_in
        console.print(
            f"[bold green]Done[/]          {len(created)} samples created in {created_in:.1f} s ({rate:.0f}/s), "
            f"all processed after {processed_in:.1f} s"
        )
        show_next(console)


def show_next(console: Console) -> None:
    """Print what to do after the demo, and where its state is."""
    root = os.environ.get("FAIRDB_ROOT")
    state = f"The state of this demo is in {root}. " if root else ""
    console.print(Text(f"{state}Next: run `make up` and follow docs/tutorial.md."), soft_wrap=True)


def _show_refusal(researcher: Session, sample: dict[str, Any], console: Console) -> None:
    try:
        researcher.create_sample(sample)
    except ApiError as error:
        if error.reason != "CONSENT_REQUIRED":
            raise
        console.print(f"[bold]No consent[/]    {error}")
        return
    raise DemoFailed("A sample was created without consent.")


def _create_all(researcher: Session, samples: list[dict[str, Any]], console: Console) -> list[dict[str, Any]]:
    with Progress(console=console) as progress, ThreadPoolExecutor(_CONNECTIONS) as pool:
        return list(progress.track(pool.map(researcher.create_sample, samples), len(samples), description="Creating"))


def _show_anonymisation(raw: dict[str, Any], sample: dict[str, Any], console: Console) -> None:
    stored = {name: sample[name] for name in (*raw, "droppedFields")}
    _show_side_by_side({"as sent": raw, "as stored": stored}, console)
    text = json.dumps(sample)
    for secret in (raw["subject"], raw["collectionDate"], raw["metadata"]["Description"].rpartition(".")[2]):
        if secret in text:
            raise DemoFailed("The stored sample still contains the subject or the date.")
    console.print("Description also contained the subject and the date: both were removed.")


def _show_side_by_side(contents: dict[str, Any], console: Console) -> None:
    panels = [
        # As Text, because rich would read "[redacted]" as markup.
        Panel(Text(json.dumps(content, indent=2, ensure_ascii=False)), title=title, width=60)
        for title, content in contents.items()
    ]
    console.print(Columns(panels))


def _show_readers(researcher: Session, outsider: Session, sample_id: str, console: Console) -> None:
    started = time.monotonic()
    while (theirs := _find(outsider, sample_id)) is None and time.monotonic() - started < _VISIBLE_WITHIN:
        time.sleep(0.2)
    hidden = "not visible yet: outsiders see new samples after their owner has stored nothing for some minutes"
    mine = researcher.get_sample(sample_id)
    _show_side_by_side({"as its owner sees it": mine, "as an outsider sees it": theirs or hidden}, console)


def _find(session: Session, sample_id: str) -> dict[str, Any] | None:
    try:
        return session.get_sample(sample_id)
    except ApiError as error:
        if error.reason != "SAMPLE_NOT_FOUND":
            raise
        return None


def _wait_until_processed(researcher: Session, created: list[dict[str, Any]], started: float) -> float:
    """Return the seconds until every sample is processed. Raises DemoFailed after two minutes."""
    wanted = {sample["id"] for sample in created}
    while True:
        done = {sample["id"] for sample in researcher.list_samples('state = "STATE_PROCESSED"')}
        elapsed = time.perf_counter() - started
        if wanted <= done:
            return elapsed
        if elapsed > _PROCESSED_WITHIN:
            raise DemoFailed(f"{len(wanted - done)} samples are still not processed after {elapsed:.0f} s.")
        time.sleep(0.2)


def _show_trail(researcher: Session, sample_id: str, console: Console) -> None:
    events = Table("#", "event", "time", title="Events", title_justify="left")
    for event in researcher.call("GET", f"/api/samples/{sample_id}/events")["events"]:
        events.add_row(str(event["sequence"]), event["type"], event["time"])
    audit = Table("action", "actor", "time", title="Audit", title_justify="left")
    for entry in researcher.call("GET", f"/api/samples/{sample_id}/audit")["entries"]:
        audit.add_row(entry["action"], entry["actor"], entry["time"])
    privacy = Table("field", "what was done", title="Privacy", title_justify="left")
    status = researcher.call("GET", f"/api/samples/{sample_id}/privacy")
    for field, action in sorted(status["actions"].items()):
        privacy.add_row(field, action)
    privacy.add_row("[dim]dropped[/]", f"{status['droppedFieldCount']} fields")
    console.print(events, audit, privacy)
