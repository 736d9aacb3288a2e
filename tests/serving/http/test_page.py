"""The page on which a person reads and tries the API: it needs nothing but the service."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import httpx
import pytest

from tests.serving.http.rig import FAR, Service

OTHER_HOST = re.compile(r"(?:https?:|wss?:|[\"'(=]\s*)//\s*[\w.-]+")
NAMES_OF_XML = "http://www.w3.org/"


async def asked(path: str) -> httpx.Response:
    async with Service().caller(FAR, "churn.example") as caller:
        return await caller.get(path)


async def parts() -> list[str]:
    """What the page loads, beside what is in it."""
    page = await asked("/docs")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    return [urljoin("/docs", link) for link in links if not link.startswith("data:")]


async def test_all_that_the_page_loads_is_served_from_here() -> None:
    assert len(await parts()) == 3
    for path in await parts():
        answer = await asked(path)
        assert (answer.status_code, bool(answer.content)) == (200, True), path


async def test_the_page_starts_on_the_document_of_this_service() -> None:
    start = (await asked("/docs/start.js")).text
    (document,) = re.findall(r'url: "([^"]+)"', start)
    assert "paths" in (await asked(urljoin("/docs", document))).json()
    assert 'id="page"' in (await asked("/docs")).text
    assert 'dom_id: "#page"' in start


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/start.js", "/docs/swagger-ui.css", "/openapi.json", "/metrics"]
)
async def test_no_answer_names_another_host(path: str) -> None:
    text = (await asked(path)).text.replace(NAMES_OF_XML, "")
    assert OTHER_HOST.findall(text) == []


@pytest.mark.parametrize("path", ["/docs", "/docs/swagger-ui.js", "/docs/swagger-ui.css"])
async def test_the_browser_is_told_to_ask_no_other_host(path: str) -> None:
    policy = (await asked(path)).headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert {source for rule in rules.values() for source in rule.split()} <= {
        "'none'",
        "'self'",
        "data:",
    }
    assert "data:" not in rules["script-src"]


async def test_the_page_brings_no_script_of_its_own_that_the_policy_would_stop() -> None:
    page = (await asked("/docs")).text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", page) == []
