"""What it is about and how urgent: words of the catalogue, weighed."""

from collections.abc import Iterable
from dataclasses import dataclass

from tickets.catalogue import Catalogue, Category
from tickets.drafting.sound import EXACT, SAME_SOUND
from tickets.drafting.talk import Hit, Talk

ENOUGH = 2.0  # fewer points do not name a category
CLEAR = 1.2  # the best must have this many times the points of the second
SEAT_WORTH = 0.4  # what the seat says repeats the caller, or asks
REPEAT_WORTH = 0.2
NEGATIONS = ("没有", "不是", "没", "不会")


@dataclass(frozen=True)
class Found:
    """A value, how sure (0..1), why in a sentence, and where it was heard. A value of None means: unsure."""

    value: str | None
    score: float
    reason: str
    hits: tuple[Hit, ...] = ()


def find_category(talk: Talk, catalogue: Catalogue) -> Found:
    """The category whose words weigh most; none when they weigh too little or two are close."""
    ranked = sorted(
        ((_points(talk, category), category) for category in catalogue.categories), key=lambda pair: -pair[0][0]
    )
    (best, hits), category = ranked[0]
    (second, _), rival = ranked[1] if len(ranked) > 1 else ((0.0, ()), category)
    words = "、".join(dict.fromkeys(hit.word for hit in hits))
    if best < ENOUGH:
        return Found(None, 0.0, f"没有听到足够的类别词（{words}）" if words else "没有听到类别词")
    score = round(min(1.0, best / 3) * best / (best + second), 2)
    if best < CLEAR * second:
        return Found(None, score, f"{category.name}与{rival.name}难以区分")
    return Found(category.id, score, f"听到：{words}", hits)


def _points(talk: Talk, category: Category) -> tuple[float, tuple[Hit, ...]]:
    total, kept = 0.0, list[Hit]()
    for word, weight in category.words.items():
        hits = sorted(talk.hits(word), key=lambda hit: (hit.leg == "seat", -hit.worth))
        for rank, hit in enumerate(hits[:3]):
            side = SEAT_WORTH if hit.leg == "seat" else 1.0
            total += weight * hit.worth * side * (REPEAT_WORTH if rank else 1.0)
        kept += hits[:1]
    return total, _widest(kept)


def _widest(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """In order of speaking, without those that lie inside another; the caller's alone when there are any."""
    hits = list(hits)
    own = [hit for hit in hits if hit.leg == "caller"] or hits
    outer = [hit for hit in own if not any(_inside(hit, other) for other in own)]
    return tuple(sorted(outer, key=lambda hit: (hit.span.turn, hit.span.start)))


def _inside(hit: Hit, other: Hit) -> bool:
    a, b = hit.span, other.span
    return a.turn == b.turn and b.start <= a.start and a.end <= b.end and (a.end - a.start) < (b.end - b.start)


def find_urgency(talk: Talk, catalogue: Catalogue) -> Found:
    """`urgent` when the caller says words of one of the city's kinds of urgent help, otherwise `normal`."""
    if not talk.turns:
        return Found(None, 0.0, "没有可用的文字")
    texts = {turn.index: turn.folded for turn in talk.turns}
    for kind in catalogue.urgent:
        for hit in (hit for word in kind.words for hit in talk.hits(word)):
            # A false alarm sends people out at night: short words must be right, long ones sound right.
            unsure = hit.leg == "seat" or hit.worth < (EXACT if len(hit.word) == 2 else SAME_SOUND)
            if not unsure and not texts[hit.span.turn][: hit.span.start].endswith(NEGATIONS):
                return Found("urgent", round(0.9 * hit.worth, 2), f"二十四小时求助：{kind.kind}", (hit,))
    return Found("normal", 0.6, "没有听到紧急求助的词")
