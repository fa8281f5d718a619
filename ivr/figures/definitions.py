"""The registry of figures: each is a name, a version, what it means in two languages, and one pure function."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.figures.parts import BANDS
from ivr.figures.tally import Promise, Tally

Unit = Literal["calls", "share", "seconds"]
Group = Literal["volume", "abandoned", "rate", "wait", "work", "call_back"]
Value = int | float | None
GB, HOUSE = "GB/T 33358-2016", "hotline"
_KEPT = frozenset({"reached", "reached_us_again"})


@dataclass(frozen=True)
class Figure:
    """What a published number means. The version changes whenever the number could. Shares are 0 to 1."""

    name: str
    version: str
    group: Group
    unit: Unit
    title: str
    title_en: str
    text: str
    text_en: str
    source: str
    measure: Callable[[Tally], Value]


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 3) if count else None


def _part(name: str) -> Callable[[Tally], Value]:
    return lambda found: found.parts[name]


def _band(part: str, band: str) -> Callable[[Tally], Value]:
    return lambda found: found.bands[part, band]


def _within(seconds: float) -> Callable[[Tally], Value]:
    return lambda found: found.within(seconds)


def _within_of_offered(seconds: float) -> Callable[[Tally], Value]:
    return lambda found: _share(found.within(seconds), found.offered)


def _within_of_answered(seconds: float) -> Callable[[Tally], Value]:
    return lambda found: _share(found.within(seconds), found.parts["answered"])


def _percentile(share: float) -> Callable[[Tally], Value]:
    return lambda found: found.percentile(share)


def _occupancy(found: Tally) -> Value:
    seats = found.seats
    busy = seats.offered_s + seats.talking_s + seats.wrap_up_s
    return _share(busy, busy + seats.ready_s)


def _over(promises: Iterable[Promise], kind: str) -> list[Promise]:
    return [one for one in promises if one.kind == kind and one.result not in (None, "merged")]


def _kept(kind: str) -> Callable[[Tally], Value]:
    def measure(found: Tally) -> Value:
        over = _over(found.promises, kind)
        return _share(sum(one.result in _KEPT for one in over), len(over))

    return measure


def _late(found: Tally) -> Value:
    late = [one.late_s for one in _over(found.promises, "virtual_hold") if one.late_s is not None]
    return _mean(sum(late), len(late))


def _volume() -> list[Figure]:
    told = (
        ("arrived", "来电总数", "All calls", "时段内到达的全部来电，等于下列各部分之和。",
         "Every call that came in the window: the sum of all parts below."),
        ("offered", "人工请求数（应接数）", "Offered",
         "已结束等待的人工请求：接通＋排队中放弃＋已约定回电＋系统原因未接＋被拒绝。任何没接到的都不剔除。",
         "Requests for a human that are over: answered, abandoned in the queue, promised a call-back, lost, refused. "
         "Nobody whom we failed is left out."),
        ("answered", "人工接通数", "Answered", "坐席应答的人工请求。", "Requests that a human answered."),
        ("abandoned_in_queue", "排队中放弃", "Abandoned in the queue", "要求人工之后、应答之前自己挂机的，不分长短。",
         "Callers who asked for a human and hung up before one answered, however soon."),
        ("call_back_promised", "已约定回电", "Promised a call-back",
         "排队中选择保留位置、等待回电而挂机的；未在本次来电中接通。",
         "Callers who kept their place in line and hung up to be rung back; not answered in this call."),
        ("lost", "系统原因未接", "Lost", "交换机中断或系统挂断而未接到人工的；永远计入应接数。",
         "The PBX failed or the system hung up before a human answered; always among the offered."),
        ("refused", "被拒绝", "Refused", "因拦截或超出容量被系统拒绝的；永远计入应接数。",
         "Turned away by a block or for lack of room; always among the offered."),
        ("abandoned_in_prompt", "语音中放弃", "Abandoned in prompts",
         "在要求人工之前、听语音时挂机的；单列，不计入应接数。",
         "Callers who hung up in prompts before they asked for a human; told apart, not offered."),
        ("self_served", "自助办结", "Self-served", "没有要求人工而在语音中得到办理的；单列，不计入应接数。",
         "Callers who were served without a human; told apart, not offered."),
        ("call_back_made", "回电通话", "Call-backs made",
         "为履行约定由我方拨出的来电；请求已在原来电中计数，不重复计。",
         "Calls that keep a promise; the request was counted with the first call and is not counted again."),
        ("waiting", "正在等待", "Waiting now", "要求人工、尚未应答的；应答或离开后计入应接数。",
         "Asked for a human and still waiting; offered once they are answered or gone."),
        ("in_prompt", "正在听语音", "In prompts now", "还没有要求人工、通话未结束的。",
         "On the line and not yet asking for a human."),
    )  # fmt: skip
    special: Mapping[str, Callable[[Tally], Value]] = {
        "arrived": lambda found: found.parts.total(),
        "offered": lambda found: found.offered,
    }
    return [
        Figure(name, "1", "volume", "calls", title, title_en, text, text_en, HOUSE, special.get(name) or _part(name))
        for name, title, title_en, text, text_en in told
    ]


def _abandoned() -> list[Figure]:
    made = []
    for part, zh, en in (
        ("queue", "排队中放弃", "Abandoned in the queue"),
        ("prompt", "语音中放弃", "Abandoned in prompts"),
    ):
        for band in BANDS:
            span = f"{band.over_s:g} 秒以上" if band.to_s is None else f"{band.over_s:g}–{band.to_s:g} 秒"
            span_en = f"over {band.over_s:g} s" if band.to_s is None else f"{band.over_s:g}–{band.to_s:g} s"
            made.append(
                Figure(
                    f"abandoned_in_{part}_{band.name}", "1", "abandoned", "calls", f"{zh} {span}", f"{en}, {span_en}",
                    f"{zh}且等待在 {span}的（含上限）；等待自网络应答起算，含语音提示。",
                    f"{en} after {span_en}, upper limit included; the wait starts when the network answers.",
                    HOUSE, _band(f"abandoned_in_{part}", band.name),
                )
            )  # fmt: skip
    text = "排队中放弃且等待不超过“短时放弃”参数（随数值公布）的；只列出，任何分母都不剔除。"
    text_en = (
        "Abandoned in the queue within the published threshold of a short abandon; shown, never taken out of a rate."
    )
    made.append(
        Figure(
            "short_abandons", "1", "abandoned", "calls", "短时放弃", "Short abandons", text, text_en, HOUSE,
            lambda found: found.short_abandons,
        )
    )  # fmt: skip
    return made


def _rates() -> list[Figure]:
    made = [
        Figure(
            "connection_rate", "1", "rate", "share", "接通率（国标）", "Connection rate (GB)",
            "接通数÷应接数。国标要求任意连续24小时不低于95%：大屏按滚动24小时计算，不在零点清零。",
            "Answered of offered. The standard asks for at least 95 % over any continuous 24 hours: the board's window "
            "rolls and is never reset at midnight.",
            GB, lambda found: _share(found.parts["answered"], found.offered),
        )
    ]  # fmt: skip
    for seconds in (15, 20):
        made += [
            Figure(
                f"answered_within_{seconds}s", "1", "rate", "calls", f"{seconds} 秒内接通数",
                f"Answered within {seconds} s",
                f"等待不超过 {seconds} 秒即被坐席应答的；等待自网络应答起算，语音提示计入。",
                f"Answered after a wait of at most {seconds} s, counted from the network's answer; prompts count.",
                GB, _within(seconds),
            ),
            Figure(
                f"rate_{seconds}s_of_offered", "1", "rate", "share",
                f"{seconds} 秒接通率（占应接）", f"Within {seconds} s, of offered",
                f"{seconds} 秒内接通数÷应接数。", f"Answered within {seconds} s, of all offered.",
                GB, _within_of_offered(seconds),
            ),
            Figure(
                f"rate_{seconds}s_of_answered", "1", "rate", "share",
                f"{seconds} 秒接通率（占接通）", f"Within {seconds} s, of answered",
                f"{seconds} 秒内接通数÷接通数；不含没接到的来电，只能与“占应接”一并公布。",
                f"Answered within {seconds} s, of those answered; unanswered calls are not in it, so it is shown "
                f"beside "
                "the rate of offered only.",
                GB, _within_of_answered(seconds),
            ),
        ]  # fmt: skip
    return made


def _waits() -> list[Figure]:
    clock, clock_en = (
        "等待自网络应答起算，含语音和按键时间。",
        " The wait runs from the network's answer; prompts and keys count.",
    )
    made = [
        Figure(
            "wait_mean", "1", "wait", "seconds", "平均等待", "Mean wait", "接通来电的平均等待。" + clock,
            "Mean wait of answered calls." + clock_en, HOUSE,
            lambda found: _mean(sum(found.answer_waits), len(found.answer_waits)),
        )
    ]  # fmt: skip
    for name, share, zh, en in (
        ("p50", 0.5, "等待中位数", "Median wait"),
        ("p95", 0.95, "等待 P95", "95th percentile"),
    ):
        made.append(
            Figure(
                f"wait_{name}", "1", "wait", "seconds", zh, f"{en} of the wait" if share > 0.5 else en,
                f"接通来电等待的第 {share * 100:g} 百分位（最近秩法，是真实发生过的一次等待）。" + clock,
                f"The {share * 100:g}th percentile by nearest rank, a wait that really was." + clock_en,
                HOUSE, _percentile(share),
            )
        )  # fmt: skip
    made.append(
        Figure(
            "wait_longest", "1", "wait", "seconds", "最长等待", "Longest wait", "接通来电中最长的等待。" + clock,
            "The longest wait of an answered call." + clock_en, HOUSE,
            lambda found: found.answer_waits[-1] if found.answer_waits else None,
        )
    )  # fmt: skip
    return made


def _work() -> list[Figure]:
    return [
        Figure(
            "talk_mean", "1", "work", "seconds", "平均通话", "Mean talk",
            "有通话时长的来电（含回电）的平均通话时长，含保持。",
            "Mean talk of calls and call-backs, holds included.", HOUSE, lambda found: _mean(found.talk_s, found.talks),
        ),
        Figure(
            "handling_time", "1", "work", "seconds", "平均处理时长", "Mean handling time",
            "（全部坐席通话＋保持＋整理秒数）÷通话次数，由坐席状态事实计算。",
            "Seconds that all seats talked, held and wrapped up, over their talks; from the facts of seat states.",
            HOUSE, lambda found: _mean(found.seats.talking_s + found.seats.wrap_up_s, found.seats.talks),
        ),
        Figure(
            "occupancy", "1", "work", "share", "坐席占用率", "Occupancy",
            "（振铃＋通话＋整理）÷（振铃＋通话＋整理＋空闲）；暂停两边都不计。",
            "Ringing, talking and wrapping up, of that and idle time; pauses count on neither side.", HOUSE, _occupancy,
        ),
    ]  # fmt: skip


def _call_backs() -> list[Figure]:
    return [
        Figure(
            "call_backs_kept", "1", "call_back", "share", "约定回电履约率", "Kept call-backs",
            "时段内约定、已有结果的回电中，市民与坐席通上话的比例；合并的归入另一约定，未到结果的不计。",
            "Of the kept places promised in the window that have a result: how many citizens spoke with a human. "
            "Merged "
            "ones live on in another, open ones are not in it.",
            HOUSE, _kept("virtual_hold"),
        ),
        Figure(
            "call_back_delay", "1", "call_back", "seconds", "回电平均用时", "Mean time to the call-back",
            "从约定到市民接起回电的平均秒数，只算已履行的。", "Mean seconds from the promise to the kept call-back.",
            HOUSE, _late,
        ),
        Figure(
            "missed_reached", "1", "call_back", "share", "漏接回拨联系率", "Missed calls reached",
            "时段内漏接、回拨已有结果的来电中，最终与市民通上话的比例。",
            "Of the calls missed in the window whose call-back has a result: how many citizens spoke with a human.",
            "国办函〔2025〕66号", _kept("missed"),
        ),
    ]  # fmt: skip


FIGURES: Mapping[str, Figure] = {
    figure.name: figure for figure in (*_volume(), *_abandoned(), *_rates(), *_waits(), *_work(), *_call_backs())
}


def measure(found: Tally) -> dict[str, Value]:
    """Every figure of a window, by name."""
    return {name: figure.measure(found) for name, figure in FIGURES.items()}
