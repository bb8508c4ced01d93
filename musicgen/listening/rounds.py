"""Child: makes the sounds of a blind test. `python -m musicgen.listening.rounds`

Chooses the excerpts, levels them, and writes 01-a.wav, 01-b.wav (and 01-x.wav) … into a folder. Which file is which is
decided by a seed from the operating system that is kept nowhere; the answer goes to the parent process only.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from musicgen.audio.waveform import Waveform
from musicgen.errors import InvalidInput, sentence
from musicgen.listening.excerpts import Choice, Choices, Ground, choose_excerpts, pair_up
from musicgen.listening.finishing import anonymous_wav, equally_loud, faded
from musicgen.listening.material import ABX
from musicgen.listening.music import Document, Music, NoteMusic, SoundMusic, Taken
from musicgen.processes import child_main, send_line
from musicgen.storage.files import write_bytes

SONGS_AT_FIRST = 2  # times the number of rounds: as many songs, chosen at random, are opened before all others
MAX_SONGS = 400
MIN_JOINT = 1.0  # excerpts that must fit where two outputs belong to the same part of a song


@dataclass(frozen=True)
class Round:
    """`sides`: position (a, b, x) → excerpt. `right`: the position that is the right answer."""

    sides: dict[str, Taken]
    right: str


@dataclass(frozen=True)
class Plan:
    """`shared`: whose excerpts overlap because there is too little music (output, songs)."""

    music: Music
    pieces: list[Document]
    rounds: list[Round]
    shared: list[str]


def make_rounds(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: kind, n_rounds, seconds, folder, medium, ours, theirs (see material).

    Returns {rounds (see `describe`), levelled, shared, loudness_lufs}.
    Raises InvalidInput if the pieces are too short or silent."""
    rng = np.random.default_rng(secrets.randbits(128))
    _tell("Looking through the music")
    plan = plan_rounds(payload, rng)
    _tell("Making the excerpts")
    sounds, loudness = sounds_of(plan)
    _write(Path(payload["folder"]), plan.rounds, sounds, rng)
    return {
        "rounds": describe(plan),
        "levelled": plan.music.levelled(),
        "shared": plan.shared,
        "loudness_lufs": round(loudness, 1),
    }


def plan_rounds(payload: dict[str, Any], rng: np.random.Generator) -> Plan:
    """Choose the excerpts of all rounds, and on which side each is. Renders nothing."""
    return _abx_plan(payload, rng) if payload["kind"] == ABX else _real_plan(payload, rng)


def sounds_of(plan: Plan) -> tuple[list[Waveform], float]:
    """The excerpts of all rounds in order, equally loud, and how loud they are in LUFS."""
    taken = [each for one in plan.rounds for each in one.sides.values()]
    return equally_loud([faded(sound) for sound in plan.music.sounds(taken)])


def describe(plan: Plan) -> list[dict[str, Any]]:
    """Which was which, as JSON: {right, sides: {a: {id, name, start_seconds, stop_seconds}, …}} for each round."""
    return [
        {"right": one.right, "sides": {place: _described(plan, each) for place, each in one.sides.items()}}
        for one in plan.rounds
    ]


def _tell(phase: str, done: int = 0, total: int = 0) -> None:
    send_line({"phase": phase, "done": done, "total": total})


def _real_plan(payload: dict[str, Any], rng: np.random.Generator) -> Plan:
    """One excerpt of the output and one of a song in each round."""
    n_rounds, theirs = payload["n_rounds"], payload["theirs"]
    order = [theirs[index] for index in rng.permutation(len(theirs))]
    for n_songs in dict.fromkeys((min(SONGS_AT_FIRST * n_rounds, len(order)), min(MAX_SONGS, len(order)))):
        pieces = [payload["ours"], *order[:n_songs]]
        music = _open(payload, pieces)
        songs = choose_excerpts(music.grounds[1:], n_rounds, rng)
        if songs is not None and not songs.shared:
            break
    ours = _or_refuse(choose_excerpts(music.grounds[:1], n_rounds, rng), music.grounds[:1], payload, "output")
    songs = _or_refuse(songs, music.grounds[1:], payload, "original")
    originals = [_taken(music, Choice(each.number + 1, each.start)) for each in songs.excerpts]
    pairs = _paired(music, pieces, originals, [_taken(music, each) for each in ours.excerpts], rng)
    shared = [name for name, choices in (("output", ours), ("original", songs)) if choices.shared]
    return Plan(music, pieces, [_real_round(*pair, rng) for pair in pairs], shared)


def _real_round(original: Taken, generated: Taken, rng: np.random.Generator) -> Round:
    """The generated side has the tempo of the original."""
    generated = replace(generated, tempo=original.tempo)
    if rng.integers(2):
        return Round({"a": original, "b": generated}, "a")
    return Round({"a": generated, "b": original}, "b")


def _abx_plan(payload: dict[str, Any], rng: np.random.Generator) -> Plan:
    """A is from the output, B from the other one, X from either."""
    pieces = [payload["ours"], *payload["theirs"]]
    music = _open(payload, pieces)
    right = ["ab"[coin] for coin in rng.integers(2, size=payload["n_rounds"])]
    if (joint := _joint_ground(music, pieces)) is not None:
        return _same_moments(payload, music, pieces, joint, right, rng)
    each_side = []
    for number, name in enumerate("ab"):
        ground = music.grounds[number : number + 1]
        found = choose_excerpts(ground, payload["n_rounds"] + right.count(name), rng)
        chosen = _or_refuse(found, ground, payload, "output")
        each_side.append((chosen.shared, [Taken(number, each.start, music.tempo(1)) for each in chosen.excerpts]))
    (shared_a, of_a), (shared_b, of_b) = each_side
    rounds = []
    for name in right:
        sides = {"a": of_a.pop(), "b": of_b.pop()}
        rounds.append(Round({**sides, "x": (of_a if name == "a" else of_b).pop()}, name))
    return Plan(music, pieces, rounds, ["output"] if shared_a or shared_b else [])


def _joint_ground(music: Music, pieces: Sequence[Document]) -> tuple[Ground, float] | None:
    """Where two recordings that were predicted all along from one song have the same moments, and by how many seconds
    the second one is shifted; None if they are pieces of their own."""
    places = [each["place"] for each in pieces]
    if not all(each["is_led"] for each in pieces) or places[0]["song_id"] != places[1]["song_id"]:
        return None
    shift = places[0]["start"] - places[1]["start"]
    one, other = music.grounds
    ground = replace(one, first=max(one.first, other.first - shift), last=min(one.last, other.last - shift))
    return (ground, shift) if ground.room >= MIN_JOINT * ground.length else None


def _same_moments(
    payload: dict[str, Any],
    music: Music,
    pieces: list[Document],
    joint: tuple[Ground, float],
    right: Sequence[str],
    rng: np.random.Generator,
) -> Plan:
    """A, B and X are the same moment of the song; X is A or B once more."""
    ground, shift = joint
    chosen = _or_refuse(choose_excerpts([ground], len(right), rng), [ground], payload, "output")
    rounds = []
    for name, each in zip(right, chosen.excerpts, strict=True):
        sides = {"a": Taken(0, each.start), "b": Taken(1, each.start + shift)}
        rounds.append(Round({**sides, "x": sides[name]}, name))
    return Plan(music, pieces, rounds, ["output"] if chosen.shared else [])


def _open(payload: dict[str, Any], pieces: Sequence[Document]) -> Music:
    if payload["medium"] == "midi":
        return NoteMusic(pieces, payload["seconds"], Path(payload["folder"]))
    return SoundMusic(pieces, payload["seconds"])


def _taken(music: Music, choice: Choice) -> Taken:
    return Taken(choice.number, choice.start, music.tempo(choice.number))


def _or_refuse(choices: Choices | None, grounds: Sequence[Ground], payload: dict[str, Any], whose: str) -> Choices:
    if choices is not None:
        return choices
    share = max((ground.room / ground.length for ground in grounds), default=0.0)
    longest = max(share, 0.0) * payload["seconds"]
    rule = f"An excerpt must fit into the audible part of the {whose}, without its beginning, prompt and end"
    received = f"{payload['seconds']:g} s, where there are {longest:.1f} s"
    raise InvalidInput(sentence(rule, received, "Choose shorter excerpts or a longer piece."), code="too_short")


def _paired(
    music: Music,
    pieces: Sequence[Document],
    originals: Sequence[Taken],
    generated: Sequence[Taken],
    rng: np.random.Generator,
) -> list[tuple[Taken, Taken]]:
    place = pieces[0]["place"]

    def is_same_moment(one: Taken, other: Taken) -> bool:
        if place is None or pieces[one.number]["id"] != place["song_id"]:
            return False
        start, stop = music.seconds_at(one)
        theirs = music.seconds_at(replace(other, tempo=one.tempo))
        return theirs[0] + place["start"] < stop and start < theirs[1] + place["start"]

    return pair_up(originals, generated, is_same_moment, rng)


def _write(folder: Path, rounds: Sequence[Round], sounds: Sequence[Waveform], rng: np.random.Generator) -> None:
    names = [file_name(number, place) for number, one in enumerate(rounds, 1) for place in one.sides]
    for done, (name, sound) in enumerate(zip(names, sounds, strict=True)):
        _tell("Writing the excerpts", done, len(names))
        write_bytes(folder / name, anonymous_wav(sound, rng), survives_power_cut=False)  # synced by `publishing`


def file_name(number: int, place: str) -> str:
    """The file of a round (from 1) and a position: a, b or x."""
    return f"{number:02d}-{place}.wav"


def _described(plan: Plan, taken: Taken) -> dict[str, Any]:
    piece = plan.pieces[taken.number]
    start, stop = plan.music.seconds_at(taken)
    return {
        "id": piece["id"],
        "name": piece["name"],
        "start_seconds": round(start, 3),
        "stop_seconds": round(stop, 3),
    }


if __name__ == "__main__":
    child_main(make_rounds)
