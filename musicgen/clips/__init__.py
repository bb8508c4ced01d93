"""Clips: sound or written music, uploaded by the user or made by a run. Light to import and to read.

clip.py         what a clip is and how it is read
writing.py      from sound or a score to the files of a clip
sounding.py     the sound of written music, rendered once, on first request
sheets.py       the sheet music of a score: pages and when which note sounds, made on request
pictures.py     what a browser draws its pictures from; loudness.py: how loud excerpts are
exports.py      downloads in other formats
rendering.py, engraving.py, picturing.py, converting.py   the same in child processes
"""

from musicgen.clips.clip import Clip, Roll
from musicgen.clips.sounding import ensure_audio
from musicgen.clips.writing import write_audio_clip, write_score_clip

__all__ = ["Clip", "Roll", "ensure_audio", "write_audio_clip", "write_score_clip"]
