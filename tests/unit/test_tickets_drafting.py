"""Drafting: what callers say becomes fields, each with the words it came from, blank when unsure."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ticket_city import HEATING, catalogue, talk
from tickets.drafting import Draft, draft
from tickets.drafting.numbers import as_digits, as_number
from tickets.drafting.sound import alikeness

pytestmark = pytest.mark.unit
ARRIVED = datetime(2026, 11, 22, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
CALLER = "13900000001"


def read(*lines: str, caller: str = CALLER) -> Draft:
    return draft(talk(*lines), caller, ARRIVED, catalogue())


def test_a_whole_talk_becomes_a_whole_draft() -> None:
    found = read(">您好请问有什么可以帮您", *HEATING, "我姓王 电话是幺三八零零一二三四五六")
    assert found.category.value == "heating"
    assert found.department == "heating_office"
    assert found.place.value == "幸福小区三号楼二单元五零一室"
    assert found.contact.value == "13800123456"
    assert found.contact_name.value == "王"
    assert found.happened.value == "已经三天了（11月19日）"
    assert found.urgency.value == "normal"
    assert (
        found.summary.value
        == "市民反映：幸福小区三号楼二单元五零一室，家里暖气不热，已经三天了，希望供热公司尽快处理。"
    )


def test_every_span_is_where_it_says_it_is() -> None:
    turns = talk(">您好", *HEATING, "电话幺三八 零零一二三四五六")
    found = draft(turns, CALLER, ARRIVED, catalogue())
    spans = [span for source in found.sources().values() for span in source["spans"]]
    assert spans
    for span in spans:
        turn = turns[span["turn"]]
        assert turn["text"][span["start"] : span["end"]] == span["text"]
        assert turn["start_s"] <= span["start_s"] < span["end_s"] <= turn["end_s"]
    place = found.place.spans[0]
    assert (place.turn, place.start, place.end, place.start_s) == (1, 2, 6, pytest.approx(turns[1]["words"][2]["s"]))


@pytest.mark.parametrize(
    ("said", "category"),
    [
        ("小区门口有商铺半夜施工扰民 噪音很大影响居民休息", "noise"),
        ("动漫城无任何消防设施存在安全隐患请核实处理", "fire_lane"),
        ("希望解决etc多扣费的问题", "etc_fee"),
        ("希望解决ETC多扣费的问题", "etc_fee"),
        ("出租车司机可否将计价器设置为可选择打印发票", "taxi"),
        ("希望相关部门帮助尽快维修公共自行车站点", "public_bike"),
        ("管道井的取暖管漏了你们快找人来看看吧", "heating"),
        ("家中下水道泛出刺鼻气味严重影响居民正常生活", "drains"),
        ("新能源汽车绿色车牌怎么办理", "plates"),
        ("水资源费收取不合理", "water"),
        ("小区里乱堆乱放废品及垃圾没人清理", "garbage"),
        ("快递到了很长时间了就是拿不到手里", "express"),
        ("老板拖欠农民工工资三个月", "wages"),
        ("房产证一直办不下来开发商让我们等", "certificate"),
        ("有人私搭乱建楼顶违建", "illegal_building"),
        ("楼上漏水把我家厨房泡了", "leak"),
        ("小区路灯不够亮", "lighting"),
        ("医保卡丢了怎么补办", "medical_insurance"),
        ("我要表扬维修师傅又快又好给你们点赞", "praise"),
        ("小区里暖器不热", "heating"),  # what a recogniser without tones may hear
        ("他们拖欠公资好几个月了", "wages"),
    ],
)
def test_what_the_papers_tell_gets_its_category(said: str, category: str) -> None:
    assert read(said).category.value == category


def test_nothing_said_leaves_everything_blank_but_the_number_that_rang() -> None:
    found = read("喂", "嗯 好的 谢谢")
    assert found.contact.value == CALLER
    assert found.contact.spans == ()
    assert "来电号码" in found.contact.reason
    blank = [found.category, found.place, found.contact_name, found.happened, found.summary]
    assert [field.value for field in blank] == [None] * 5
    assert all(field.reason for field in blank)
    assert draft([], "", ARRIVED, catalogue()).columns() == dict.fromkeys(found.columns())


def test_two_matters_that_weigh_alike_are_left_to_the_agent() -> None:
    found = read("路灯坏了还有垃圾桶满了")
    assert found.category.value is None
    assert "难以区分" in found.category.reason


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (("我家住万柏林区和平北路九十七号院",), "万柏林区和平北路九十七号院"),
        (("巴黎印象二期管道漏了",), "巴黎印象二期"),
        (("在星福小区五栋",), "幸福小区五栋"),  # sounds alike
        (("天元区人民路和建设路路口井盖没有了",), "天元区人民路和建设路路口"),
        (("阳光小区", "十二号楼", ">请问几单元", "三单元"), "阳光小区十二号楼三单元"),
        ((">您反映的是绿地世纪城二十七号楼对吗", "对"), "绿地世纪城二十七号楼"),
        (("我住在红星家园漏水了",), "红星家园"),
        (("我们小区没有水",), None),
        (("三号楼没有水",), None),
    ],
)
def test_places_are_put_together(lines: tuple[str, ...], place: str | None) -> None:
    assert read(*lines).place.value == place


def test_a_place_that_only_sounds_right_or_is_not_listed_scores_less() -> None:
    listed, alike, unlisted = (read(f"我住在{name}").place.score for name in ("幸福小区", "星福小区", "红星家园"))
    assert listed > alike > unlisted > 0


@pytest.mark.parametrize(
    ("lines", "contact"),
    [
        (("手机号是幺三八 零零幺二", "三四五六"), "13800123456"),
        (("电话一三八零零一二三四五五", "不对 是一三八零零一二三四五六"), "13800123456"),
        (("我的电话是二零二五五六六",), "2025566"),
        (("工单号是二零二六幺幺二二",), CALLER),
        (("就打这个电话",), CALLER),
        ((">您的电话是幺三八零零一二三四五六吗",), CALLER),
    ],
)
def test_the_number_to_call_back(lines: tuple[str, ...], contact: str) -> None:
    assert read(*lines).contact.value == contact


def test_a_caller_without_a_dialable_number_has_no_contact() -> None:
    assert read("暖气不热", caller="anonymous").contact.value is None
    assert read("暖气不热", caller="1' OR 1=1").contact.value is None


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("我姓刘", "刘"),
        ("我是刘女士", "刘女士"),
        ("我叫王小明住在幸福小区", "王小明"),
        ("免贵姓网", "王"),
        ("我是业主", None),
    ],
)
def test_how_the_caller_is_called(said: str, name: str | None) -> None:
    assert read(said).contact_name.value == name


@pytest.mark.parametrize(
    ("said", "urgency"),
    [
        ("楼道里有煤气味", "urgent"),
        ("老人困在电梯里了", "urgent"),
        ("井盖没有了太危险", "urgent"),
        ("没有煤气味", "normal"),
        ("电梯坏了老人上不去", "normal"),
        ("路灯不亮", "normal"),
    ],
)
def test_urgent_help_is_noticed(said: str, urgency: str) -> None:
    assert read(said).urgency.value == urgency


def test_the_seat_alone_does_not_make_it_urgent() -> None:
    assert read(">有没有煤气味", "没有").urgency.value == "normal"


def test_numerals() -> None:
    assert as_digits("幺三八零") == "1380"
    assert [as_number(said) for said in ("三", "十", "十二", "二十", "二十七", "一百零二", "五零一")] == [
        "3", "10", "12", "20", "27", "102", "501",
    ]  # fmt: skip


def test_alikeness_falls_with_distance() -> None:
    assert [alikeness(said, "幸福") for said in ("幸福", "星福", "心福", "西福", "幸福里")] == [1, 0.9, 0.75, 0, 0]


TURN = st.fixed_dictionaries(
    {"leg": st.sampled_from(["caller", "seat"]), "text": st.text(max_size=30)},
    optional={
        "start_s": st.floats(0, 100),
        "end_s": st.none(),
        "words": st.lists(st.fixed_dictionaries({"w": st.text(max_size=3)}), max_size=3),
    },
)


@given(st.lists(TURN, max_size=5), st.text(max_size=20))
def test_no_transcript_breaks_it_and_every_span_fits(turns: list[dict[str, object]], caller: str) -> None:
    found = draft(turns, caller, ARRIVED, catalogue())
    for source in found.sources().values():
        assert 0 <= source["score"] <= 1
        for span in source["spans"]:
            assert str(turns[span["turn"]]["text"])[span["start"] : span["end"]] == span["text"]
