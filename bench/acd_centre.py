"""A call centre on a bad day in virtual time: callers, seats and faults of one seed; a judge of every decision."""

import heapq
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from ivr.acd.plan import Plan
from ivr.acd.rules import Acd, Assignment

START = datetime(2024, 3, 1, 9, tzinfo=UTC)
SKILLS = ("social_insurance", "housing", "business", "dialect", "media")
NOBODY_HAS = "sign_language"
PATIENCE = timedelta(seconds=120)  # written again on purpose: the judge shares nothing with the rules
WRAP_UP_S = 20.0
AT_MOST_S = 8 * 3600.0


@dataclass
class Person:
    """One caller as the judge knows them."""

    id: str
    skill: str
    priority: int
    asked: datetime
    number: int
    state: str = "coming"  # coming, waiting, ringing, talking, served, gone
    seat: str = ""
    returned: bool = False
    waited_s: float = 0.0

    def key(self, long_ago: datetime) -> tuple[bool, int, datetime, int]:
        """Smaller is to be served first; who asked by `long_ago` has been patient."""
        return (not self.returned, -99 if self.asked <= long_ago else -self.priority, self.asked, self.number)


@dataclass
class Staffing:
    """Skills of seats as the judge knows them; a seat in neither table has all skills."""

    levels: dict[str, dict[str, int]] = field(default_factory=dict)
    guests: dict[str, tuple[datetime, datetime, dict[str, int]]] = field(default_factory=dict)
    relax_s: dict[str, float] = field(default_factory=dict)

    def has(self, seat: str, skill: str, now: datetime) -> bool:
        if seat in self.guests:
            start, end, skills = self.guests[seat]
            return start <= now < end and skills.get(skill, 0) > 0
        return seat not in self.levels or self.levels[seat].get(skill, 0) > 0

    def may_serve(self, seat: str, person: Person, states: Mapping[str, str], now: datetime) -> bool:
        if self.has(seat, person.skill, now):
            return True
        waited = (now - person.asked).total_seconds()
        on_duty = [one for one, state in states.items() if state != "signed_out"]
        is_relaxed = person.skill == "general" or waited >= self.relax_s.get(person.skill, 60.0)
        if not is_relaxed and any(self.has(one, person.skill, now) for one in on_duty):
            return False
        if self.has(seat, "general", now):
            return True
        return seat not in self.guests and not any(self.has(one, "general", now) for one in on_duty)

    def plan(self) -> Plan:
        return Plan.model_validate(
            {
                "skills": {name: {"name": name, "relax_after_s": seconds} for name, seconds in self.relax_s.items()},
                "seats": self.levels,
                "guests": [
                    {"seat": seat, "name": "领导", "from": start, "until": end, "skills": skills}
                    for seat, (start, end, skills) in self.guests.items()
                ],
            }
        )


@dataclass
class Day:
    """What came of one seed."""

    seed: int
    served: int = 0
    gave_up: int = 0
    not_answered: int = 0
    restarts: int = 0
    longest_line: int = 0
    longest_wait_s: float = 0.0
    faults: list[str] = field(default_factory=list)


class Centre:
    """Runs one seed until every caller has been served or has hung up; `day.faults` holds what the judge found."""

    def __init__(self, seed: int, *, callers: int = 500, seats: int = 40, arrive_within_s: float = 90) -> None:
        self.day = Day(seed)
        self._callers = callers
        self._chance = random.Random(seed)
        self._seats = [str(1001 + number) for number in range(seats)]
        self._staffing = self._staff()
        self._now_s = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._states: dict[str, tuple[str, str, datetime]] = dict.fromkeys(self._seats, ("signed_out", "", START))
        self._reachable = dict.fromkeys(self._seats, True)
        self._on_seat: dict[str, str] = {}
        self.people: dict[str, Person] = {}
        self._waiting: dict[str, Person] = {}
        self._acd = self._start_acd()
        for number in range(callers):
            self._later(self._chance.uniform(0, arrive_within_s), partial(self._arrive, number))
        for seat in self._seats:
            self._later(self._chance.uniform(0, 60), partial(self._sign_in, seat))
            self._later(self._chance.expovariate(1 / 900), partial(self._vanish, seat))
            self._later(self._chance.expovariate(1 / 900), partial(self._walk_off, seat))
            self._later(self._chance.expovariate(1 / 2000), partial(self._fallback, seat))
        for _ in range(2):
            self._later(self._chance.uniform(30, 1500), self._restart)

    def run(self) -> Day:
        """Until nobody is left."""
        events = 0
        while self._is_somebody_left():
            deadline = self._acd.next_deadline()
            due_s = (deadline - START).total_seconds() if deadline else AT_MOST_S
            if due_s < self._events[0][0]:
                self._now_s = max(self._now_s, due_s)
                self._acd.advance(max(deadline or START, self.now))
            else:
                self._now_s, _, event = heapq.heappop(self._events)
                event()
            self._hear()
            events += 1
            if events % 50 == 0:
                self._nobody_waits_in_vain()
            if self.day.faults:
                return self.day
            if self._now_s > AT_MOST_S:
                self._fault(f"{len(self._waiting)} starve")
                return self.day
        self._close()
        return self.day

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self._now_s)

    # --- the judge ---------------------------------------------------------------------------------------------

    def _hear(self) -> None:
        for change in self._acd.take_changes():
            self._states[change.seat] = (change.state, change.reason, change.at)
        for offer in self._acd.take_assignments():
            self._judge(offer)
            self._ring(offer)
        self.day.longest_line = max(self.day.longest_line, len(self._waiting))

    def _judge(self, offer: Assignment) -> None:
        person = self.people[offer.call_id]
        if person.state != "waiting":
            self._fault(f"{offer.call_id} was assigned while {person.state}")
        if offer.seat in self._on_seat:
            self._fault(f"seat {offer.seat} got a second call")
        states, now = self._known_states(), self.now
        if not self._staffing.may_serve(offer.seat, person, states, now):
            self._fault(f"seat {offer.seat} may not serve {person.skill}")
        long_ago = now - PATIENCE
        key = person.key(long_ago)
        for other in self._waiting.values():
            if other.key(long_ago) >= key:
                continue
            alike = (other.skill, other.priority, False) == (person.skill, person.priority, person.returned)
            if alike or self._staffing.may_serve(offer.seat, other, states, now):
                self._fault(f"{person.id} overtook {other.id}")

    def _nobody_waits_in_vain(self) -> None:
        states = self._known_states()
        free = [seat for seat, state in states.items() if state == "ready" and self._reachable[seat]]
        for person in self._waiting.values() if free else ():
            if any(self._staffing.may_serve(seat, person, states, self.now) for seat in free):
                self._fault(f"{person.id} waits beside a free seat")

    def _close(self) -> None:
        for person in self.people.values():
            if person.state not in ("served", "gone"):
                self._fault(f"{person.id} was lost while {person.state}")
            self.day.served += person.state == "served"
            self.day.gave_up += person.state == "gone"
            self.day.longest_wait_s = max(self.day.longest_wait_s, person.waited_s)

    def _known_states(self) -> dict[str, str]:
        return {seat: state for seat, (state, _, _) in self._states.items()}

    def _fault(self, text: str) -> None:
        self.day.faults.append(f"seed {self.day.seed}, {self._now_s:.3f} s: {text}")

    # --- what happens ------------------------------------------------------------------------------------------

    def _arrive(self, number: int) -> None:
        chance = self._chance
        skill = chance.choices(("general", *SKILLS, NOBODY_HAS), (60, 9, 9, 7, 5, 5, 5))[0]
        priority = chance.randint(1, 8) if chance.random() < 0.15 else 0
        person = Person(f"call-{number}", skill, priority, self.now, len(self.people))
        self.people[person.id] = person
        self._stand_in_line(person)
        if chance.random() < 0.3:
            self._later(chance.expovariate(1 / 400), lambda: self._hang_up(person))

    def _stand_in_line(self, person: Person) -> None:
        person.state = "waiting"
        self._waiting[person.id] = person
        self._acd.join(person.id, person.skill, person.priority, self.now, asked_at=person.asked)

    def _hang_up(self, person: Person) -> None:
        if person.state in ("waiting", "ringing", "talking"):
            self._waiting.pop(person.id, None)
            if person.seat:
                self._on_seat.pop(person.seat, None)
            person.state = "served" if person.state == "talking" else "gone"
            self._acd.leave(person.id, self.now)

    def _ring(self, offer: Assignment) -> None:
        person, chance = self.people[offer.call_id], self._chance
        del self._waiting[person.id]
        person.state, person.seat = "ringing", offer.seat
        person.waited_s = (self.now - person.asked).total_seconds()
        self._on_seat[offer.seat] = person.id
        acd, luck = self._acd, chance.random()
        if luck < 0.85 and self._reachable[offer.seat]:
            self._later(chance.uniform(1, 6), lambda: self._answer(person, offer.seat, acd))
            return
        why, after_s = ("no_answer", 15.0) if luck < 0.95 else ("rejected", 2.0)
        if not self._reachable[offer.seat]:
            why, after_s = "unreachable", 0.5
        self._later(after_s, lambda: self._not_answered(person, offer.seat, why, acd))

    def _answer(self, person: Person, seat: str, acd: Acd) -> None:
        if acd is self._acd and person.state == "ringing" and person.seat == seat:
            person.state = "talking"
            acd.answered(person.id, seat, self.now)
            self._later(self._chance.expovariate(1 / 120), lambda: self._talk_over(person, seat))

    def _not_answered(self, person: Person, seat: str, why: str, acd: Acd) -> None:
        if acd is self._acd and person.state == "ringing" and person.seat == seat:
            self.day.not_answered += 1
            person.state, person.seat, person.returned = "waiting", "", True
            self._waiting[person.id] = person
            del self._on_seat[seat]
            acd.offer_failed(person.id, why, self.now)  # type: ignore[arg-type]
            self._later(self._chance.uniform(20, 90), lambda: self._sign_in(seat))

    def _talk_over(self, person: Person, seat: str) -> None:
        if person.state == "talking" and person.seat == seat:
            person.state = "served"
            del self._on_seat[seat]
            self._acd.talk_ended(seat, self.now, person.id)

    def _sign_in(self, seat: str) -> None:
        guest = self._staffing.guests.get(seat)
        if guest is None or guest[0] <= self.now < guest[1]:
            self._acd.set_state(seat, "ready", "", "agent", self.now)

    def _walk_off(self, seat: str) -> None:
        state = self._chance.choice(("paused", "signed_out", "wrap_up_done"))
        guest = self._staffing.guests.get(seat)
        if guest is None or guest[0] <= self.now < guest[1]:
            self._acd.set_state(seat, state, "小休", "agent", self.now)
        self._later(self._chance.uniform(30, 200), lambda: self._sign_in(seat))
        self._later(self._chance.expovariate(1 / 900), lambda: self._walk_off(seat))

    def _vanish(self, seat: str) -> None:
        self._set_reachable(seat, False)
        self._later(self._chance.uniform(5, 120), lambda: self._set_reachable(seat, True))
        self._later(self._chance.expovariate(1 / 900), lambda: self._vanish(seat))
        call_id = self._on_seat.get(seat, "")
        if call_id in self.people:
            person, acd = self.people[call_id], self._acd
            self._later(0.5, lambda: self._not_answered(person, seat, "unreachable", acd))

    def _set_reachable(self, seat: str, is_reachable: bool) -> None:
        self._reachable[seat] = is_reachable
        self._acd.set_reachable(seat, is_reachable, self.now)

    def _fallback(self, seat: str) -> None:
        if seat not in self._on_seat:
            call_id = f"other-{seat}-{self._now_s:.0f}"
            self._on_seat[seat] = call_id
            self._acd.occupied_elsewhere(seat, call_id, self.now)
            self._later(self._chance.expovariate(1 / 60), lambda: self._other_over(seat, call_id))

    def _other_over(self, seat: str, call_id: str) -> None:
        if self._on_seat.get(seat) == call_id:
            del self._on_seat[seat]
            self._acd.talk_ended(seat, self.now, call_id)

    def _restart(self) -> None:
        """The process dies and another goes on: seats from their table, talks from the PBX, callers stand in line."""
        self.day.restarts += 1
        ringing = [person for person in self.people.values() if person.state == "ringing"]
        for person in ringing:
            del self._on_seat[person.seat]
            person.seat = ""
        again = [*self._waiting.values(), *ringing]
        self._waiting.clear()
        self._acd = self._start_acd()
        for seat, call_id in self._on_seat.items():
            self._acd.occupied_elsewhere(seat, call_id, self.now)
        for person in self._chance.sample(again, len(again)):  # they come back as the network pleases
            person.returned = False
            self._stand_in_line(person)
            self._hear()

    # --- setting up --------------------------------------------------------------------------------------------

    def _start_acd(self) -> Acd:
        acd = Acd(self._seats, wrap_up_s=WRAP_UP_S, now=self.now, plan=self._staffing.plan())
        for seat, (state, reason, since) in self._states.items():
            acd.restore(seat, state, reason, since, self.now)  # type: ignore[arg-type]
            acd.set_reachable(seat, self._reachable[seat], self.now)
        return acd

    def _staff(self) -> Staffing:
        chance, staffing = self._chance, Staffing()
        staffing.relax_s = {skill: chance.choice((0.0, 20.0, 45.0, 90.0, 180.0)) for skill in SKILLS}
        for number, seat in enumerate(self._seats):
            kind = number % 10
            skills = {skill: chance.randint(0, 9) for skill in chance.sample(SKILLS, chance.randint(1, 3))}
            if kind < 5:
                staffing.levels[seat] = {**skills, "general": chance.randint(1, 9)}
            elif kind == 5:
                staffing.levels[seat] = skills
            elif kind == 6:
                start = START + timedelta(seconds=chance.uniform(0, 900))
                staffing.guests[seat] = (start, start + timedelta(seconds=chance.uniform(60, 1800)), skills)
        return staffing

    def _later(self, after_s: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now_s + after_s, next(self._order), event))

    def _is_somebody_left(self) -> bool:
        return (
            len(self.people) < self._callers
            or bool(self._waiting)
            or any(c in self.people for c in self._on_seat.values())
        )
