"""A citizen as data: who calls, what is keyed, said and expected, and how the telephone takes call-backs.

`source` names the text that told the story: S0 Datong, S1 Dingzhou, S2 Jiayuguan, S3 Zhuzhou, S4 Taiyuan.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ivr.prompts.speech import Voice

Speaker = Literal["agent", "caller"]
SeatAct = Literal["answer", "no_answer", "busy", "reject"]
Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
Seconds = Annotated[float, Field(ge=0, le=600)]
FICTIONAL = "139000"  # no subscriber has a number that begins so


class Part(BaseModel):
    """Part of a scenario: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CallerVoice(Part):
    """How a citizen sounds: espeak-ng variant, words a minute, pitch 0-99."""

    variant: str = ""
    rate: int = Field(default=220, ge=80, le=260)
    pitch: int = Field(default=50, ge=0, le=99)

    def voice(self) -> Voice:
        """The same for the speech port."""
        return Voice(variant=self.variant, rate=self.rate, pitch=self.pitch)


class Caller(Part):
    """A citizen with a telephone."""

    number: str = Field(pattern=r"^\d{3,15}$")
    name: str = Field(default="", max_length=40)
    voice: CallerVoice = CallerVoice()


class Step(Part):
    """What the caller does before a human answers: wait, press a key, say something, or hang up.

    `after_s` counts from the step before (the first from the hotline's answer); `after_ring_s` from the moment
    when a seat first rings for this caller, that is surely in the queue.
    """

    wait_s: Seconds | None = None
    press: Key | None = None
    say: str | None = Field(default=None, min_length=1, max_length=300)
    hang_up: Literal[True] | None = None
    after_s: Seconds = 0
    after_ring_s: Seconds | None = None

    @model_validator(mode="after")
    def _one_action(self) -> "Step":
        if sum(value is not None for value in (self.wait_s, self.press, self.say, self.hang_up)) != 1:
            raise ValueError("a step is one of wait_s, press, say, hang_up")
        return self


class Turn(Part):
    """One thing said."""

    who: Speaker
    text: str = Field(min_length=1, max_length=300)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("agent", "caller"):
            who, text = next(iter(value.items()))
            return {"who": who, "text": text}
        raise ValueError("a turn is written `agent: text` or `caller: text`")


SOLVED_WORDS = {"1": "解决了", "2": "部分解决", "3": "没有解决"}
SATISFIED_WORDS = {"1": "非常不满意", "2": "不满意", "3": "一般", "4": "满意", "5": "非常满意"}


class CallBack(Part):
    """How the citizen takes one call-back; `speak` is `answer` by words instead of keys.

    `talk` waits for a human, says the scenario's lines and hangs up; `talk_after_key` presses 1 first.
    """

    kind: Literal[
        "busy", "no_answer", "reject", "invalid", "machine", "answer", "speak", "answer_silent", "hang_up_after_first",
        "talk", "talk_after_key",
    ]  # fmt: skip
    solved: Literal["1", "2", "3", ""] = ""
    satisfied: Literal["1", "2", "3", "4", "5", ""] = ""

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"kind": value}
        if isinstance(value, dict) and len(value) == 1:
            kind, keys = next(iter(value.items()))
            if isinstance(keys, dict):
                return {"kind": kind, **keys}
        raise ValueError('a call-back is a word such as busy, or `answer: {solved: "1", satisfied: "5"}`')

    @model_validator(mode="after")
    def _keys_fit(self) -> "CallBack":
        both = (True, True)
        wanted = {"answer": both, "speak": both, "hang_up_after_first": (True, False)}.get(self.kind, (False, False))
        if (bool(self.solved), bool(self.satisfied)) != wanted:
            raise ValueError(f"{self.kind} takes {'solved' if wanted[0] else 'no key'}{' and satisfied' * wanted[1]}")
        return self

    def words(self) -> tuple[str, str]:
        """What the citizen says in place of the two keys."""
        return SOLVED_WORDS[self.solved], SATISFIED_WORDS[self.satisfied]


class Expect(Part):
    """What the records must say in the end. `attempts` counts all call-backs, over all rounds of the work order."""

    outcome: Literal["answered", "abandoned_in_queue", "abandoned_in_prompt", "self_served"]
    category: str | None = None
    place: str | None = None
    urgency: Literal["normal", "urgent"] | None = None
    solved: Literal["yes", "partly", "no"] | None = None
    score: int | None = Field(default=None, ge=1, le=5)
    survey_result: (
        Literal["answered", "partial", "no_contact", "rejected", "invalid_number", "machine_only", "failed"] | None
    ) = None
    attempts: int = Field(default=0, ge=0)
    reopened: int = Field(default=0, ge=0)


class Scenario(Part):
    """One citizen's story from dialling to the last call-back."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{2,47}$")
    title: str = Field(min_length=1, max_length=60)
    source: Literal["S0", "S1", "S2", "S3", "S4", "ad_hoc"]
    told: str = Field(default="", max_length=200, description="The words of the source")
    follows: str | None = Field(default=None, description="The scenario whose citizen calls again here")
    caller: Caller
    line: str = Field(default="12345", pattern=r"^\d{3,12}$")
    steps: tuple[Step, ...] = ()
    patience_s: float = Field(default=120, gt=0, le=3600, description="A caller still without a human hangs up then")
    seat: tuple[SeatAct, ...] = Field(default=(), description="What the seats do, offer by offer; then they answer")
    talk: tuple[Turn, ...] = ()
    hangs_up: Speaker = "caller"
    after_talk: tuple[Key, ...] = Field(default=(), description="Keys of the caller when the agent has hung up")
    call_backs: tuple[CallBack, ...] = Field(default=(), description="Attempt by attempt; the last one repeats")
    expect: Expect

    @field_validator("talk")
    @classmethod
    def _alternate(cls, talk: tuple[Turn, ...]) -> tuple[Turn, ...]:
        for before, after in zip(talk, talk[1:], strict=False):
            if before.who == after.who:
                raise ValueError(f"{after.who} speaks twice in a row; join the two texts")
        return talk

    @model_validator(mode="after")
    def _agrees(self) -> "Scenario":
        hangs_up_early = any(step.hang_up for step in self.steps)
        if self.expect.outcome == "answered" and (hangs_up_early or not self.talk):
            raise ValueError("an answered call has a talk and no hang_up before it")
        if self.expect.outcome != "answered" and not hangs_up_early:
            raise ValueError(f"{self.expect.outcome} needs a hang_up among its steps")
        return self

    @model_validator(mode="after")
    def _stays_after_talk(self) -> "Scenario":
        if self.after_talk and self.hangs_up != "agent":
            raise ValueError("after_talk needs `hangs_up: agent`")
        return self

    @model_validator(mode="after")
    def _call_backs_agree(self) -> "Scenario":
        if bool(self.call_backs) and self.expect.attempts < len(self.call_backs) and self.source != "ad_hoc":
            raise ValueError(f"{len(self.call_backs)} call_backs, but only {self.expect.attempts} attempts expected")
        if self.expect.attempts > 0 and not self.call_backs:
            raise ValueError("attempts are expected, but call_backs is empty")
        unhappy = sum(self.call_back(n).solved in ("2", "3") for n in range(1, self.expect.attempts + 1))
        if self.expect.reopened > unhappy or bool(self.expect.reopened) != bool(unhappy):
            raise ValueError(f"not solved {unhappy} times, but reopened {self.expect.reopened} times")
        return self

    def call_back(self, attempt: int) -> CallBack:
        """How attempt 1, 2, ... is taken; without a script the telephone rings and nobody is at home."""
        if not self.call_backs:
            return CallBack.model_validate("no_answer")
        return self.call_backs[min(attempt, len(self.call_backs)) - 1]

    def seat_act(self, offer: int) -> SeatAct:
        """What the seat does at offer 1, 2, ... of this call."""
        return self.seat[offer - 1] if offer <= len(self.seat) else "answer"


def ad_hoc(number: str, *, name: str = "", say: tuple[str, ...] = (), press: tuple[str, ...] = ()) -> Scenario:
    """A caller without a story: waits for a human, presses `press` one by one, says `say` line by line."""
    turns = [turn for text in say for turn in ({"agent": "您好，请讲。"}, {"caller": text})]
    data = {
        "id": f"ad_hoc_{number}",
        "title": "临时来电",
        "source": "ad_hoc",
        "caller": {"number": number, "name": name},
        "steps": [{"press": key, "after_s": 3} for key in press],
        "talk": turns or [{"agent": "您好，请讲。"}, {"caller": "喂，您好，没有了，谢谢，再见。"}],
        "call_backs": [{"answer": {"solved": "1", "satisfied": "5"}}],
        "expect": {"outcome": "answered"},
    }
    return Scenario.model_validate(data)
