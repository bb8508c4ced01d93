"""Trains the onset judge (musicgen/hearing/onsets.py) on scores that it renders, in about half an hour.

    python -m scripts.onset_judge [--folder FOLDER]

Most are public-domain scores of the music21 corpus, each played in several ways, another part each time; some are
random music. Instruments, keys and tempos are drawn, and both synthesisers play. All versions of every ninth score are
held out. FOLDER keeps what was heard. The movements of tests/unit/test_hearing_measured.py are not among the scores.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import chain
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from musicgen.audio.wav import read_wav
from musicgen.errors import NotFound
from musicgen.hearing.network import LOWEST_PITCH, Posteriors, hear_windows
from musicgen.hearing.onsets import JUDGE, find_moments, looks
from musicgen.hearing.windows import FRAME_SECONDS, SAMPLE_RATE, count_frames, mono, windows
from musicgen.symbolic import rendering
from musicgen.symbolic.corpus import corpus_score
from musicgen.symbolic.score import NOTE_DTYPE, Score, TempoChange, Track, make_notes, opening

PROGRAMS = {
    "piano": (0, 1, 2, 4, 6, 11),
    "grand": (0,),
    "plucked": (24, 25, 27, 46, 12, 13),
    "strings": (40, 41, 42, 43),
    "quartet": (40, 42, 41, 40),
    "ensemble": (48, 49, 52, 19, 16, 21),
    "wind": (73, 71, 68, 70, 66, 56, 60, 57),
}
QUARTETS = {
    "mozart/k156/movement1": 150, "mozart/k156/movement2": 66, "mozart/k156/movement3": 130,
    "mozart/k156/movement4": 140, "mozart/k80/movement1": 72, "mozart/k80/movement2": 140,
    "mozart/k80/movement3": 140, "mozart/k80/movement4": 150, "mozart/k155/movement2": 72,
    "mozart/k155/movement3": 140, "mozart/k458/movement2": 130, "mozart/k458/movement3": 60,
    "mozart/k458/movement4": 160, "haydn/opus1no1/movement2": 120, "haydn/opus1no1/movement3": 60,
    "haydn/opus1no1/movement4": 130, "haydn/opus1no1/movement5": 150, "haydn/opus74no1/movement2": 80,
    "haydn/opus74no1/movement3": 150, "haydn/opus74no1/movement4": 150, "beethoven/opus18no1/movement2": 80,
    "beethoven/opus18no1/movement3": 180, "beethoven/opus18no1/movement4": 126, "beethoven/opus18no3": 140,
    "beethoven/opus18no4": 150, "beethoven/opus18no5": 140, "beethoven/opus59no1/movement1": 140,
    "beethoven/opus59no1/movement2": 160, "beethoven/opus59no1/movement4": 126,
    "beethoven/opus59no2/movement1": 140, "beethoven/opus59no2/movement3": 150,
    "beethoven/opus59no2/movement4": 150, "beethoven/opus59no3/movement2": 110,
    "beethoven/opus59no3/movement4": 150, "beethoven/opus74": 120, "beethoven/opus133": 130,
    "schumann_robert/opus41no1/movement1": 120, "schumann_robert/opus41no1/movement2": 130,
    "schumann_robert/opus41no1/movement3": 76, "schumann_robert/opus41no1/movement4": 150,
}  # fmt: skip
PIANO = {f"schumann_clara/polonaise_op1n{number}": 104 for number in (2, 3, 4)}
CHORALES = (
    253, 254, 258, 260, 265, 270, 276, 281, 285, 293, 299, 307, 313, 320, 328, 336, 344, 350, 355, 361, 367, 380, 400,
    410,
)  # fmt: skip
NUM_RANDOM, SECONDS, NEAR_FRAMES = 24, 45.0, 9
HELD_OUT, UNITS, EPOCHS, BATCH, LEARNING_RATE, DROPOUT = 9, (256, 64), 16, 1024, 2e-3, 0.15
SHIFT_WEIGHT = 0.3

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Piece:
    """A score with the instruments that play it. `number` seeds what is chosen by chance; `work`: of the score."""

    number: int
    work: int
    score: Score
    kind: str
    has_drums: bool = False
    is_plain: bool = False  # by the synthesiser that comes with pip


def pieces() -> Iterator[Piece]:
    """All pieces: quartets and piano music in four versions, chorales and random music in one."""
    others = ("piano", "wind", "ensemble", "strings", "plucked")
    for work, (name, tempo) in enumerate(
        chain(QUARTETS.items(), PIANO.items(), ((f"bach/bwv{each}", 92) for each in CHORALES))
    ):
        tracks = (Track(),) * (2 if name in PIANO else 4)
        try:
            score = corpus_score(name, tracks=tracks, tempo=float(tempo))
        except NotFound as error:
            print(error)
            continue
        other = others[work % len(others)]
        kinds: tuple[str, ...] = (tuple(PROGRAMS)[work % len(PROGRAMS)],)
        if name in PIANO:
            kinds = ("grand", "piano", "grand", other)
        elif name in QUARTETS:
            kinds = ("quartet", "grand", "quartet", other)
        for version, kind in enumerate(kinds):
            number = 10 * work + version
            is_other = version == len(kinds) - 1 > 0
            yield Piece(
                number, work, part_of(score, version), kind, is_other and work % 3 == 0, is_other and work % 2 == 0
            )
    for seed in range(NUM_RANDOM):
        kind = tuple(PROGRAMS)[seed % len(PROGRAMS)]
        yield Piece(9_000 + seed, 900 + seed, random_score(seed), kind, seed % 3 == 0, seed % 5 == 0)


def part_of(score: Score, number: int) -> Score:
    """Part `number` of a score, or its opening if it is too short for that. Parts begin 1.2 times SECONDS apart, since
    they may be played faster."""
    start = 1.2 * SECONDS * number
    if score.seconds < start + SECONDS:
        return score
    notes = score.notes[score.onset >= start].copy()
    notes["onset_ticks"] -= notes["onset_ticks"].min()
    return replace(score, notes=notes)


def random_score(seed: int) -> Score:
    """One to four voices of steps, leaps, chords and repeated notes in a major key."""
    rng = np.random.default_rng(seed)
    rows, root = [], int(rng.integers(0, 12))
    num_tracks = int(rng.integers(1, 5))
    for track in range(num_tracks):
        base, step, degree, tick = int(rng.integers(36, 72)), int(rng.choice([120, 160, 240, 480])), 0, 0
        while tick < 480 * 90:
            duration = int(step * rng.choice([1, 1, 1, 2, 2, 3, 4]))
            degree = degree if rng.random() < 0.2 else int(np.clip(degree + rng.integers(-3, 4), -9, 14))
            for each in range(0 if rng.random() < 0.12 else 1 if rng.random() < 0.75 else int(rng.integers(2, 4))):
                octave, place = divmod(degree + 2 * each, 7)
                pitch = int(np.clip(base + root + 12 * octave + (0, 2, 4, 5, 7, 9, 11)[place], 24, 100))
                length = max(int(duration * rng.choice([0.5, 0.9, 1, 1])), 40)
                rows.append((tick, length, pitch, int(rng.integers(35, 120)), track))
            tick += duration
    tempo = TempoChange(0, float(rng.uniform(70, 150)))
    return Score(np.array(list(dict.fromkeys(rows)), NOTE_DTYPE), 480, (Track(),) * num_tracks, (tempo,))


def played(piece: Piece) -> Score:
    """In another key and tempo, with other loudness and its instruments."""
    rng = np.random.default_rng(1000 + piece.number)
    notes = piece.score.notes.copy()
    notes["pitch"] = np.clip(notes["pitch"].astype(int) + rng.integers(-4, 5), 22, 107)
    notes["velocity"] = np.clip(notes["velocity"] + rng.integers(-15, 16, notes.size), 25, 125)
    programs, size = PROGRAMS[piece.kind], len(piece.score.tracks)
    chosen = programs[:size] if piece.kind == "quartet" else rng.choice(programs, size)
    tempo = piece.score.tempos[0].tempo * float(rng.uniform(0.85, 1.15))
    tracks = tuple(Track(program=int(each)) for each in chosen)
    score = replace(piece.score, notes=notes, tracks=tracks, tempos=(TempoChange(0, tempo),))
    return opening(score, SECONDS * tempo / 60)


def with_drums(score: Score) -> Score:
    beat = 480 * np.arange(int(score.seconds * score.tempos[0].tempo / 60))
    onset = np.concatenate([beat, beat + 240])
    pitch = np.concatenate([np.where(beat // 480 % 2, 38, 36), np.full(beat.size, 42)])
    drums = make_notes(onset, 100, pitch, 90, len(score.tracks))
    return replace(score, notes=np.concatenate([score.notes, drums]), tracks=(*score.tracks, Track("", 0, True)))


def posteriors_of(piece: Piece, score: Score, folder: Path) -> Posteriors:
    """What is heard in the rendered piece; kept in the folder."""
    stamp = hashlib.sha256(score.notes.tobytes() + repr((score.tracks, score.tempos)).encode()).hexdigest()[:12]
    path, names = folder / f"{piece.number}-{stamp}.npz", [each.name for each in fields(Posteriors)]
    if not path.is_file():
        wav = folder / "sound.wav"
        with patch.object(
            rendering, "fluidsynth_program", (lambda: None) if piece.is_plain else rendering.fluidsynth_program
        ):
            rendering.render_score(with_drums(score) if piece.has_drums else score, wav)
        sound = read_wav(wav)
        n_frames = count_frames(round(sound.n_samples * SAMPLE_RATE / sound.sample_rate))
        heard = hear_windows(windows(mono([sound.samples], sound.sample_rate)), n_frames, lambda _done: None)
        np.savez(path, **{name: getattr(heard, name) for name in names})
    with np.load(path, allow_pickle=False) as stored:
        return Posteriors(*(stored[name] for name in names))


def examples(posteriors: Posteriors, score: Score) -> tuple[Floats, Floats]:
    """What the judge sees of each moment, and (1 if it is the onset of a note, frames to that onset).

    Each onset belongs to the nearest moment of its pitch, if that is near enough."""
    moments = find_moments(posteriors)
    targets = np.zeros((moments.frame.size, 2), np.float32)
    for pitch in np.unique(score.notes["pitch"]).tolist():
        own = np.flatnonzero(moments.pitch == pitch - LOWEST_PITCH)
        onset = np.unique(np.round(score.onset[score.notes["pitch"] == pitch], 3)) / FRAME_SECONDS
        away = onset[np.newaxis, :] - moments.frame[own][:, np.newaxis]
        free = np.abs(away)
        while free.size and free.min() <= NEAR_FRAMES:
            moment, note = np.unravel_index(int(free.argmin()), free.shape)
            targets[own[moment]] = 1.0, away[moment, note]
            free[moment, :] = free[:, note] = np.inf
    return looks(posteriors, moments), targets


def train(seen: NDArray[np.float16], targets: Floats, is_held_out: NDArray[np.bool_]) -> None:
    """Trains the judge, prints how far it can be trusted, and stores it."""
    import keras
    from keras import ops

    def loss(truth: object, answer: object) -> object:
        is_onset, logit = truth[:, 0], answer[:, 0]  # type: ignore[index]
        away = ops.abs(answer[:, 1] - truth[:, 1])  # type: ignore[index]
        huber = ops.where(away < 1.0, 0.5 * away * away, away - 0.5)
        certain = ops.maximum(logit, 0.0) - logit * is_onset + ops.log1p(ops.exp(-ops.abs(logit)))
        return ops.mean(certain) + SHIFT_WEIGHT * ops.mean(is_onset * huber)

    keras.utils.set_random_seed(1)
    hidden = inputs = keras.Input((seen.shape[1],), dtype="float16")
    for units in UNITS:
        hidden = keras.layers.Dense(units, activation="relu")(keras.layers.Dropout(DROPOUT)(hidden))
    judge = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Dropout(DROPOUT)(hidden)))
    held_out, learned = (seen[is_held_out], targets[is_held_out]), (seen[~is_held_out], targets[~is_held_out])
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, EPOCHS * (len(learned[0]) // BATCH))
    judge.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), loss, jit_compile=False)
    judge.fit(*learned, batch_size=BATCH, epochs=EPOCHS, verbose=2, validation_data=held_out)
    probability = 1.0 / (1.0 + np.exp(-judge.predict(held_out[0], batch_size=8 * BATCH, verbose=0)[:, 0]))
    for least in np.arange(0.0, 1.0, 0.1):
        chosen = (probability >= least) & (probability < least + 0.1)
        print(
            f"said {least:.1f} to {least + 0.1:.1f}: {chosen.sum()} moments, right {held_out[1][chosen, 0].mean():.3f}"
        )
    weights = [weight.numpy().astype(np.float16) for weight in judge.weights]
    names = (f"{name}_{number}" for number in range(len(UNITS) + 1) for name in ("kernel", "bias"))
    np.savez(JUDGE, **dict(zip(names, weights, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir(), "onset_judge"))
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    seen, targets, is_held_out = [], [], []
    for piece in pieces():
        score = played(piece)
        looked, wanted = examples(posteriors_of(piece, score, folder), score)
        seen.append(looked.astype(np.float16))
        targets.append(wanted)
        is_held_out.append(np.full(len(wanted), piece.work % HELD_OUT == HELD_OUT // 2))
        print(f"{piece.number} {piece.kind}: {len(wanted)} moments, {int(wanted[:, 0].sum())} onsets", flush=True)
    train(np.concatenate(seen), np.concatenate(targets), np.concatenate(is_held_out))


if __name__ == "__main__":
    main()
