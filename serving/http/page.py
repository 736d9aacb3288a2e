"""The description as a page that a person can try: Swagger UI, whose files are served from here.

The page asks no other host for anything, and its policy lets it ask none.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from serving.http.answers import Answer
from serving.http.call import Call
from serving.http.operation import Access, Content, Operation, for_everyone

_HTML, _SCRIPT, _STYLE = "text/html", "text/javascript", "text/css"
_POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    b"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = ((b"content-security-policy", _POLICY), (b"referrer-policy", b"no-referrer"))
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null
});
"""


def page_operations(title: str) -> Sequence[Operation]:
    """The page under `/docs`, and what it loads, by relative addresses."""
    ui = files("fastapi_offline") / "static"
    script = (ui / "swagger-ui-bundle.js").read_bytes()
    style = (ui / "swagger-ui.css").read_bytes()
    return (
        for_everyone(
            "/docs",
            "docs",
            "This description as a page",
            _Fixed(_PAGE.format(title=title).encode(), _HTML),
            _text(_HTML),
        ),
        _part("/docs/swagger-ui.js", "docs_script", script, _SCRIPT),
        _part("/docs/swagger-ui.css", "docs_style", style, _STYLE),
        _part("/docs/start.js", "docs_start", _START.encode(), _SCRIPT),
    )


class _Fixed:
    """Answers always the same."""

    def __init__(self, body: bytes, media: str) -> None:
        self._answer = Answer(body, kind=f"{media}; charset=utf-8".encode(), headers=_HEADERS)

    async def __call__(self, _: Call) -> Answer:
        return self._answer


def _part(path: str, name: str, body: bytes, media: str) -> Operation:
    """What only the page asks for, and the description need not tell."""
    return Operation(
        method="GET",
        path=path,
        name=name,
        summary="A part of the page",
        access=Access.OPEN,
        run=_Fixed(body, media),
        answer=_text(media),
        documented=False,
    )


def _text(media: str) -> Content:
    return Content({"type": "string"}, "", media)
