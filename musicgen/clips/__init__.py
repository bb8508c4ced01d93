"""Clips: something to hear and to see, whether a user brought it or a run made it. Light to import and to read.

clip.py         what a clip is and how it is read
writing.py      from sound or a score to the files of a clip
sounding.py     the sound of written music, made once, when it is first asked for
exports.py      downloads in other formats
rendering.py, converting.py   the same in child processes
"""

from musicgen.clips.clip import Clip, Roll
from musicgen.clips.sounding import ensure_audio
from musicgen.clips.writing import write_audio_clip, write_score_clip

__all__ = ["Clip", "Roll", "ensure_audio", "write_audio_clip", "write_score_clip"]
