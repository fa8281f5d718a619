"""What all call-backs say together: by result, solved and satisfied apart, and who did not answer."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import func
from sqlmodel import Session, col, select

from api.reports.answer_rate import DefinitionView
from tickets.satisfaction.models import Survey
from tickets.satisfaction.rules import RESULTS

_TEXT_ZH = (
    "答复率＝已答复÷应答复。应答复＝已结束的回访，不含因工单另有处理而取消的。"
    "已答复＝至少回答了“是否解决”“是否满意”之一；其余（未联系上、拒接、空号、语音信箱、系统未拨成）为未答复，"
    "单独计数，绝不算作满意。两个问题分开统计，各自只以回答了该问题的为准。"
)
_TEXT_EN = (
    "Response rate = responded / due. Due = call-backs that have ended, without those cancelled because the work order "
    "was taken up otherwise. Responded = at least one of the two questions, solved and satisfied, was answered; the "
    "others (not reached, rejected, no such number, answering machine, could not dial) are non-response: counted "
    "apart and never taken as satisfied. The two questions are counted apart, each among those who answered it."
)
DEFINITION = DefinitionView(
    name="survey_response", version="1", text=_TEXT_ZH, text_en=_TEXT_EN, source="GB/T 33358-2016"
)


class SurveySummary(BaseModel):
    """Counts of call-backs. `results` names every result, `solved` and `scores` every answer, also those at zero."""

    definition: DefinitionView
    total: int
    pending: int
    finished: int
    cancelled: int
    responded: int
    non_response: int
    response_rate: float | None
    results: dict[str, int]
    solved: dict[str, int]
    scores: dict[str, int]


Group = tuple[str | None, str | None, int | None, int]
"""result (None: not ended), solved, score, how many"""


def summarise(groups: Iterable[Group]) -> SurveySummary:
    """The summary of counted groups. Pure."""
    results: Counter[str] = Counter(dict.fromkeys(RESULTS, 0))
    solved = Counter({"yes": 0, "partly": 0, "no": 0})
    scores = Counter({str(score): 0 for score in range(5, 0, -1)})
    pending = responded = 0
    for result, is_solved, score, n in groups:
        if result is None:
            pending += n
            continue
        results[result] += n
        if result == "cancelled":
            continue
        if is_solved:
            solved[is_solved] += n
        if score:
            scores[str(score)] += n
        responded += n if is_solved or score else 0
    finished = results.total()
    due = finished - results["cancelled"]
    return SurveySummary(
        definition=DEFINITION,
        total=finished + pending,
        pending=pending,
        finished=finished,
        cancelled=results["cancelled"],
        responded=responded,
        non_response=due - responded,
        response_rate=responded / due if due else None,
        results=dict(results),
        solved=dict(solved),
        scores=dict(scores),
    )


def summary(session: Session, *, since: datetime | None = None) -> SurveySummary:
    """The summary of all call-backs, or of those planned since a moment; counted by the database."""
    kinds = (col(Survey.result), col(Survey.solved), col(Survey.score))
    statement = select(*kinds, func.count()).group_by(*kinds)
    if since is not None:
        statement = statement.where(col(Survey.created_at) >= since)
    return summarise((result, solved, score, n) for result, solved, score, n in session.exec(statement).all())
