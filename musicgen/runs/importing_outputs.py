"""In the child that imports a run: its outputs and blind tests. Music is read by our own readers and written again;
all that is shown of it is computed anew or checked field by field."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from musicgen.audio.wav import read_wav, wav_info
from musicgen.clips import Clip, write_audio_clip, write_score_clip
from musicgen.clips.clip import SCORE
from musicgen.contract.approach import Approach
from musicgen.contract.parameters import read_parameters
from musicgen.errors import CorruptArtifact
from musicgen.runs.archive_bounds import refused
from musicgen.runs.archived import ArchivedSong
from musicgen.runs.archived_outputs import ArchivedOutput, ArchivedTest
from musicgen.runs.folders import SIDECAR, output_folder
from musicgen.songs.names import display_name
from musicgen.storage import database
from musicgen.storage.database import new_id
from musicgen.storage.files import publishing, write_json

BLOCK_FRAMES = 1 << 16
RATES, MAX_CHANNELS = (1_000, 384_000), 32

SongsHere = Callable[[list[ArchivedSong]], list[dict[str, Any]]]


@dataclass
class BroughtOutputs:
    """Outputs that are published, and the rows that will record them. `songs_here`: songs in the archive → this
    library's, by their content."""

    run_id: str
    approach: Approach
    training: dict[str, Any]
    songs_here: SongsHere
    rows: list[dict[str, Any]] = field(default_factory=list)
    tests: list[tuple[str, ArchivedTest]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)  # of outputs and songs: in the archive → here

    def add(self, found: ArchivedOutput, music: Path) -> None:
        """Publish one output. Raises RejectedFile if its music cannot be read."""
        output_id, task_id = new_id("output"), new_id("task")
        name = display_name(found.name)
        with publishing(output_folder(output_id)) as folder:
            clip = written_anew(music, folder)
            if clip.medium != found.medium:
                raise refused("An output in an archive has the music that it names", f"a clip of {clip.medium}")
            facts, created_at = clip.facts, database.now()
            sidecar = self._sidecar(found) | {
                "id": output_id, "name": name, "content_sha256": facts["sha256"], "created_at": created_at,
            }  # fmt: skip
            write_json(folder / SIDECAR, sidecar)
        self.ids[found.id] = output_id
        self.tests += [(output_id, test) for test in found.tests]
        self.rows.append(
            {
                "id": output_id, "run_id": self.run_id, "task_id": task_id, "name": name, "medium": found.medium,
                "seconds": float(facts["seconds"]), "sidecar": sidecar, "created_at": created_at,
            }
        )  # fmt: skip

    def _sidecar(self, found: ArchivedOutput) -> dict[str, Any]:
        """As a worker writes it, with the ids that songs have here."""
        archived = found.sidecar
        generation = read_parameters(self.approach.Generation, archived.generation)
        songs = self._here(archived.songs)
        document = archived.model_dump(mode="json", exclude_unset=True) | {
            "run": {"id": self.run_id, "approach": self.approach.key},
            "training": self.training,
            "songs": songs,
            "generation": generation.model_dump(mode="json"),
            "prompt": self._here([archived.prompt])[0] if archived.prompt else None,
            "reference": None,
        }
        if archived.reference is not None:
            reference = archived.reference.model_dump(mode="json")
            document["reference"] = reference | {"song_id": self._id(archived.reference.song_id)}
        for passage in (document.get("originality") or {}).get("passages") or ():
            passage["song_id"] = self._id(passage["song_id"])
        return document

    def _here(self, songs: Sequence[ArchivedSong]) -> list[dict[str, Any]]:
        here = self.songs_here(list(songs))
        self.ids |= {song.id: known["id"] for song, known in zip(songs, here, strict=True)}
        return here

    def _id(self, archived: str) -> str:
        return self.ids.get(archived, archived)

    def record(self, connection: sa.Connection) -> None:
        """The rows of all outputs and tests, in the caller's transaction."""
        for row in self.rows:  # one by one: each gets the next number
            connection.execute(sa.insert(database.outputs).values(**row))
        for output_id, test in self.tests:
            connection.execute(sa.insert(database.blind_tests).values(**self._test(output_id, test)))

    def _test(self, output_id: str, test: ArchivedTest) -> dict[str, Any]:
        rounds = [each.model_dump(mode="json") for each in test.rounds]
        for side in (side for each in rounds for side in each["sides"].values()):
            side["id"] = self._id(side["id"])
        return {
            "id": new_id("test"), "kind": test.kind, "output_id": output_id, "other_id": self._id(test.other_id),
            "state": "finished", "n_rounds": len(rounds), "sealed": {"rounds": rounds},
            "answers": {"given": list(test.answers)}, "facts": test.facts.model_dump(mode="json"),
            "created_at": test.created_at, "finished_at": test.finished_at,
        }  # fmt: skip

    @contextmanager
    def removed_after_a_fault(self) -> Iterator[None]:
        """All or nothing: if the block fails, no file of these outputs stays."""
        try:
            yield
        except BaseException:
            for row in self.rows:
                shutil.rmtree(output_folder(row["id"]), ignore_errors=True)
            raise


def check_tests(found: ArchivedOutput) -> None:
    """Raises RejectedFile for a blind test with other positions, or another number of answers, than rounds."""
    for test in found.tests:
        places = {"a", "b", "x"} if test.kind == "abx" else {"a", "b"}
        fits = all(set(each.sides) == places and each.right in "ab" for each in test.rounds)
        if len(test.answers) != len(test.rounds) or not fits:
            raise refused("A blind test in an archive has one answer to each round", "another one")


def written_anew(music: Path, folder: Path) -> Clip:
    """A clip made anew from an untrusted file that should be one of ours."""
    if music.name == SCORE:
        from musicgen.symbolic.midi import read_midi

        return write_score_clip(folder, read_midi(music))
    try:
        info = wav_info(music)
    except CorruptArtifact as error:
        raise refused("The sound of an output is a 16-bit WAV file", "another kind of file") from error
    if not RATES[0] <= info.sample_rate <= RATES[1] or not 1 <= info.n_channels <= MAX_CHANNELS or not info.n_samples:
        raise refused(
            "The sound of an output is a 16-bit WAV file", f"{info.n_channels} channels, {info.sample_rate} Hz"
        )
    return write_audio_clip(folder, _blocks(music, info.n_samples), info.sample_rate)


def _blocks(music: Path, n_samples: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, n_samples, BLOCK_FRAMES):
        yield read_wav(music, start, start + BLOCK_FRAMES).samples
