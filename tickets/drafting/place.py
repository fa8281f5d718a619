"""Where it is: names of the city's list, written or sounding alike, then building, unit, room and spot."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tickets.catalogue import Catalogue
from tickets.drafting.matter import Found
from tickets.drafting.numbers import NUMERAL
from tickets.drafting.sound import EXACT
from tickets.drafting.talk import Hit, Leg, Talk, Turn

GAP = 3  # characters that may stand between two parts of one address
_WEIGHT = {
    "districts": 1,
    "streets": 1,
    "roads": 3,
    "communities": 3,
    "landmarks": 3,
    "unlisted": 2,
    "building": 1,
    "unit": 1,
    "room": 1,
}
_NAMED = ("roads", "communities", "landmarks", "unlisted")
_SHOWN = {"districts": "before", "streets": "before", "building": "after", "unit": "after", "room": "after"}
_KIND = {"单元": "unit", "层": "room", "楼": "room", "室": "room"}
_DETAIL = re.compile(
    rf"(?P<n>{NUMERAL}{{1,4}})(?P<what>号楼|号院|单元|栋|幢|期|层|楼|室|号|组)"
    rf"|(?<=单元)(?P<room>{NUMERAL}{{3,4}})"
)
_SPOT = re.compile(
    "地下车库|地铁站|公交站|小学门口|菜市场|[东南西北]门|[东南西北]侧|门口|附近|旁边|对面|后面|楼下|路口|院内|楼道|家属[院楼]|工地"
    "|(?<=[路街])[和与](?=[\u4e00-\u9fff]{1,4}[路街])"
)
_UNLISTED = re.compile(
    "(?:我住在|我住|家住在|家住|家在|我们是|我是|地址是|地址在|位于|就在|住在|在)"
    "([\u4e00-\u9fff]{2,7}?(?:小区|花园|家园|公寓|新村|家属院|大厦|广场|村))"
)
_VAGUE = re.compile("我们|这个|那个|咱们|哪个|什么|你们|他们|全|整个|老旧")


@dataclass(frozen=True)
class _Part:
    kind: str
    value: str
    hit: Hit


def find_place(talk: Talk, catalogue: Catalogue) -> Found:
    """The fullest address that the caller gives; the seat's repetition counts only when the caller gives none."""
    legs: tuple[tuple[Leg, float], ...] = (("caller", 1.0), ("seat", 0.6))
    listed = list(_listed(talk, catalogue))
    for leg, trust in legs:
        parts = [part for turn in talk.by(leg) for part in _parts_of(turn, listed)]
        groups = _groups(parts)
        if any(part.kind in _NAMED for group in groups for part in group):
            return _compose(groups, trust)
    return Found(None, 0.0, "没有听到认得的地名")


def _compose(groups: list[list[_Part]], trust: float) -> Found:
    best = max(groups, key=_weight)
    before, after = list[_Part](), list[_Part]()
    kinds = {part.kind for part in best}
    for group in groups:  # another sentence may have named the district, or answer "which building?"
        if group is best or any(part.kind in _NAMED for part in group):
            continue
        fresh = [part for part in group if part.kind not in kinds and part.kind in _SHOWN]
        before += [part for part in fresh if _SHOWN[part.kind] == "before"]
        after += [part for part in fresh if _SHOWN[part.kind] == "after"]
        kinds |= {part.kind for part in fresh}
    chosen = [*before, *best, *after]
    worth = min(part.hit.worth for part in chosen)
    listed = "地名与城市地名表一致" if worth == EXACT else "按读音对照城市地名表"
    score, reason = (
        (0.5, "不在城市地名表中，请核对") if "unlisted" in kinds else (0.9 if worth == EXACT else 0.7, listed)
    )
    return Found(
        "".join(part.value for part in chosen),
        round(score * trust, 2),
        reason + ("（坐席复述）" if trust < 1 else ""),
        tuple(part.hit for part in sorted(chosen, key=lambda part: (part.hit.span.turn, part.hit.span.start))),
    )


def _weight(group: list[_Part]) -> float:
    return sum(_WEIGHT.get(kind, 0.5) for kind in {part.kind for part in group}) + 0.1 * len(group)


def _groups(parts: list[_Part]) -> list[list[_Part]]:
    """Parts that stand together make one address."""
    groups: list[list[_Part]] = []
    for part in parts:
        last = groups[-1][-1].hit.span if groups else None
        if last and last.turn == part.hit.span.turn and part.hit.span.start - last.end <= GAP:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def _parts_of(turn: Turn, listed: list[_Part]) -> list[_Part]:
    """Parts of addresses in one turn, in order, none overlapping another; surer and longer ones win."""
    found = [*(part for part in listed if part.hit.span.turn == turn.index), *_patterns(turn)]
    found.sort(key=_rank, reverse=True)
    kept: list[_Part] = []
    for part in found:
        span = part.hit.span
        if all(span.end <= other.hit.span.start or other.hit.span.end <= span.start for other in kept):
            kept.append(part)
    return sorted(kept, key=lambda part: part.hit.span.start)


def _rank(part: _Part) -> tuple[float, int]:
    length = part.hit.span.end - part.hit.span.start
    return (part.hit.worth if part.kind != "unlisted" else 0.5, length)


def _listed(talk: Talk, catalogue: Catalogue) -> Iterator[_Part]:
    for kind in ("districts", "streets", "roads", "communities", "landmarks"):
        for name in getattr(catalogue.places, kind):
            for hit in talk.hits(name):
                if kind != "districts" or hit.worth == EXACT:
                    yield _Part(kind, name, hit)


def _patterns(turn: Turn) -> Iterator[_Part]:
    for match in _DETAIL.finditer(turn.folded):
        value = match.group() if match["n"] else f"{match['room']}室"
        kind = _KIND.get(match["what"], "building") if match["n"] else "room"
        yield _part(kind, value, turn, match.start(), match.end())
    for match in _SPOT.finditer(turn.folded):
        yield _part("spot", match.group(), turn, match.start(), match.end())
    for match in _UNLISTED.finditer(turn.folded):
        if not _VAGUE.search(match.group(1)):
            yield _part("unlisted", match.group(1), turn, match.start(1), match.end(1))


def _part(kind: str, value: str, turn: Turn, start: int, end: int) -> _Part:
    return _Part(kind, value, Hit(value, turn.span(start, end), EXACT, turn.leg))
