"""What one flow of nine steps costs as dialplan, through bare AGI servers and through the whole product; how many calls
a second each takes, and how soon a key is answered when many calls are up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlmodel import select

from bench.agi_servers import KINDS
from bench.figures import Row, percentile, ratio, shown, spread, within
from bench.nine_steps import EXTENSIONS, LINE, PATH, QUESTIONS
from bench.phones import Called, Phones, Target
from bench.stage import Stage, bench_flows, cpu_s, make_settings, stage_with_rival, wait_for
from core.db import Database
from ivr.calls.models import Call
from ivr.pbx.get import AsteriskInstall

PRODUCT, DIALPLAN = "product", "dialplan"
FORMS = (PRODUCT, DIALPLAN, *KINDS)
TITLES = {
    PRODUCT: "the whole product with ledger",
    DIALPLAN: "pure dialplan",
    "ours": "our AGI layer alone",
    "panoramisk": "panoramisk's FastAGI",
    "pyst2": "pyst2's AGI in threads",
}
ROUNDS, CALLS, RATE, WARM = 5, 30, 8.0, 8
QUICK_S = 0.2  # from the beginning of a question to its first key
SETTLE_S = 1.0  # what follows a call: its last facts
FULL, FULL_S, FULL_ROUNDS = 60, 8.0, 2  # as many calls as there is CPU for
AT_ONCE = (50, 200)
HOLD_S, RAMP_S, SLOW_S = 20.0, 14.0, 3.0
BUDGET, AIM, BUDGET_P99_MS, BUDGET_RATE = 1.5, 1.25, 50.0, 0.8


def measure(install: AsteriskInstall, home: Path, first_port: int) -> dict[str, Any]:
    """All forms on one stage: alternating blocks at a steady rate, then as many calls as can be, then many at once."""
    home.mkdir()
    settings = make_settings(home, first_port, flow="bench", flows_dir=bench_flows(home), seats=("1001",))
    with stage_with_rival(install, settings) as running, Phones((settings.trunk_host, settings.trunk_port)) as phones:
        bench = _Bench(running, phones)
        for form in FORMS:  # first calls load codecs and caches
            bench.steady(form, WARM)
        cost = bench.cost()
        found: dict[str, Any] = {
            "cost": cost,
            "full": bench.full(),
            "at_once": {str(many): bench.at_once(many) for many in AT_ONCE},
        }
        found["lost"] = bench.not_in_ledger()
    return found


class _Bench:
    """The measurements on one stage; counts the product's calls that went well, for the ledger must know them."""

    def __init__(self, running: Stage, phones: Phones) -> None:
        assert running.rival is not None
        self._running = running
        self._rival = running.rival
        self._phones = phones
        self._good = 0

    def steady(self, form: str, count: int) -> list[Called]:
        return self._counted(form, self._phones.steady(self._target(form), count, RATE, QUICK_S))

    def cost(self) -> dict[str, Any]:
        """CPU a call of every form, in rounds of alternating order: noise of the machine hits all of them."""
        blocks: dict[str, list[dict[str, Any]]] = {form: [] for form in FORMS}
        for number in range(ROUNDS):
            turn = number % len(FORMS)
            for form in (*FORMS[turn:], *FORMS[:turn]):
                blocks[form].append(self._block(form))
        return {form: _form_cost(found) for form, found in blocks.items()} | {"ratios": _ratios(blocks)}

    def full(self) -> dict[str, Any]:
        """Calls a second with as many at once as keep the machine busy."""
        rates: dict[str, list[float]] = {PRODUCT: [], DIALPLAN: []}
        calls: dict[str, list[Called]] = {PRODUCT: [], DIALPLAN: []}
        for number in range(2 * FULL_ROUNDS):
            form = (PRODUCT, DIALPLAN, DIALPLAN, PRODUCT)[number % 4]
            done, a_second = self._phones.hold(self._target(form), FULL, FULL_S, FULL_S / 2, QUICK_S)
            calls[form] += self._counted(form, done)
            rates[form].append(a_second)
            self._phones.rest(SETTLE_S)
        return {form: {"a_second": spread(rates[form]), **_failures(calls[form])} for form in rates}

    def at_once(self, many: int) -> dict[str, Any]:
        """Waits of callers from their key to the next prompt, with so many calls up."""
        found = {}
        for form in (DIALPLAN, PRODUCT):
            calls, a_second = self._phones.hold(self._target(form), many, HOLD_S, RAMP_S, SLOW_S)
            found[form] = {"a_second": round(a_second, 1), **_waits(self._counted(form, calls))}
            self._phones.rest(SETTLE_S)
        return found

    def not_in_ledger(self) -> int:
        """How many of the product's good calls the ledger does not tell as they were: steps, keys, end."""
        database = Database(self._running.settings.database)

        def whole() -> int:
            with database.reading() as session:
                calls = session.exec(select(Call)).all()
            return sum(
                call.state == "ended" and tuple((step["step"], step["key"]) for step in call.path) == PATH
                for call in calls
            )

        try:
            wait_for(lambda: whole() >= self._good, "the ledger", 15)
        except Exception:  # noqa: BLE001 - what is missing is counted
            return self._good - whole()
        finally:
            database.close()
        return 0

    def _block(self, form: str) -> dict[str, Any]:
        groups = self._processes(form)
        before = {group: cpu_s(pids) for group, pids in groups.items()}
        calls = self.steady(form, CALLS)
        self._phones.rest(SETTLE_S)
        used = {group: (cpu_s(pids) - before[group]) * 1000 / CALLS for group, pids in groups.items()}
        return {"cpu_ms": sum(used.values()), "parts": used, **_failures(calls)}

    def _processes(self, form: str) -> dict[str, Sequence[int]]:
        if form == PRODUCT:
            children = [child.pid or 0 for child in self._running.children]
            return {"asterisk": [self._running.hot.pid or 0], "python": children}
        servers = [self._rival.servers[form].pid or 0] if form in KINDS else []
        return {"asterisk": [self._rival.pbx.pid or 0], "python": servers}

    def _target(self, form: str) -> Target:
        settings = self._running.settings if form == PRODUCT else self._rival.settings
        return Target(settings.bind, settings.sip_port, EXTENSIONS.get(form, LINE))

    def _counted(self, form: str, calls: list[Called]) -> list[Called]:
        self._good += sum(not call.problem for call in calls) if form == PRODUCT else 0
        return calls


def _form_cost(blocks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "ms": spread([block["cpu_ms"] for block in blocks]),
        "parts_ms": {
            part: spread([block["parts"][part] for block in blocks])["median"] for part in ("asterisk", "python")
        },
        "failed": sum(block["failed"] for block in blocks),
        "problems": sorted({problem for block in blocks for problem in block["problems"]}),
    }


def _ratios(blocks: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Of every two forms that are compared: each round by itself, and of these the middle one, because what else runs
    on the machine in one round spoils that round alone."""
    pairs = [(PRODUCT, DIALPLAN), ("ours", DIALPLAN), ("ours", "panoramisk"), ("ours", "pyst2")]
    found = {}
    for above, below in pairs:
        failed = sum(block["failed"] for form in (above, below) for block in blocks[form])
        each = [
            ratio(one["cpu_ms"], other["cpu_ms"], failed)
            for one, other in zip(blocks[above], blocks[below], strict=True)
        ]
        known = [one for one in each if one is not None]
        found[f"{above}/{below}"] = {"median": spread(known, 3)["median"] if len(known) == len(each) else None,
                                     "rounds": known}  # fmt: skip
    return found


def _waits(calls: Sequence[Called]) -> dict[str, Any]:
    waits = [wait for call in calls for wait in call.waits_ms]
    failures = _failures(calls)
    found = {"calls": len(calls), "keys": len(waits), **failures}
    # Fewer answers than questions would make the slow ones vanish from the percentiles.
    if waits and len(waits) >= QUESTIONS * (len(calls) - failures["failed"]):
        found |= {f"p{part}_ms": round(percentile(waits, part), 1) for part in (50, 99)}
        found |= {"max_ms": round(max(waits), 1)}
    return found


def _failures(calls: Sequence[Called]) -> dict[str, Any]:
    problems = [call.problem for call in calls if call.problem]
    return {"failed": len(problems), "problems": sorted(set(problems))[:5]}


def rows(found: dict[str, Any]) -> list[Row]:
    """For the table."""
    return [
        *_cost_rows(found["cost"], found["lost"]),
        *_full_rows(found["full"]),
        *(row for many, waits in found["at_once"].items() for row in _wait_rows(many, waits)),
    ]


def _cost_rows(cost: dict[str, Any], lost: int) -> list[Row]:
    lines = []
    for form in FORMS:
        one = cost[form]
        parts = one["parts_ms"]
        lines.append(Row(f"CPU a call, {TITLES[form]}", shown(one["ms"], "ms"), "",
                         f"Asterisk {parts['asterisk']}" + (f" + Python {parts['python']}" if parts["python"] else "")
                         + f" ms; {ROUNDS * CALLS} calls, {RATE:.0f} a second" + _wrong(one)))  # fmt: skip
    budgets = {
        f"{PRODUCT}/{DIALPLAN}": BUDGET,
        f"ours/{DIALPLAN}": None,
        "ours/panoramisk": 1.0,
        "ours/pyst2": 1.0,
    }
    for pair, budget in budgets.items():
        above, below = pair.split("/")
        value, rounds = (
            cost["ratios"][pair]["median"],
            ", ".join(f"{one:.2f}" for one in cost["ratios"][pair]["rounds"]),
        )
        aim = f", aim {AIM}" if above == PRODUCT else ""
        note = f"rounds: {rounds}" + (f"; {lost} calls are missing in the ledger" if above == PRODUCT and lost else "")
        lines.append(
            Row(f"{TITLES[above]} / {TITLES[below]}", "not measured" if value is None else f"{value:.2f}",
                "" if budget is None else f"<= {budget}{aim}", note,
                None if budget is None else within(value, most=budget) and not (above == PRODUCT and lost))
        )  # fmt: skip
    return lines


def _full_rows(full: dict[str, Any]) -> list[Row]:
    rates = {form: one["a_second"]["median"] for form, one in full.items()}
    quotient = ratio(rates[PRODUCT], rates[DIALPLAN], sum(one["failed"] for one in full.values()))
    note = f"{FULL} at once, {FULL_S:.0f} s, {FULL_ROUNDS} times"
    return [
        *(Row(f"calls a second, {TITLES[form]}", shown(one["a_second"], "").replace("  ", " "), "", note + _wrong(one))
          for form, one in full.items()),
        Row("calls a second, product / dialplan", "not measured" if quotient is None else f"{quotient:.2f}",
            f">= {BUDGET_RATE}", "", within(quotient, least=BUDGET_RATE)),
    ]  # fmt: skip


def _wait_rows(at_once: str, many: dict[str, Any]) -> list[Row]:
    lines = []
    for form, one in many.items():
        is_ours = form == PRODUCT
        lines.append(
            Row(f"key to next prompt, {TITLES[form]}",
                f"p50 {one['p50_ms']} p99 {one['p99_ms']} ms" if "p50_ms" in one else "not measured",
                f"p99 <= {BUDGET_P99_MS:.0f} ms" if is_ours else "",
                f"{at_once} calls at once, {one['keys']} keys, longest {one.get('max_ms', '-')} ms" + _wrong(one),
                within(one.get("p99_ms"), most=BUDGET_P99_MS) if is_ours else None)
        )  # fmt: skip
    return lines


def _wrong(one: dict[str, Any]) -> str:
    return f"; {one['failed']} failed: {', '.join(one['problems'])}" if one["failed"] else ""
