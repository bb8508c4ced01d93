"""Child: makes the sounds of two pieces that are compared by ear. `python -m musicgen.listening.pairing`

Both begin where they are first heard, have the same length, format and loudness, and files that do not tell which is
which.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.audio.waveform import Waveform
from musicgen.clips import Clip
from musicgen.errors import InvalidInput
from musicgen.listening import sounds
from musicgen.listening.finishing import anonymous_wav, equally_loud, faded
from musicgen.processes import child_main
from musicgen.storage.files import write_bytes

MOST_SECONDS, FEWEST_SECONDS = 20.0, 1.0
SILENT = sounds.Format(44_100, 1, False)  # if neither has sound


def make_pair(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `clips` {a: folder, b: folder} of clips, "" for one without sound; `folder`, where a.wav and b.wav are
    written.

    Returns {seconds}."""
    clips = payload["clips"]
    pieces = {position: sounds.open_sound(Clip(Path(folder))) for position, folder in clips.items() if folder}
    starts = {position: _first_heard(piece) for position, piece in pieces.items()}
    lengths = [piece.info.n_samples / piece.info.sample_rate - starts[position] for position, piece in pieces.items()]
    seconds = min(max(min(lengths, default=0.0), FEWEST_SECONDS), MOST_SECONDS)
    form = sounds.common_format(list(pieces.values())) if pieces else SILENT
    silence = Waveform(np.zeros((form.n_channels, round(seconds * form.sample_rate)), np.float32), form.sample_rate)
    cuts = {position: sounds.cut(piece, starts[position], seconds, form) for position, piece in pieces.items()}
    made = [faded(cuts.get(position, silence)) for position in clips]
    rng = np.random.default_rng(secrets.randbits(128))
    for position, sound in zip(clips, _levelled(made), strict=True):
        write_bytes(Path(payload["folder"]) / f"{position}.wav", anonymous_wav(sound, rng))
    return {"seconds": round(seconds, 2)}


def _first_heard(piece: sounds.SoundPiece) -> float:
    heard = np.flatnonzero(piece.is_audible)
    return float(heard[0]) * sounds.FRAME_SECONDS if heard.size else 0.0


def _levelled(made: list[Waveform]) -> list[Waveform]:
    """Equally loud; as they are if one is silent: that is heard, and judged."""
    try:
        return equally_loud(made)[0]
    except InvalidInput:
        return made


if __name__ == "__main__":
    child_main(make_pair)
