"""The naive way to import sound, in a process of its own: all in memory, all transformed at once."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from musicgen.processes import child_main


def load(payload: dict[str, Any]) -> dict[str, int]:
    """payload: `path` of a sound file. Loads it, makes a spectrogram in dB and an envelope, writes a 16-bit copy."""
    import librosa
    import numpy as np
    import soundfile

    samples, sample_rate = librosa.load(payload["path"], sr=None, mono=False)
    level = librosa.amplitude_to_db(np.abs(librosa.stft(samples, n_fft=4096)), ref=np.max)
    buckets = samples[:, : samples.shape[1] // 512 * 512].reshape(len(samples), -1, 512)
    low, high = buckets.min(axis=2), buckets.max(axis=2)
    with tempfile.TemporaryDirectory() as folder:
        soundfile.write(os.path.join(folder, "copy.wav"), samples.T, sample_rate, subtype="PCM_16")
    return {"frames": int(level.shape[-1]), "buckets": int(low.size + high.size)}


if __name__ == "__main__":
    child_main(load)
