"""One readable sentence from the caller's own clauses that carry the matter, the time or the wish."""

import re

from tickets.drafting.matter import Found
from tickets.drafting.talk import Hit, Talk, Turn

LONGEST = 160
_FILLER = re.compile(
    "^(?:喂|你好|您好|嗯|哦|啊|呃|那个|就是说?|是的|对的?|好的|请问一?下?|我想问一下|我要反映一?个?问题|我想反映一?个?问题|我想反映一下"
    "|我反映一个事|我要投诉|我想投诉|我想咨询一下|我要咨询|我要反映|帮我反映一下|(?:我|我家|家)?住在?|我家在|家在|地址[是在]|在(?=$)|的)+"
)
_TAIL = re.compile("(?:谢谢你?们?|再见|好的|麻烦你了|辛苦了|好吧|[啊吧呢嗯哦在]|我家?住?在?)+$")
_WISH = re.compile("希望|麻烦|请(?!问)|能不能|尽快|建议|怎么办|什么时候|需要什么|在哪里|管一管|过来看看")
_BREAK = re.compile(
    "希望|麻烦|能不能|请尽快|但是|而且|所以|结果|已经(?!解决)|我姓|免贵姓|我叫|我是.(?:先生|女士)|我的电话|电话是|手机号"
)
_PERSONAL = re.compile("我姓|免贵姓|我叫|我是.(?:先生|女士)|(?:的|系)电话|电话是|手机号|号码")

_Clause = tuple[Turn, int, int]


def make_summary(talk: Talk, matter: Found, category: str | None, place: Found, time: Found) -> Found:
    """`市民反映：地点，什么事。` from the caller's words; `category` is the Chinese name, used when these are few."""
    marked = {(hit.span.turn, hit.span.start) for hit in (*matter.hits, *time.hits)}
    clauses = [(turn, start, end) for turn in talk.by("caller") for start, end in _clauses(turn)]
    clauses = [c for c in clauses if not _PERSONAL.search(_said(c))]
    chosen = [c for c in clauses if any(index == c[0].index and c[1] <= at < c[2] for index, at in marked)]
    if not chosen:  # nothing known was said: the caller's longest clauses, if they say anything at all
        chosen = sorted((c for c in clauses if c[2] - c[1] >= 6), key=lambda c: c[1] - c[2])[:2]
    wish = [c for c in clauses if _WISH.search(_said(c)) and c not in chosen][:1] if chosen else []
    sentence, hits = _sentence(sorted([*chosen, *wish], key=lambda c: (c[0].index, c[1])), place)
    if not sentence and category:
        return Found(f"市民反映：{place.value or ''}{category}问题。", 0.3, "市民原话不足，由类别和地点拼成")
    if not sentence:
        return Found(None, 0.0, "市民没有说出可以概括的内容")
    return Found(sentence, 0.8 if matter.value else 0.4, "取自市民的原话", tuple(hits))


def _sentence(clauses: list[_Clause], place: Found) -> tuple[str, list[Hit]]:
    parts, hits = list[str](), list[Hit]()
    length = len(place.value or "")
    for clause in clauses:
        text = _tidy(_without_place(clause, place))
        if len(text) < 2 or text in parts or length + len(text) > LONGEST:
            continue
        parts.append(text)
        length += len(text)
        span = clause[0].span(clause[1], clause[2])
        hits.append(Hit(span.text, span, 1.0, "caller"))
    if not parts:
        return "", []
    return f"市民反映：{'，'.join(filter(None, [place.value, *parts]))}。", hits


def _without_place(clause: _Clause, place: Found) -> str:
    """The clause without the words that already stand in the place."""
    turn, start, end = clause
    gone = {at for hit in place.hits if hit.span.turn == turn.index for at in range(hit.span.start, hit.span.end)}
    return "".join(turn.text[at] for at in range(start, end) if at not in gone)


def _tidy(text: str) -> str:
    return _TAIL.sub("", _FILLER.sub("", text.strip())).strip()


def _said(clause: _Clause) -> str:
    return clause[0].folded[clause[1] : clause[2]]


def _clauses(turn: Turn) -> list[tuple[int, int]]:
    """Between pauses, and before words that begin a new thought."""
    parts = list[tuple[int, int]]()
    for start, end in turn.clauses():
        inner = [start + match.start() for match in _BREAK.finditer(turn.folded[start:end]) if match.start()]
        parts += list(zip([start, *inner], [*inner, end], strict=True))
    return parts
