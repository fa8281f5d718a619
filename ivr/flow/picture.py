"""A flow as an SVG image: steps in layers by their distance from the start, ways as curves between them."""

from html import escape

from ivr.flow.schema import Enqueue, Flow, HangUp, LeaveMessage, OfferCallBack, TransferOut

BOX_W, BOX_H, GAP_X, GAP_Y, EDGE = 190, 46, 50, 96, 30
_SERVING = (Enqueue, LeaveMessage, OfferCallBack, TransferOut)
_STYLE = """<style>
text{font:13px system-ui,"Noto Sans CJK SC",sans-serif;fill:#16202c}
.kind{font-size:11px;fill:#5b6875}.way{font-size:11px;fill:#1f4e8c;paint-order:stroke;stroke:#fff;stroke-width:3px}
rect{fill:#f3f6fa;stroke:#8796a5}.human{fill:#e3f3e6;stroke:#3c8a4e}.end{fill:#fbeceb;stroke:#b4544c}
path{fill:none;stroke:#3d4b5a;stroke-width:1.3}.silent{stroke-dasharray:5 4}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">
<path d="M0 0L8 4L0 8z" style="fill:#3d4b5a;stroke:none"/></marker></defs>
"""
Point = tuple[float, float]


def svg(flow: Flow) -> str:
    """The image; dashed ways are those that a caller takes who does nothing."""
    layers = _layers(flow)
    width = max(len(layer) for layer in layers) * (BOX_W + GAP_X) + GAP_X + 2 * EDGE
    height = len(layers) * (BOX_H + GAP_Y) + EDGE
    at: dict[str, Point] = {}
    for depth, layer in enumerate(layers):
        left = (width - len(layer) * (BOX_W + GAP_X) + GAP_X) / 2
        for place, name in enumerate(layer):
            at[name] = (left + place * (BOX_W + GAP_X), EDGE + depth * (BOX_H + GAP_Y))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
        f' height="{height:.0f}" role="img" aria-label="{escape(flow.name)}">\n<title>{escape(flow.name)}</title>\n',
        _STYLE,
        *_ways(flow, at),
        *(_box(flow, name, point) for name, point in at.items()),
        "</svg>\n",
    ]
    return "".join(parts)


def _layers(flow: Flow) -> list[list[str]]:
    """Names by their distance from the start; steps that nothing leads to come last."""
    seen = {flow.start} & set(flow.steps)
    layers = [[flow.start]] if seen else []
    while layers and layers[-1]:
        ahead: list[str] = []
        for name in layers[-1]:
            for branch in flow.steps[name].branches():
                if branch.target in flow.steps and branch.target not in seen:
                    seen.add(branch.target)
                    ahead.append(branch.target)
        layers.append(ahead)
    rest = [name for name in flow.steps if name not in seen]
    return [layer for layer in (*layers, rest) if layer]


def _box(flow: Flow, name: str, point: Point) -> str:
    step, (x, y) = flow.steps[name], point
    look = "human" if isinstance(step, _SERVING) else "end" if isinstance(step, HangUp) else ""
    prompts = ", ".join(dict.fromkeys(prompt for prompt, _ in step.prompts()))
    kind = f"{step.do}{f' · {prompts}' if prompts else ''}"
    short = kind if len(kind) <= 30 else kind[:29] + "…"
    middle = x + BOX_W / 2
    return (
        f'<g><title>{escape(name)}: {escape(kind)}</title><rect class="{look}" x="{x:.0f}" y="{y:.0f}" rx="7"'
        f' width="{BOX_W}" height="{BOX_H}"/><text x="{middle:.0f}" y="{y + 20:.0f}" text-anchor="middle">'
        f'{escape(name)}</text><text class="kind" x="{middle:.0f}" y="{y + 36:.0f}" text-anchor="middle">'
        f"{escape(short)}</text></g>\n"
    )


def _ways(flow: Flow, at: dict[str, Point]) -> list[str]:
    drawn = []
    for name, step in flow.steps.items():
        joined: dict[tuple[str, bool], list[str]] = {}
        for branch in step.branches():
            if branch.target in at:
                joined.setdefault((branch.target, branch.by_caller), []).append(branch.label)
        for number, ((target, is_by_caller), labels) in enumerate(joined.items()):
            label = ", ".join(label for label in labels if label)
            drawn.append(_way(at[name], at[target], label, number / max(1, len(joined)), is_silent=not is_by_caller))
    return drawn


def _way(start: Point, end: Point, label: str, share: float, *, is_silent: bool) -> str:
    out = start[0] + BOX_W * (0.25 + share / 2)
    look = ' class="silent"' if is_silent else ""
    if end[1] > start[1]:
        y1, y2, to = start[1] + BOX_H, end[1], end[0] + BOX_W / 2
        path = f"M{out:.0f} {y1:.0f}C{out:.0f} {y1 + 45:.0f} {to:.0f} {y2 - 45:.0f} {to:.0f} {y2:.0f}"
        x, y = out + (to - out) * 0.3, y1 + 22 + 16 * share
    else:  # back or sideways: around the right side
        y1, y2, side = start[1] + BOX_H / 2, end[1] + BOX_H / 2, max(start[0], end[0]) + BOX_W + 34
        to = end[0] + BOX_W
        path = f"M{start[0] + BOX_W:.0f} {y1:.0f}C{side:.0f} {y1:.0f} {side:.0f} {y2:.0f} {to:.0f} {y2:.0f}"
        x, y = side - 14, (y1 + y2) / 2
    text = f'<text class="way" x="{x:.0f}" y="{y:.0f}" text-anchor="middle">{escape(label)}</text>' if label else ""
    return f'<path{look} d="{path}" marker-end="url(#tip)"/>{text}\n'
