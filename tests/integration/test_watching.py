"""Prometheus and Grafana: every metric that a panel or a rule names is one that the web process exports."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from sqlmodel import Session

from api.health.board_figures import BoardFigures
from core.calendar import utc_now
from core.db import Database
from core.facts import publish
from core.settings import ROOT, Settings
from ivr.calls.models import Call
from ivr.facts import SeatStateChanged
from tests.integration.web import World, add_ticket
from tests.integration.web import add_call as add_ended_call

pytestmark = pytest.mark.integration
DOCKER = ROOT / "docker"
DASHBOARD: dict[str, Any] = json.loads((DOCKER / "grafana" / "dashboards" / "hotline.json").read_text())
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.watch.yaml").read_text())
NAME = re.compile(r"hotline_[a-z0-9_]+")
LABELS = re.compile(r"(hotline_[a-z0-9_]+)\{([^}]*)\}")


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    rules = yaml.safe_load((DOCKER / "prometheus" / "rules.yml").read_text())
    return panels + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def some_calls(session: Session) -> None:
    """An answered call of just now and the seat that took it, so that every figure has a value."""
    at = utc_now() - timedelta(minutes=5)
    answered = at + timedelta(seconds=9)
    session.add(
        Call(
            id="now-1.1", line="12345", state="ended", outcome="answered", asked_human=True, arrived_at=at, asked_at=at,
            answered_at=answered, talk_ended_at=answered + timedelta(seconds=60),
            ended_at=answered + timedelta(seconds=60), wait_s=9.0, talk_s=60.0,
        )
    )  # fmt: skip
    add_ended_call(session, 1)
    add_ticket(session, 1)
    for n, state in enumerate(("ready", "talking", "wrap_up", "ready")):
        publish(session, SeatStateChanged(at=at + timedelta(seconds=30 * n), seat="1001", state=state))  # type: ignore[arg-type]


async def scraped(world: World) -> dict[str, list[dict[str, str]]]:
    """Names of samples with the labels that they come with."""
    async with world.client() as client:
        text = (await client.get("/metrics")).text
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


async def test_every_metric_that_is_watched_is_exported_with_its_labels(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    world = World(database, tmp_path)
    (tmp_path / "jobs.sqlite").touch()  # a worker has been here
    with database.session() as session:
        some_calls(session)
    known = await scraped(world)
    # What appears only with a promise that is over, or with a jobs' database that can be read.
    optional = {"hotline_call_backs_kept", "hotline_jobs_unfinished"}
    for expression in expressions():
        assert set(NAME.findall(expression)) - optional <= known.keys(), expression
        for name, wanted in LABELS.findall(expression):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', wanted))
            shown = known.get(name, [])
            assert name in optional or any(labels.items() <= one.items() for one in shown), expression
    database.close()


def test_optional_metrics_exist_in_the_program() -> None:
    source = Path(BoardFigures.__module__.replace(".", "/") + ".py")
    assert "hotline_call_backs_kept" in (ROOT / source).read_text()
    assert "hotline_jobs_unfinished" in (ROOT / "api" / "health" / "prometheus.py").read_text()


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    provisioning = DOCKER / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    provider = yaml.safe_load((provisioning / "dashboards" / "hotline.yaml").read_text())["providers"][0]
    mounts = [volume.split(":")[1] for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in mounts
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_watching_stays_on_the_loopback_and_its_folders_exist() -> None:
    for name, service in COMPOSE["services"].items():
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d[\w.]*", service["image"]), name
        assert "127.0.0.1" in str(service.get("command")) + str(service.get("environment"))
        for volume in service["volumes"]:
            place = volume.split(":")[0]
            assert (DOCKER / place).is_dir() if place.startswith("./") else place in COMPOSE["volumes"]
    scrape = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())["scrape_configs"][0]
    assert scrape["static_configs"][0]["targets"] == [f"127.0.0.1:{Settings().web_port}"]
