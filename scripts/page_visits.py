"""Visits the pages of a running server as a browser would, and prints how long each took to answer.

    python -m scripts.page_visits http://127.0.0.1:8501 12 3    twelve visits of each page by each of three visitors

A page has answered when its script has ended. If something is computed in the background, it has answered when
everything else is there and the page shows that it waits. Prints JSON to stdout.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

PAGES = ("", "songs", "train", "runs", "generate", "compare", "approaches", "system")
WAITING = "hourglass_top"
SEARCHES = ("waltz", "minor 12", "e", "étude", "")
PATIENCE = 60.0


@dataclass
class Visitor:
    """One session: it remembers its widgets, as a browser does."""

    connection: ClientConnection
    page: str = ""
    hash: str = ""
    widgets: dict[str, str] = field(default_factory=dict)  # id of a text field → its text

    def visit(self, page: str) -> float:
        """Go to a page; seconds until it has answered."""
        self.page, self.hash = page, ""
        self.widgets.clear()
        return self._run()

    def search(self, key: str, text: str) -> float:
        """Type into the text field with this key; seconds until the page has answered."""
        name = next(name for name in self.widgets if name.endswith(key))
        self.widgets[name] = text
        return self._run(name)

    def _run(self, changed: str = "") -> float:
        message = BackMsg()
        message.rerun_script.page_name = "" if self.hash else self.page
        message.rerun_script.page_script_hash = self.hash
        if changed:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = changed, self.widgets[changed]
        began = time.perf_counter()
        self.connection.send(message.SerializeToString())
        return self._answered(began)

    def _answered(self, began: float) -> float:
        drawn, before_last_wait = began, 0.0
        while True:
            message = ForwardMsg()
            message.ParseFromString(self.connection.recv(timeout=PATIENCE, decode=False))
            now = time.perf_counter()
            kind = message.WhichOneof("type")
            if kind == "script_finished":
                if message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                    return (before_last_wait or now) - began
            elif kind == "navigation":
                self.hash = message.navigation.page_script_hash
            elif kind == "delta":
                element = message.delta.new_element
                if element.WhichOneof("type") == "text_input":
                    self.widgets[element.text_input.id] = element.text_input.default
                if WAITING in element.markdown.body:
                    before_last_wait = drawn
                else:
                    drawn = now


def main(url: str, rounds: int, visitors: int = 1) -> dict[str, list[float]]:
    """page → seconds of each visit, also for `songs, searching`. The first visit to each page is not counted. The
    visitors come one after the other, and all stay to the end."""
    taken: dict[str, list[float]] = {}
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    with ExitStack() as sessions:
        for _ in range(visitors):
            connection = connect(address, subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
            for page, seconds in _tours(Visitor(sessions.enter_context(connection)), rounds):
                taken.setdefault(page, []).append(seconds)
    return taken


def _tours(visitor: Visitor, rounds: int) -> Iterator[tuple[str, float]]:
    for number in range(rounds + 1):
        for page in PAGES:
            answers = [(page or "home", visitor.visit(page))]
            if page == "songs":
                text = SEARCHES[number % len(SEARCHES)]
                answers.append(("songs, searching", visitor.search("song_search", text)))
            yield from answers if number else ()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:]))))
