"""The page that a browser gets before any of our own: it says that it waits, and starts anew after a fault.

Streamlit's own is white until several megabytes of program have run, and is white again for good if a part of that
program does not arrive: both happen on a machine that is busy training. It asks for the parts that a page consists of
only once it has been told what is on the page; here it is told beforehand.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Of Streamlit's program: what nearly every page of ours consists of.
PARTS = (
    "BidiComponent",
    "Button",
    "ButtonGroup",
    "Checkbox",
    "Html",
    "NumberInput",
    "PageLink",
    "Selectbox",
    "TextInput",
)
STATIC = Path(streamlit.__file__).parent / "static" / "static" / "js"
NEEDS = re.compile(r'(?:from|import)"\./([^"]+\.js)"')
HEAD = b"</head>"
ROOT = b'<div id="root"></div>'
NOTICE = b"""<div id="root"></div>
    <div id="waiting" role="status" hidden>Loading &hellip; <a id="again" href="" hidden>Load it again</a></div>
    <style>
      #waiting { position: fixed; inset: auto auto 1rem 1rem; z-index: 99; font: 0.95rem system-ui, sans-serif;
        padding: 0.4rem 0.8rem; border-radius: 0.5rem; background: #efeef4; color: #14121c; }
      #waiting[hidden], #again[hidden] { display: none; }
    </style>
    <script>
      (() => {
        const [root, waiting, again] = ["root", "waiting", "again"].map((id) => document.getElementById(id));
        const OFTEN = 20000, KEY = "loaded again at";
        let blankSince = performance.now(), wasThere = false, isBroken = false;
        const loadAgain = () => {  // by itself only now and then, so that it never goes round in circles
          if (Date.now() - Number(sessionStorage.getItem(KEY) ?? 0) < OFTEN) return;
          sessionStorage.setItem(KEY, Date.now());
          location.reload();
        };
        addEventListener("vite:preloadError", () => { isBroken = true; });
        addEventListener("error", ({target}) => { isBroken ||= target?.tagName === "SCRIPT"; }, true);
        again.addEventListener("click", (event) => { event.preventDefault(); location.reload(); });
        setInterval(() => {
          const isBlank = !root.textContent.trim();
          wasThere ||= !isBlank;
          blankSince = isBlank ? blankSince ?? performance.now() : null;
          const seconds = isBlank ? (performance.now() - blankSince) / 1000 : 0;
          waiting.hidden = seconds < 1;
          again.hidden = seconds < 10;
          if (isBroken || (wasThere && seconds > 3)) loadAgain();
        }, 500);
      })();
    </script>"""


class Shell:
    """Middleware: puts the notice into Streamlit's HTML page, and changes nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _asks_for_page(scope):
            plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            await self.app({**scope, "headers": plain}, receive, _Rewriting(send))
        else:
            await self.app(scope, receive, send)


class _Rewriting:
    """Passes an answer on; holds an HTML page until all of it is there."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self.start = message
        elif message["type"] == "http.response.body" and self.start is not None:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self.start)
        else:
            await self.send(message)

    async def _finish(self, start: Message) -> None:
        body = self.body.replace(ROOT, NOTICE, 1).replace(HEAD, _links(self.body) + HEAD, 1)
        headers = [(name, value) for name, value in start["headers"] if name.lower() not in _OF_THE_FILE]
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send({**start, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


@cache
def parts() -> tuple[str, ...]:
    """The files of PARTS, and all that they need; those that this version of Streamlit lacks are left out."""
    waiting = [path.name for name in PARTS for path in STATIC.glob(f"{name}.*.js")]
    found: dict[str, None] = {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = None
            waiting += NEEDS.findall((STATIC / name).read_text(encoding="utf-8"))
    return tuple(sorted(found))


def _links(page: bytes) -> bytes:
    """Links to the parts that the page does not name itself."""
    link = '<link rel="modulepreload" crossorigin href="./static/js/{}">'
    return "".join(link.format(name) for name in parts() if name.encode() not in page).encode()


_OF_THE_FILE = (b"content-length", b"etag", b"last-modified", b"accept-ranges")


def _asks_for_page(scope: Scope) -> bool:
    """Whether a browser goes to an address, and does not fetch a part of a page."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(("/static/", "/media/")):
        return False
    return b"text/html" in dict(scope["headers"]).get(b"accept", b"")


def _is_page(start: Message) -> bool:
    headers: dict[bytes, Any] = dict(start["headers"])
    return start["status"] == 200 and headers.get(b"content-type", b"").startswith(b"text/html")
