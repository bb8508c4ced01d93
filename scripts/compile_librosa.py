"""Let librosa compile what finds beats, and keep most of it beside its code. Otherwise the first song whose beats are
looked for waits half a minute longer. `scripts/setup` starts this in the background.

    python -m scripts.compile_librosa
"""

from __future__ import annotations

import numpy as np


def main() -> None:
    import librosa

    envelope = np.arange(2000) % 40 == 0  # a beat of half a second
    librosa.beat.beat_track(onset_envelope=envelope.astype(np.float64), sr=44_100, bpm=120.0)


if __name__ == "__main__":
    main()
