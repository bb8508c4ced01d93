"""The page that a browser gets first is Streamlit's own with a notice in it; everything else passes unchanged."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

from pages.ui.shell import PARTS, ROOT, STATIC, Shell, parts

INDEX = Path(str(importlib.util.find_spec("streamlit").origin)).parent / "static" / "index.html"  # type: ignore[union-attr]


def answer(path: str, pieces: list[bytes], kind: bytes = b"text/html; charset=utf-8", status: int = 200) -> list[Any]:
    """What a browser receives if the app answers with these pieces."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        is_part = path.startswith(("/media/", "/static/"))
        assert (b"accept-encoding" in dict(scope["headers"])) == is_part, "a page must come uncompressed"
        size = str(sum(map(len, pieces))).encode()
        headers = [
            (b"content-type", kind),
            (b"content-length", size),
            (b"etag", b'"1"'),
            (b"cache-control", b"no-cache"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"accept", b"text/html,*/*"), (b"accept-encoding", b"gzip")]
    scope = {"type": "http", "method": "GET", "path": path, "headers": headers}
    asyncio.run(Shell(app)(scope, None, send))  # type: ignore[arg-type]
    return sent


def test_the_notice_is_in_streamlits_page() -> None:
    page = INDEX.read_bytes()
    assert page.count(ROOT) == 1, "Streamlit's page has changed: look at Shell again"
    start, body = answer("/train", [page[:500], page[500:]])
    headers = dict(start["headers"])
    assert body["body"].count(b'id="waiting"') == 1
    assert headers[b"content-length"] == str(len(body["body"])).encode()
    assert b"etag" not in headers, "it names another content"
    assert headers[b"cache-control"] == b"no-cache"


def test_the_parts_of_pages_are_named_beforehand() -> None:
    assert all(any(name.startswith(f"{part}.") for name in parts()) for part in PARTS), "look for their names again"
    page = INDEX.read_bytes()
    body = answer("/", [page])[1]["body"].decode()
    for name in parts():
        assert body.count(f"/static/js/{name}") == 1
    assert sum((STATIC / name).stat().st_size for name in parts() if name.encode() not in page) < 800_000


def test_everything_else_passes_unchanged() -> None:
    page = INDEX.read_bytes()
    for path, kind, status in (
        ("/media/x.html", b"text/html", 200), ("/static/js/x.js", b"text/javascript", 200),
        ("/_stcore/health", b"text/plain", 200), ("/train", b"text/html", 404),
    ):  # fmt: skip
        start, *bodies = answer(path, [page[:500], page[500:]], kind, status)
        assert dict(start["headers"])[b"etag"] == b'"1"'
        assert b"".join(each["body"] for each in bodies) == page
