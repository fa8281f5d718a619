"""The skills file is checked completely and refused with file and line."""

from pathlib import Path

import pytest

from core.errors import BadInput
from core.settings import Settings
from ivr.acd.plan import GENERAL, Plan
from ivr.acd.plan_file import changed_at, load_plan

pytestmark = pytest.mark.unit
SEATS = ("1001", "1002", "0123")


def load(folder: Path, text: str) -> Plan:
    file = folder / "skills.yaml"
    file.write_text(text, encoding="utf-8")
    return load_plan(file, seats=SEATS, zone="Asia/Shanghai")


def test_the_shipped_file_leaves_all_seats_alike_and_knows_five_desks() -> None:
    plan = load_plan(Settings.model_fields["skills_file"].default, seats=SEATS, zone="Asia/Shanghai")
    names = [skill.name for skill in plan.skills.values()]
    assert names == ["社保专席", "住房专席", "营商专席", "方言专席", "媒体专席"]
    assert (plan.seats, plan.guests, plan.lines) == ({}, (), {})
    assert plan.urgency("我们家燃气泄漏了，快来人") == 8
    assert plan.urgency("路灯坏了") == 0


def test_a_whole_file(tmp_path: Path) -> None:
    plan = load(
        tmp_path,
        "skills: {housing: {name: 住房专席}}\n"
        "seats:\n  1001: {housing: 9, general: 1}\n  0123: {housing: 1}\n"
        "guests:\n  - {seat: 0123, name: 王局长, from: 2026-11-23T09:00, until: 2026-11-23 12:00,\n"
        "     skills: {housing: 9}}\n"
        "lines:\n  12315: {name: 市场监管, skill: housing}\n",
    )
    assert plan.seats["1001"] == {"housing": 9, GENERAL: 1}
    assert plan.guests[0].start.isoformat() == "2026-11-23T01:00:00+00:00"
    assert plan.desk("0123", plan.guests[0].start).guest == "王局长"
    assert plan.wanted("12315", GENERAL, 0) == ("housing", 0)


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Plan()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("skills:\n  housing: {name: 住房, relax: 5}\n", 2, "unknown key 'relax'"),
        ("skils: {}\n", 1, "did you mean 'skills'"),
        ("skills: {}\nguests:\n  - {seat: 1001, form: 1}\n", 3, "did you mean 'from'"),
        ("skills: {}\nseats:\n  1001: {housing: 3}\n", 1, "seats.1001: there is no skill 'housing'"),
        ("seats:\n  1001: {general: 3}\n  1007: {general: 3}\n", 3, "there is no seat 1007"),
        ("seats:\n  1001: {general: 10}\n", 2, "less than or equal to 9"),
        ("seats:\n  1001: {general: 1}\n  1001: {general: 2}\n", 3, "not YAML"),
        ("seats: [\n", 2, "not YAML"),
        ("- 1\n", 1, "valid dictionary"),
        ("guests:\n  - {seat: 1001, name: 王, from: 2026-01-02, until: 2026-01-01, skills: {}}\n", 2, "before `until`"),
        ("guests:\n  - {seat: 1001, name: 王, from: 2026-13-45, until: 2026-01-01, skills: {}}\n", 2, "datetime"),
        ("urgent: {priority: 2026-13-45}\n", 1, "valid integer"),
        (
            "guests:\n"
            "  - {seat: 1001, name: 王, from: 2026-01-01, until: 2026-01-03, skills: {}}\n"
            "  - {seat: 1001, name: 李, from: 2026-01-02, until: 2026-01-04, skills: {}}\n",
            1,
            "two guests have seat 1001",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(BadInput) as refused:
        load(tmp_path, text)
    assert refused.value.where.endswith(f"skills.yaml:{line}")
    assert says in str(refused.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        load_plan(tmp_path / "none.yaml", seats=SEATS, zone="Asia/Shanghai")
    (tmp_path / "skills.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="cannot be read"):
        load_plan(tmp_path / "skills.yaml", seats=SEATS, zone="Asia/Shanghai")
    assert changed_at(tmp_path / "none.yaml") == 0 < changed_at(tmp_path / "skills.yaml")
