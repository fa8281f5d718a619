"""What the seeded citizens say and what becomes of it; invented, in the manner of real hotlines."""

from dataclasses import dataclass, field

PASSWORD = "seeded-password"
HELLO = "您好，这里是市民热线，请问有什么可以帮您？"


@dataclass(frozen=True)
class CallBack:
    """One call-back ladder: the outcome of each ring, then what was answered."""

    rings: tuple[str, ...]
    result: str | None = None
    solved: str | None = None
    score: int | None = None


@dataclass(frozen=True)
class Story:
    """One call. `said` alternates seat, caller, seat, ...; `moves` are the states after draft, with their reasons."""

    minutes_ago: float
    caller: str
    seat: str | None = None
    wait_s: float = 6.0
    said: tuple[str, ...] = ()
    outcome: str = "answered"
    moves: tuple[tuple[str, str], ...] = ()
    call_backs: tuple[CallBack, ...] = ()
    model_missing: bool = False
    fallback: bool = False
    shy_seats: tuple[str, ...] = field(default=())  # rang and did not answer


STORIES: tuple[Story, ...] = (
    Story(
        34,
        "13805550117",
        "1001",
        5.2,
        (
            HELLO,
            "你好，我家暖气不热，已经三天了，屋里只有十四度，家里还有老人。",
            "请问您家的具体地址是哪里？",
            "和平路幸福小区三号楼二单元五零一。",
            "好的，请问您贵姓，怎么联系您？",
            "我姓王，就打这个电话，一三八零五五五零一一七。",
            "好的王先生，我马上转给供热管理办公室，请您保持电话畅通。",
            "好，麻烦你们尽快，谢谢。",
        ),
    ),
    Story(
        96,
        "13905550242",
        "1002",
        8.9,
        (
            HELLO,
            "我要反映一个事情，建设路口的路灯昨天晚上全都不亮了，走路看不见。",
            "是整条路都不亮，还是有几盏？",
            "从建设路口到人民公园这一段都不亮，大概十几盏。",
            "好的，我帮您登记，转给城市管理局处理。",
            "行，谢谢你。",
        ),
        moves=(("open", ""), ("dispatched", "转市城市管理局,请当日查看")),
    ),
    Story(
        175,
        "13705550355",
        "1003",
        12.4,
        (
            HELLO,
            "你好，我们楼上漏水，卫生间的天花板一直在滴水，物业不管。",
            "请问您住在哪个小区？",
            "阳光花园七号楼三单元。",
            "漏水是什么时候开始的？",
            "上个星期三开始的，越来越厉害。",
            "好的，我记下来了，会有人跟您联系。",
        ),
        moves=(("open", ""), ("dispatched", "转市住房和城乡建设局"), ("done", "物业已维修,防水层重做")),
        call_backs=(CallBack(("busy", "answered"), "answered", "yes", 5),),
    ),
    Story(
        260,
        "13605550466",
        "1001",
        20.6,
        (
            HELLO,
            "工地半夜还在施工，吵得睡不着觉，都两点多了还在打桩。",
            "请问工地在什么位置？",
            "在解放路和中山街交叉口旁边。",
            "好的，我转给生态环境局，会去现场核查。",
            "希望你们真的管一管。",
        ),
        moves=(
            ("open", ""),
            ("dispatched", "转市生态环境局"),
            ("done", "已责令夜间停工"),
            ("reopened", "回访:市民说仍未解决"),
            ("dispatched", "请现场复查并回复"),
        ),
        call_backs=(CallBack(("no_answer", "answered"), "answered", "no", 1),),
        shy_seats=("1004",),
    ),
    Story(
        330,
        "13505550577",
        "1005",
        17.8,
        (
            HELLO,
            "我在工地干了三个月的活，老板拖欠工资一直不给，一共一万二。",
            "请问是哪个工地，老板叫什么？",
            "开发区科技园二期，包工头姓李。",
            "好的，我转给人力资源和社会保障局，请您准备好证据。",
            "好的，谢谢。",
        ),
        moves=(("open", ""), ("dispatched", "转市人社局劳动监察"), ("done", "工资已结清"), ("closed", "市民回访满意")),
        call_backs=(CallBack(("answered",), "answered", "yes", 4),),
    ),
    Story(
        410,
        "13405550688",
        "1002",
        9.5,
        (
            HELLO,
            "请问不动产登记证丢了怎么补办，要带什么材料？",
            "您带身份证到政务服务中心不动产窗口办理就可以。",
            "好的，明白了，谢谢。",
        ),
        moves=(("open", ""), ("done", "当场答复")),
        call_backs=(CallBack(("no_answer", "no_answer", "no_answer"), "no_contact"),),
    ),
    Story(
        520,
        "13305550799",
        "1003",
        11.0,
        (
            HELLO,
            "小区门口天天有人乱停车，消防通道都堵上了。",
            "请问是哪个小区？",
            "文化路锦绣家园南门。",
            "好的，我转给交警支队。",
        ),
        moves=(("open", ""), ("dispatched", "转交警支队"), ("done", "已清理并设置隔离桩")),
        call_backs=(CallBack(("answered",), "partial", "partly", None),),
        fallback=True,
    ),
    Story(
        640,
        "13205550810",
        "1001",
        7.3,
        (
            HELLO,
            "我昨天坐出租车，司机不给发票，还绕路。",
            "请问您记得车牌号吗？",
            "没有记住，是从火车站上车的。",
            "好的，我转给交通运输局查一下。",
        ),
        moves=(("open", ""), ("dispatched", "转市交通运输局"), ("done", "已退还多收车费")),
        call_backs=(CallBack(("machine", "busy")),),
    ),
    Story(
        700,
        "13105550921",
        "1002",
        6.6,
        (HELLO, "家里停水了，什么时候能来水？", "正在抢修，预计今天下午五点恢复。", "好，谢谢。"),
        model_missing=True,
    ),
    Story(58, "15905550133", wait_s=21.0, outcome="abandoned_in_queue"),
    Story(225, "15805550144", wait_s=6.2, outcome="abandoned_in_prompt"),
    Story(300, "15705550155", wait_s=19.0, outcome="self_served"),
)
"""The newest has a draft that nobody has touched yet."""
