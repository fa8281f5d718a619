"""The life of a work order (工单) as one table of moves: from where to where, who may, and when a reason is a must."""

from dataclasses import dataclass
from typing import Literal, get_args

State = Literal["draft", "open", "dispatched", "done", "closed", "reopened", "withdrawn"]
Role = Literal["agent", "leader", "operations", "department", "admin", "survey"]
"""Roles of people as in the users table, and `survey`, the call-back robot."""

STATES: tuple[State, ...] = get_args(State)
_NAMES: dict[str, str] = {
    "draft": "正在登记",
    "open": "已受理，等待派单",
    "dispatched": "已派单，正在办理",
    "done": "已办结，等待回访",
    "closed": "已结案",
    "reopened": "重新办理",
    "withdrawn": "已撤销",
}
_DESK: frozenset[Role] = frozenset({"agent", "leader", "operations", "admin"})
_DONE_BY: frozenset[Role] = _DESK | {"department"}
_REVIEW: frozenset[Role] = frozenset({"leader", "operations", "admin"})
_SURVEY: frozenset[Role] = frozenset({"survey"})


@dataclass(frozen=True)
class Move:
    """One allowed move. `reason` is True when the story must say why."""

    was: State
    to: State
    who: frozenset[Role]
    reason: bool = False


# No unit may hand a work order back (任何单位不得退单, Datong): there is no move from dispatched to open.
MOVES: tuple[Move, ...] = (
    Move("draft", "open", _DESK),
    Move("draft", "withdrawn", _DESK, reason=True),
    Move("open", "dispatched", _DESK),
    Move("open", "done", _DESK),  # answered on the spot: 93 % in Dingzhou, 68 % in Taiyuan
    Move("open", "withdrawn", _DESK, reason=True),
    Move("dispatched", "done", _DONE_BY),
    Move("dispatched", "withdrawn", _REVIEW, reason=True),
    # Only the citizen's word ends a work order by itself; people who close one say why (a call-back by hand, say).
    Move("done", "closed", _SURVEY | _REVIEW, reason=True),
    Move("done", "reopened", _SURVEY | _DESK, reason=True),
    Move("closed", "reopened", _DESK, reason=True),  # the citizen rings again (不满意事项重新办理, Zhuzhou)
    Move("reopened", "dispatched", _DESK),
    Move("reopened", "done", _DONE_BY),
    Move("reopened", "withdrawn", _REVIEW, reason=True),
)
_TABLE = {(move.was, move.to): move for move in MOVES}


def find_move(was: str, to: str) -> Move | None:
    """The move between two states, None when there is none."""
    return _TABLE.get((was, to))  # type: ignore[arg-type]


def allowed(was: str, role: Role) -> list[State]:
    """States that this role may move a work order to, in the order of the table."""
    return [move.to for move in MOVES if move.was == was and role in move.who]


def state_name(state: str) -> str:
    """A state in Chinese, as citizens and agents hear and read it."""
    return _NAMES[state]


def may_edit(state: str) -> bool:
    """Whether the fields may still be changed; a closed or withdrawn work order is a record."""
    return state not in ("closed", "withdrawn")
