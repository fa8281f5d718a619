"""Serves the built console, or a plain page that says how to build it."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from core.errors import NotFound

DIST = Path(__file__).parent / "console" / "dist"
_NOT_BUILT = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>12345 热线</title>
<h1>控制台尚未构建</h1><p>在项目目录运行 <code>make console</code>,然后刷新本页。</p>
<p>接口文档见 <a href="/api/docs">/api/docs</a>。</p>
<p>The console is not built: run <code>make console</code> and reload.</p></html>"""


def console_router(dist: Path = DIST) -> APIRouter:
    """Everything outside /api: files of the console; unknown paths are the page itself, which has its own routes."""
    router = APIRouter(include_in_schema=False)
    root = dist.resolve()

    @router.get("/{path:path}")
    def console(path: str, _request: Request) -> Response:
        if path.startswith("api/") or path == "api":
            raise NotFound("没有这个地址", code="not_found")
        wanted = (root / path).resolve()
        if path and wanted.is_relative_to(root) and wanted.is_file():
            lasting = path.startswith("assets/")  # their names hold a hash of their content
            cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
            return FileResponse(wanted, headers={"Cache-Control": cache})
        if path.startswith("assets/"):
            raise NotFound("没有这个文件", code="not_found")
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT, headers={"Cache-Control": "no-cache"})
        return FileResponse(index, media_type="text/html", headers={"Cache-Control": "no-cache"})

    return router
