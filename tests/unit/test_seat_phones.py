"""Which of a seat's two telephones rings."""

import pytest

from ivr.phones import Phones, seat_of_endpoint

pytestmark = pytest.mark.unit


def test_the_telephone_in_the_page_rings_alone_while_it_is_there() -> None:
    phones = Phones()
    assert phones.heard("1001", True)
    assert phones.dial("1001") == "PJSIP/1001"
    assert phones.heard("1001-web", True)
    assert (phones.dial("1001"), phones.endpoint("1001")) == ("PJSIP/1001-web", "PJSIP/1001-web")
    assert phones.heard("1001-web", False), "the one on the desk is still there"
    assert phones.dial("1001") == "PJSIP/1001"
    assert not phones.heard("1001", False)


def test_a_page_alone_makes_a_seat_reachable() -> None:
    phones = Phones()
    assert not phones.heard("1001", False)
    assert phones.heard("1001-web", True)


def test_what_is_not_known_is_tried() -> None:
    phones = Phones()
    assert phones.dial("1001") == "PJSIP/1001&PJSIP/1001-web"
    phones.heard("1001-web", True)
    phones.forget(["1001"])
    assert phones.dial("1001") == "PJSIP/1001&PJSIP/1001-web"
    assert phones.endpoint("1001") == "PJSIP/1001"


def test_an_endpoint_names_its_seat() -> None:
    assert [seat_of_endpoint(name) for name in ("1001", "1001-web", "trunk")] == ["1001", "1001", "trunk"]
