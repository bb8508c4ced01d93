"""The sound of written music: rendered once, in a child process, on first request. Light."""

from __future__ import annotations

from musicgen.clips.alone import alone
from musicgen.clips.clip import AGAIN, FACTS, Clip
from musicgen.errors import WrongState, sentence
from musicgen.processes import run_child
from musicgen.settings import settings
from musicgen.storage.files import damaged

LOCK = ".sound.lock"
MARGIN_SECONDS = 60.0  # besides the rendering itself: start of the process, previews, FluidSynth's fallback
MEMORY_MB = 4096
FILE_MB = 4096


def ensure_audio(clip: Clip) -> None:
    """Give a clip sound if it has none: renders score.mid into audio.wav, envelope.npz and spectrogram.npz.

    Safe to call from any process and thread, any number of times: the work is done once, by one of them, while the
    others wait. Takes seconds; nothing heavy is imported here.

    Raises:
        DamagedFile: its sound is gone. WrongState: the clip has neither sound nor score.
        RejectedFile, ResourceUnavailable: the rendering failed, see symbolic.rendering.
    """
    if clip.has_audio:
        return
    if not clip.score_path.is_file():
        if (clip.folder / FACTS).is_file() and clip.medium == "audio":
            raise damaged(clip.audio_path, "has the sound of this piece", "no such file", AGAIN)
        raise WrongState(sentence("A clip must have sound or a score", f"neither in {clip.folder.name}"))
    seconds = settings().render_seconds + MARGIN_SECONDS
    with alone(clip.folder / LOCK, f"A piece must be rendered within {seconds:g} s", patience=seconds):
        if not clip.has_audio:  # another process made it while we waited
            run_child(
                "musicgen.clips.rendering",
                {"folder": str(clip.folder.resolve())},
                seconds=seconds,
                memory_mb=MEMORY_MB,
                file_mb=FILE_MB,
            )
