"""The city's catalogue: the shipped one is whole, a broken one says where and how to mend it."""

from pathlib import Path

import pytest

from core.errors import BadInput
from tests.ticket_city import catalogue
from tickets.catalogue import load_catalogue

pytestmark = pytest.mark.unit

GOOD = """city: 甲市
departments:
  heat: 供热办
categories:
  - id: heating
    name: 供热
    department: heat
    words: {暖气: 2}
"""


def test_the_shipped_catalogue_is_whole() -> None:
    city = catalogue()
    assert len(city.categories) >= 25
    assert len(city.urgent) == 12
    assert all(category.department in city.departments for category in city.categories)


def test_names_are_given_and_an_id_that_is_gone_is_its_own_name() -> None:
    city = catalogue()
    assert city.category_name("heating") == "供热"
    assert city.category_name("gone") == "gone"
    assert city.category_name(None) is None
    assert city.department_name("fire_rescue") == "市消防救援支队"


@pytest.mark.parametrize(
    ("old", "new", "line", "word"),
    [
        ("暖气: 2", "暖气: 两", 8, "words"),
        ("department: heat", "department: heating_office", 7, "heating_office"),
        ("id: heating", "id: Heating", 5, "pattern"),
        ("name: 供热\n", "name: 供热\n    colour: red\n", 7, "colour"),
        ("words: {暖气: 2}", "words: {暖气: 2, 暖气: 3}", 8, "twice"),
        ("words: {暖气: 2}", "words: {暖气: 2", 9, "expected"),
        ("city: 甲市\n", "", 1, "city"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, old: str, new: str, line: int, word: str) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(BadInput) as told:
        load_catalogue(path)
    assert told.value.where == f"{path}:{line}"
    assert word in told.value.message
    assert told.value.code == "catalogue_wrong"


def test_two_categories_of_one_name_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(GOOD + GOOD[GOOD.index("  - id") :])
    with pytest.raises(BadInput, match="two categories"):
        load_catalogue(path)
    with pytest.raises(BadInput, match="cannot be read"):
        load_catalogue(tmp_path / "nothing.yaml")
