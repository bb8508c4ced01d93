"""The player's modules in a blank page of a real browser, with sounds from a small server that answers Range requests:
what is measured is the engine alone, without Streamlit."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

from musicgen.audio.wav import wav_bytes
from musicgen.audio.waveform import Waveform

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "player"
TYPES = {".js": "text/javascript", ".wav": "audio/wav", ".html": "text/html", ".bin": "application/octet-stream"}


class Sounds:
    """Files by address: `url` of the blank page, `files` that it can load, `asked` (address, first byte, last byte)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {"/": b"<!doctype html><title>player</title>"}
        self.asked: list[tuple[str, int, int]] = []

    def add(self, name: str, samples: np.ndarray, sample_rate: int) -> str:
        """`samples`: float, shape (n_channels, n_samples) or (n_samples,). Returns the address."""
        self.files[f"/{name}"] = wav_bytes(Waveform(np.asarray(samples, np.float32), sample_rate))
        return f"/{name}"


@contextmanager
def serving() -> Iterator[Sounds]:
    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            content = sounds.files.get(path)
            if content is None and path.startswith("/player/"):
                file = ASSETS / path.removeprefix("/player/")
                content = file.read_bytes() if file.is_file() else None
            if content is None:
                self.send_error(404)
                return
            found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            first, last = (int(found[1]), min(int(found[2]), len(content) - 1)) if found else (0, len(content) - 1)
            sounds.asked.append((path, first, last))
            self.send_response(206 if found else 200)
            self.send_header("Content-Type", TYPES.get(Path(path).suffix, "text/html"))
            self.send_header("Content-Length", str(last - first + 1))
            if found:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.end_headers()
            self.wfile.write(content[first : last + 1])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    sounds = Sounds(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sounds
    finally:
        server.shutdown()
        server.server_close()


RENDER = """async ({seconds, rate, channels, lanes, steps}) => {
    const {Engine} = await import("/player/engine.js");
    const context = new OfflineAudioContext(channels, Math.round(seconds * rate), rate);
    const errors = [];
    const engine = new Engine(context, {onError: error => errors.push(String(error))});
    const settle = async () => {  // everything that is on its way has arrived
        for (let quiet = 0; quiet < 3; quiet += 1) {
            engine.pump();
            for (const lane of engine.lanes.values()) {
                await lane.stretches.open();
                await Promise.all(lane.stretches.loading.values());
            }
        }
    };
    engine.setLanes(lanes);
    await settle();
    const done = [];
    const moments = new Set(steps.map(step => step.at));
    for (let at = 1; at < seconds; at += 1) moments.add(at);
    for (const at of [...moments].sort((a, b) => a - b)) {
        const act = async () => {
            for (const step of steps.filter(step => step.at === at)) {
                const before = engine.positionNow();
                if (step.play !== undefined) engine.play(step.play * rate);
                if (step.seek !== undefined) engine.seek(step.seek * rate);
                if (step.choose !== undefined) engine.choose(step.choose, step.exactly);
                if (step.loop !== undefined) engine.setLoop(step.loop && {
                    start: Math.round(step.loop[0] * rate), stop: Math.round(step.loop[1] * rate)});
                if (step.lanes !== undefined) engine.setLanes(step.lanes);
                await settle();
                done.push({at, state: engine.state, chosen: engine.chosen, before: before / rate,
                    begins: engine.timeline ? engine.timeline.spans[0].frame / rate : null});
            }
            await settle();
        };
        if (at <= 0) await act();
        else context.suspend(at).then(async () => { await act(); await context.resume(); });
    }
    const rendered = await context.startRendering();
    const result = Array.from({length: channels}, (_, channel) => {
        const bytes = new Uint8Array(rendered.getChannelData(channel).buffer);
        let text = "";
        for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
        return btoa(text);
    });
    return {channels: result, errors, done};
}"""


def render(page, sounds: Sounds, *, seconds: float, rate: int, lanes: list[dict], steps: list[dict], channels: int = 1):
    """What the engine sends to its output while `steps` are done: float32, shape (channels, n); and a log of the steps.

    lanes: dicts with id, url, and where needed content, grows, shift (s), gain (dB). steps: dicts with `at` (s) and
    some of play, seek (s), choose (id), loop ((start, stop) s or None), lanes."""
    import base64

    full = [_lane(each) for each in lanes]
    wanted = [step | {"lanes": [_lane(each) for each in step["lanes"]]} if "lanes" in step else step for step in steps]
    page.goto(sounds.url)
    asked = {"seconds": seconds, "rate": rate, "channels": channels, "lanes": full, "steps": wanted}
    answer = page.evaluate(RENDER, json.loads(json.dumps(asked)))
    assert answer["errors"] == []
    return np.stack([np.frombuffer(base64.b64decode(each), "<f4") for each in answer["channels"]]), answer["done"]


def _lane(lane: dict) -> dict:
    return {"content": lane["url"], "grows": False, "shift": 0, "gain": 0, **lane}
