"""What a blind test is made from: the output, and its songs or another output. Light: only looks them up.

Kinds
    real    in each round one excerpt of the original music and one of the output: which one is real?
    abx     excerpts of two outputs, A and B, and a third one, X, from either: which of the two is X from?
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musicgen.errors import InvalidInput, NotFound, WrongState, sentence

if TYPE_CHECKING:
    from musicgen.runs.api import Output

REAL, ABX = "real", "abx"
KINDS = (REAL, ABX)
MIN_ROUNDS, MAX_ROUNDS, USUAL_ROUNDS = 10, 25, 16
MIN_SECONDS, MAX_SECONDS, USUAL_SECONDS = 1.0, 30.0, 8.0


@dataclass(frozen=True)
class BlindOrder:
    """A test to be made.

    Attributes:
        other_id: for `real` one song, or "" for all songs that the run learned from; for `abx` the other output.
        n_rounds: fixed beforehand, so that nobody stops where it looks best. seconds: length of each excerpt.
    """

    output_id: str
    kind: str = REAL
    other_id: str = ""
    n_rounds: int = USUAL_ROUNDS
    seconds: float = USUAL_SECONDS

    def check(self) -> None:
        """Raises InvalidInput for an unknown kind, or a number out of range."""
        if self.kind not in KINDS:
            raise InvalidInput(sentence(f"The kind of a blind test must be {' or '.join(KINDS)}", repr(self.kind)))
        if not MIN_ROUNDS <= self.n_rounds <= MAX_ROUNDS:
            raise InvalidInput(sentence(f"A blind test has {MIN_ROUNDS} to {MAX_ROUNDS} rounds", self.n_rounds))
        if not MIN_SECONDS <= self.seconds <= MAX_SECONDS:
            rule = f"An excerpt has {MIN_SECONDS:g} to {MAX_SECONDS:g} seconds"
            raise InvalidInput(sentence(rule, f"{self.seconds:g}"))


@dataclass(frozen=True)
class Material:
    """The pieces of a test as JSON for the child.

    Each has id, name, folder, tracks, skipped_seconds, skipped_onsets, place (the song that it belongs to, and where)
    and is_led (whether it was predicted from that song all along).

    Attributes:
        ours: the output. theirs: songs, or the other output.
    """

    medium: str
    ours: dict[str, Any]
    theirs: list[dict[str, Any]]


def find_material(order: BlindOrder) -> Material:
    """Look up everything. Raises NotFound, InvalidInput; WrongState if the output's songs are gone."""
    from musicgen.runs.api import get_output

    order.check()
    output = get_output(order.output_id)
    if order.kind == ABX:
        theirs = [_piece_of_output(_other_output(output, order.other_id))]
    else:
        theirs = [_piece_of_song(song) for song in _songs(output, order.other_id)]
    return Material(output.medium, _piece_of_output(output), theirs)


def outputs_to_compare(output: Output, others: Sequence[Output]) -> list[Output]:
    """Those of `others` that an ABX with this output can be made with: the same medium, and a song in common."""
    ours = _song_ids(output.sidecar)
    return [
        each
        for each in others
        if each.id != output.id and each.medium == output.medium and ours & _song_ids(each.sidecar)
    ]


def _other_output(output: Output, other_id: str) -> Output:
    from musicgen.runs.api import get_output

    if not other_id:
        raise InvalidInput(sentence("An ABX test needs two outputs", "one", "Name the other one."))
    other = get_output(other_id)
    if other.id == output.id or not outputs_to_compare(output, [other]):
        rule = "The two outputs of an ABX test must be different ones, of the same medium, made from a song in common"
        raise InvalidInput(sentence(rule, f"{output.id} and {other.id}"), code="no_common_song")
    return other


def _song_ids(sidecar: Mapping[str, Any]) -> set[str]:
    named = [(sidecar.get("reference") or {}).get("song_id"), (sidecar.get("prompt") or {}).get("id")]
    return {str(each) for each in (*named, *(song["id"] for song in sidecar.get("songs") or ())) if each}


def _songs(output: Output, song_id: str) -> list[Any]:
    """The training songs of this medium that still exist, or the one that was chosen."""
    from musicgen.runs.songs_of_runs import find_songs
    from musicgen.songs.library import get_song

    learned = list(output.sidecar.get("songs") or ())
    if song_id:
        song = get_song(song_id)
        chosen = [each for each in learned if each["id"] == song_id] or [{"id": song.id, "name": song.name}]
    else:
        chosen = learned
    found = [song for song in find_songs(chosen)[0] if song.clip.medium == output.medium]
    if song_id and not found:
        raise InvalidInput(sentence(f"The original must be {output.medium} like the output", "another medium"))
    if not found:
        remedy = "Add its songs again, or choose another song."
        raise WrongState(sentence("A blind test needs the original music", "an output whose songs are gone", remedy))
    return found


def _piece_of_song(song: Any) -> dict[str, Any]:
    return {
        "id": song.id,
        "name": song.name,
        "folder": str(song.clip.folder.resolve()),
        "tracks": None if song.tracks is None else list(song.tracks),
        "skipped_seconds": 0.0,
        "skipped_onsets": 0,
        "place": {"song_id": song.id, "start": 0.0},
        "is_led": False,
    }


def _piece_of_output(output: Output) -> dict[str, Any]:
    """What a piece begins with because it was given to the network, its prompt, is not its own: it is left out."""
    from musicgen.evaluation.given import Given

    sidecar = output.sidecar
    facts, generation = sidecar.get("facts") or {}, sidecar.get("generation") or {}
    reference = sidecar.get("reference")
    if not output.folder.is_dir():
        raise NotFound(sentence("A blind test needs the sound of its output", f"{output.id}, whose files are gone"))
    return {
        "id": output.id,
        "name": output.name,
        "folder": str(output.folder.resolve()),
        "tracks": None,
        "skipped_seconds": float(facts.get("seeded_seconds") or 0.0),
        "skipped_onsets": int(facts.get("prompt_notes") or 0) if generation.get("keep_prompt") else 0,
        "place": None
        if not reference
        else {"song_id": reference["song_id"], "start": float(reference["start_seconds"])},
        "is_led": reference is not None and Given.of(sidecar).is_all_of(output.seconds),
    }
