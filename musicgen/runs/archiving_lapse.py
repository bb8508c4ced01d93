"""The time-lapse of a run as files for its archive.

lapse/000012/piece.json    see `archived_outputs.ArchivedPiece`
lapse/000012/score.mid     or audio.wav, of a network that makes sound; the rest of a clip is made from it again
"""

from __future__ import annotations

from pydantic import ValidationError

from musicgen.clips.clip import AUDIO, SCORE
from musicgen.errors import CorruptArtifact
from musicgen.runs.archived_outputs import ArchivedPiece
from musicgen.runs.archiving_outputs import ArchivedFiles
from musicgen.runs.folders import LAPSE
from musicgen.runs.lapse import PIECE, LapsePiece, lapse_of

MAX_PIECE_MB = 50


def lapse_to_archive(run_id: str) -> list[ArchivedFiles]:
    """The pieces, by epoch, without damaged ones."""
    return [files for piece in lapse_of(run_id).pieces() if (files := _files(piece)) is not None]


def _files(piece: LapsePiece) -> ArchivedFiles | None:
    try:
        music = piece.folder / (SCORE if piece.clip.medium == "midi" else AUDIO)
        about = ArchivedPiece.model_validate(piece.about)
    except (CorruptArtifact, ValidationError):  # DamagedFile is a CorruptArtifact
        return None
    if about.epoch != piece.epoch or not music.is_file() or music.stat().st_size > MAX_PIECE_MB * 1_000_000:
        return None
    return ArchivedFiles(
        f"{LAPSE}/{piece.epoch:06d}", about.model_dump(mode="json", exclude_unset=True), music, description=PIECE
    )
