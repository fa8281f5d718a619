"""The API's documentation as one plain page, made from the OpenAPI document; needs nothing from the internet."""

from html import escape
from typing import Any

_HEAD = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>12345 热线 API</title>
<style>body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{background:#f3f3f3;padding:0 .3em}
h2{border-top:1px solid #ccc;padding-top:1rem;font-size:1rem}</style><h1>12345 热线 API</h1>
<p>完整的机器可读说明: <a href="/api/openapi.json">openapi.json</a>。
修改类请求须带请求头 <code>X-Requested-With: hotline</code>;
错误一律为 <code>application/problem+json</code>,其中 <code>code</code> 不会改名。</p>"""


def docs_html(document: dict[str, Any]) -> str:
    """One section for each operation: method, path, what it does, its parameters."""
    sections = [
        _section(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return _HEAD + "".join(sections) + "</html>"


def _section(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = "".join(
        f"<li><code>{escape(one['name'])}</code> ({escape(one['in'])}) {escape(one.get('description', ''))}</li>"
        for one in operation.get("parameters", ())
    )
    text = escape(operation.get("description", operation.get("summary", "")))
    return f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{text}</p><ul>{parameters}</ul>"
