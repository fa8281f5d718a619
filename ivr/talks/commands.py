"""A command on a talk, checked: who may be meant, and what a word may hold."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args

from core.errors import BadInput, Refused
from ivr.agi.passing import PassOn

Action = Literal[
    "hold",
    "resume",
    "transfer",
    "consult",
    "complete",
    "cancel",
    "conference",
    "listen",
    "whisper",
    "barge",
    "hang_up",
]
ACTIONS: tuple[Action, ...] = get_args(Action)
SUPERVISING: frozenset[Action] = frozenset({"listen", "whisper", "barge"})
SKILL = "skill:"
_TARGET = re.compile(r"[A-Za-z0-9_]{1,32}|skill:[A-Za-z0-9_]{1,32}")


@dataclass(frozen=True)
class TalkCommand:
    """`target`: a seat, an allowed number outside or `skill:NAME`; for supervising the seat where it rings.

    `seat` is the seat of the one who asks; `any_seat` lets them command the talks of others.
    """

    action: Action
    target: str = ""
    seat: str = ""
    actor: str = "system"
    any_seat: bool = False


@dataclass(frozen=True)
class Targets:
    """Who may be meant."""

    seats: Collection[str]
    skills: Collection[str]
    numbers: Collection[str]

    def find(self, target: str, from_seat: str) -> PassOn:
        """What the target is. BadInput: not even a target; Refused: not one of the allowed."""
        if not _TARGET.fullmatch(target):
            raise BadInput("转接目标只能是坐席号、允许的外线号码或 skill:技能", code="talk_target_wrong")
        if target in self.seats:
            if target == from_seat:
                raise Refused("不能转给自己", code="talk_target_self")
            return PassOn("seat", target, from_seat)
        if target.startswith(SKILL) and target.removeprefix(SKILL) in self.skills:
            return PassOn("skill", target.removeprefix(SKILL), from_seat)
        if target in self.numbers:
            return PassOn("outside", target, from_seat)
        raise Refused("这个目标不在允许之列", code="talk_target_not_allowed", mend="见设置 transfer_numbers")
