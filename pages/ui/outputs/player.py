"""The player: always WAV bytes made here, with a stamp that gives each excerpt of each song its own address.

`st.audio(array)` would scale every array to full peak, and two long files could get one address (design.md, 7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from musicgen.settings import settings
from pages.ui.text import clock

if TYPE_CHECKING:
    from musicgen.clips import Clip


def player(
    clip: Clip, *, start_seconds: float = 0.0, stop_seconds: float | None = None, gain_db: float = 0.0, key: str
) -> None:
    """Play an excerpt of a clip, `gain_db` louder (clipped at full scale) or quieter. A note says so if it is cut."""
    end = clip.seconds if stop_seconds is None else min(stop_seconds, clip.seconds)
    stop = min(end, start_seconds + settings().player_seconds)
    is_whole = start_seconds <= 0 and stop >= clip.seconds and not gain_db
    with st.container(key=key, gap="xxsmall"):
        # The stored file is 16-bit PCM and stamped, so a whole clip needs no decoding.
        st.audio(clip.audio_path if is_whole else _stretch(clip, start_seconds, stop, gain_db), format="audio/wav")
        if stop < end:
            st.caption(f"The player holds {clock(start_seconds)} to {clock(stop)} of {clock(clip.seconds)}.")


def _stretch(clip: Clip, start_seconds: float, stop_seconds: float, gain_db: float) -> bytes:
    from musicgen.audio.wav import wav_info, wav_stretch

    sample_rate = wav_info(clip.audio_path).sample_rate
    start, stop = round(start_seconds * sample_rate), round(stop_seconds * sample_rate)
    return wav_stretch(clip.audio_path, start, stop, gain=10 ** (gain_db / 20))
