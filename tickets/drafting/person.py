"""Whom to call back: the number that was said, else the number that rang; and how the caller is called."""

import re

from tickets.drafting.matter import Found
from tickets.drafting.numbers import DIGIT, as_digits
from tickets.drafting.sound import sounds
from tickets.drafting.talk import Hit, Span, Talk, Turn

_SURNAMES = (
    "王李张刘陈杨黄赵周吴徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹"
    "孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁"
    "尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟"
)
_TITLES = "先生|女士|小姐|大爷|大妈|阿姨|叔叔|师傅|老师|同志|经理"
_NAME = re.compile(rf"(?:我姓|免贵姓|贵姓|姓|我叫|我是|名叫)([\u4e00-\u9fff])({_TITLES})?")
_FULL = re.compile("我叫([\u4e00-\u9fff]{2,3}?)(?=$|我|住|家|电|手|在|是|的|要|想|反)")
_MOBILE = re.compile(r"(?<![0-9])1[3-9]\d{9}(?![0-9])")
_LANDLINE = re.compile(r"(?:电话|号码|座机|打)[^0-9]{0,4}(\d{7,8})(?![0-9])")
_SAME = re.compile("这个(?:号码|电话)|现在这个号|来电号码|打这个")


def find_contact(talk: Talk, caller_number: str) -> Found:
    """The last complete number that the caller said, in Arabic digits; else the number that rang."""
    stream, origins = _stream(talk)
    found = list(_MOBILE.finditer(stream))
    place = (found[-1].start(), found[-1].end()) if found else None
    if place is None and (line := _LANDLINE.search(stream)):
        place = (line.start(1), line.end(1))
    if place:
        hits = _hits(origins[place[0] : place[1]], talk)
        return Found(stream[place[0] : place[1]], 0.9 if found else 0.7, "市民所说的号码", hits)
    for turn in talk.by("caller"):
        if caller_number and (same := _SAME.search(turn.folded)):
            span = turn.span(same.start(), same.end())
            return Found(caller_number, 1.0, "市民说用来电号码", (Hit(span.text, span, 1.0, "caller"),))
    if caller_number:
        return Found(caller_number, 0.8, "没有另说号码，取来电号码")
    return Found(None, 0.0, "没有来电号码，也没有听到号码")


def _stream(talk: Talk) -> tuple[str, list[tuple[Turn, int]]]:
    """The caller's turns as one text with Arabic digits: a number may go on after a pause."""
    text, origins = list[str](), list[tuple[Turn, int]]()
    for turn in talk.by("caller"):
        for offset, char in enumerate(turn.folded):
            if char.isspace():
                continue
            text.append(as_digits(char) if re.fullmatch(DIGIT, char) else char)
            origins.append((turn, offset))
    return "".join(text), origins


def _hits(origins: list[tuple[Turn, int]], talk: Talk) -> tuple[Hit, ...]:
    spans = list[Span]()
    for turn in talk.by("caller"):
        offsets = [offset for origin, offset in origins if origin is turn]
        if offsets:
            spans.append(turn.span(offsets[0], offsets[-1] + 1))
    return tuple(Hit(span.text, span, 1.0, "caller") for span in spans)


def find_name(talk: Talk) -> Found:
    """Surname with title, or the full name, as the caller gives it."""
    for turn in talk.by("caller"):
        full = _FULL.search(turn.folded)
        if full and full.group(1)[0] in _SURNAMES:
            span = turn.span(full.start(1), full.end(1))
            return Found(full.group(1), 0.7, "市民自报姓名，字须核对", (Hit(span.text, span, 1.0, "caller"),))
        match = _NAME.search(turn.folded)
        if not match:
            continue
        surname, title = match.group(1), match.group(2) or ""
        listed = surname if surname in _SURNAMES else _like(surname)
        said_is = match.group().startswith("我是")
        if listed is None or (said_is and not title):
            continue
        span = turn.span(match.start(), match.end())
        sure = 0.8 if listed == surname else 0.4
        reason = "市民自报姓氏" if listed == surname else "市民自报姓氏，按读音取常见姓"
        return Found(listed + title, sure, reason, (Hit(span.text, span, 1.0, "caller"),))
    return Found(None, 0.0, "没有听到姓名")


def _like(char: str) -> str | None:
    """The most common surname that sounds the same."""
    return next((surname for surname in _SURNAMES[:120] if sounds(surname) & sounds(char)), None)
