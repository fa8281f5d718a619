"""The two telephones of a seat, one on the desk and one in the page: which of them rings."""

from collections.abc import Iterable

WEB = "-web"
"""What the PBX's name of a seat's telephone in the page ends with; the one on the desk is named like the seat."""

NO_SOUND = 44
"""Q.850, as Asterisk ends a leg whose far end sends nothing any more."""
DOMAIN = "hotline.invalid"
"""The host of their SIP addresses: nobody looks it up, all of it goes through the web process."""


def seat_of_endpoint(endpoint: str) -> str:
    """The seat that an endpoint would belong to, whether there is such a seat or not."""
    return endpoint.removesuffix(WEB)


class Phones:
    """What is known of every seat's telephones. Whoever opens the telephone in the page wants it to ring, alone."""

    def __init__(self) -> None:
        self._reachable: dict[str, bool] = {}

    def heard(self, endpoint: str, is_reachable: bool) -> bool:
        """News of one telephone; gives whether its seat can be rung now."""
        self._reachable[endpoint] = is_reachable
        seat = seat_of_endpoint(endpoint)
        return any(self._reachable.get(one, False) for one in (seat, seat + WEB))

    def forget(self, seats: Iterable[str]) -> None:
        """Nobody can say any more: every telephone of these seats may be tried."""
        for seat in seats:
            self._reachable.pop(seat, None)
            self._reachable.pop(seat + WEB, None)

    def in_page(self, seat: str) -> bool:
        """Whether the telephone in the page is there."""
        return self._reachable.get(seat + WEB, False)

    def endpoint(self, seat: str) -> str:
        """The one telephone to call, as the PBX dials it."""
        return f"PJSIP/{seat}{WEB}" if self.in_page(seat) else f"PJSIP/{seat}"

    def dial(self, seat: str) -> str:
        """What `Dial` rings: one telephone, or both when it is not known which is there."""
        known = seat in self._reachable or seat + WEB in self._reachable
        return self.endpoint(seat) if known else f"PJSIP/{seat}&PJSIP/{seat}{WEB}"
