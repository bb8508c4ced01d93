"""Jazz melodies over the chords of a song: the network gives words, the words become notes; all seeds in one batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.jazz_lstm.codec import Form, JazzCodec
from musicgen.approaches.jazz_lstm.copies import copied_share, longest_run
from musicgen.approaches.jazz_lstm.parameters import Generation
from musicgen.approaches.jazz_lstm.phrases import (
    ANY,
    LOWEST,
    LOWEST_FIRST,
    Fitting,
    MelodyPlayer,
    as_chord_tones,
    pruned,
)
from musicgen.approaches.jazz_lstm.score import MELODY, NO_TRACK, jazz_score
from musicgen.approaches.jazz_lstm.sizes import JazzSizes
from musicgen.approaches.jazz_lstm.stepper import FreeStepper, MeasureStepper, allowed_words
from musicgen.approaches.jazz_lstm.tokens import Token
from musicgen.approaches.jazz_lstm.tone_weights import ToneWeights
from musicgen.contract.made import Made, Order, Reference
from musicgen.contract.monitor import Monitor
from musicgen.sampling.pace import Pace
from musicgen.sampling.rules import Rules, uniforms
from musicgen.sampling.token_sampler import sample
from musicgen.symbolic.gathering import STEPS, Event
from musicgen.symbolic.score import Score

MAX_COPIED_SHARE, MAX_REPEATS = 0.35, 5  # beyond these, it tries again
FIRST_WORD = Token("C", 3)  # the authors put it before the words of each chord set
Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Improvisation:
    """One piece to make."""

    seed: int
    form: Form
    sets: tuple[int, ...]


def jazz_pieces(
    model: Any,
    codec: JazzCodec,
    sizes: JazzSizes,
    forms: Sequence[Form],
    order: Order[Generation],
) -> Iterator[Made]:
    """One piece for each seed, over one of the forms."""
    generation = order.generation
    pieces = [_improvisation(seed, forms, generation) for seed in order.seeds]
    make = _overlapping if generation.measures == "overlapping" else _fitted
    yield from make(model, codec, sizes, generation, pieces, order.monitor)


def _improvisation(seed: int, forms: Sequence[Form], generation: Generation) -> Improvisation:
    """The chords to play over: those of one form, in order, repeated as requested."""
    enough = min(16, max(form.n_measures for form in forms))
    usable = [form for form in forms if form.n_measures >= enough]
    form = usable[int(np.random.default_rng([seed, 8]).integers(len(usable)))]
    if generation.measures == "overlapping":
        last = (form.n_measures + 1) // 3  # the authors' loop ran over a third of the sets, without the first
        return Improvisation(seed, form, tuple(range(max(1, last - 1))))
    length = generation.num_measures or form.n_measures * generation.choruses
    return Improvisation(seed, form, tuple(number % form.n_measures for number in range(length)))


def _fitted(
    model: Any,
    codec: JazzCodec,
    sizes: JazzSizes,
    generation: Generation,
    pieces: Sequence[Improvisation],
    monitor: Monitor,
) -> Iterator[Made]:
    """One measure of melody over each chord set; the LSTM state continues from measure to measure."""
    tokens = codec.tokens
    onsets = codec.onsets if codec.exact else range(STEPS)
    stepper = MeasureStepper(model, sizes, tokens, linked=codec.phrasing.linked, onsets=onsets)
    tries = 1 if generation.greedy else generation.max_tries
    rows = [piece for piece in pieces for _ in range(tries)]
    n_words = max(len(piece.sets) * (piece.form.measure // stepper.shortest + 1) for piece in pieces)
    noise = uniforms([piece.seed for piece in pieces], tries, n_words, 1).reshape(len(rows), n_words, 1)
    allowed = allowed_words(tokens, rests_first=not generation.begin_with_note)

    def melody(ids: Ids, number: int, attempt: int = 0) -> list[Event]:
        words = [tokens[i] for i in ids[number * tries + attempt]]
        return _fitted_melody(pieces[number], words, stepper, codec, generation, attempt)

    def so_far(ids: Ids) -> None:
        monitor.so_far(lambda: _beginning(pieces[0], melody(ids, 0), generation), ids.shape[1], n_words)

    ids, speed = _sampled(stepper, rows, allowed, noise, generation, monitor, len(pieces), so_far)
    for number, piece in enumerate(pieces):
        monitor.progress("generating", len(rows) * n_words, len(rows) * n_words)
        candidates = [melody(ids, number, attempt) for attempt in range(tries)]
        chosen = _best(candidates, codec)
        yield _made(piece, candidates[chosen], generation, {**speed, "tries": chosen + 1})


def _fitted_melody(
    piece: Improvisation,
    tokens: Sequence[Token],
    stepper: MeasureStepper,
    codec: JazzCodec,
    generation: Generation,
    attempt: int,
) -> list[Event]:
    """As many measures as the words fill."""
    player = _player(piece, codec, generation, attempt)
    melody: list[Event] = []
    left = iter(tokens)
    for place, number in enumerate(piece.sets):
        words, filled = [], 0
        while filled + stepper.shortest <= piece.form.measure:
            word = next(left, None)
            if word is None:
                return melody
            words.append(word)
            filled += word.length
        notes = player.measure(
            as_chord_tones(words) if generation.chord_tones_only else words,
            _harmony(piece, codec)[number],
            piece.form.measure,
            begins=not codec.phrasing.linked,
        )
        notes = pruned(notes) if generation.drop_repeats else notes
        melody += [_moved(note, place * piece.form.measure) for note in notes]
    return melody


def _overlapping(
    model: Any,
    codec: JazzCodec,
    sizes: JazzSizes,
    generation: Generation,
    pieces: Sequence[Improvisation],
    monitor: Monitor,
) -> Iterator[Made]:
    """The authors' way: for each chord set a new phrase of any length, from an empty LSTM state."""
    tokens = codec.tokens
    stepper = FreeStepper(model, sizes, tokens, linked=codec.phrasing.linked)
    rows = [piece for piece in pieces for _ in piece.sets]
    noise = np.concatenate([
        uniforms([piece.seed], len(piece.sets), generation.steps_per_set, 1)[0] for piece in pieces
    ])  # fmt: skip

    def melody(piece: Improvisation, ids: Ids) -> list[Event]:
        player, made = _player(piece, codec, generation, 0), []
        for place, number in enumerate(piece.sets):
            words = [FIRST_WORD, *(tokens[i] for i in ids[place])]
            words = as_chord_tones(words) if generation.chord_tones_only else words
            notes = player.measure(words, _harmony(piece, codec)[number], None)
            notes = pruned(notes) if generation.drop_repeats else notes
            made += [_moved(note, place * piece.form.measure) for note in notes]
        return made

    def so_far(ids: Ids) -> None:
        first = pieces[0]
        monitor.so_far(lambda: _score(first, melody(first, ids), generation), ids.shape[1], generation.steps_per_set)

    allowed = allowed_words(tokens, rests_first=True)
    ids, speed = _sampled(stepper, rows, allowed, noise, generation, monitor, len(rows), so_far)
    done = 0
    for piece in pieces:
        yield _made(piece, melody(piece, ids[done:]), generation, speed)
        done += len(piece.sets)


def _sampled(
    stepper: FreeStepper,
    rows: Sequence[Improvisation],
    allowed: NDArray[np.float32],
    noise: NDArray[np.float32],
    generation: Generation,
    monitor: Monitor,
    n_kept: int,
    so_far: Callable[[Ids], None],
) -> tuple[Ids, dict[str, float]]:
    """(ids (rows, words), speed, counting only the rows that will be kept). `so_far`: called with the ids so far."""
    rules = Rules(generation.temperature, generation.top_k, generation.top_p, generation.greedy)
    total, pace = len(rows) * noise.shape[1], Pace()

    def progress(done: int) -> None:
        pace.note(done)
        monitor.progress("generating", done * len(rows), total)

    monitor.progress("generating", 0, total)
    begin = stepper.start(np.array([row.form.measure for row in rows], dtype=np.int32), allowed)
    ids = sample(stepper, begin, noise, rules, progress=progress, so_far=lambda made: so_far(made[:, :, 0]))[:, :, 0]
    return ids, {"steps": noise.shape[1], **pace.facts(n_kept)}


def _player(piece: Improvisation, codec: JazzCodec, generation: Generation, attempt: int) -> MelodyPlayer:
    form, is_free = piece.form, generation.nearness is None
    middle, weights = (form.lowest + form.highest) // 2, None
    if generation.harmony_fit and codec.intervals:
        weights = ToneWeights(codec.intervals, codec.moves, form.classes, generation.harmony_fit)
    fitting = Fitting(
        nearness=ANY if generation.nearness is None else generation.nearness,
        round_lengths=generation.round_durations,
        lowest=LOWEST if is_free else form.lowest,
        highest=127 if is_free else form.highest,
        home=LOWEST_FIRST if is_free else middle - 6,
        as_written=codec.phrasing.as_written,
        weights=weights,
    )
    return MelodyPlayer(fitting, np.random.default_rng([piece.seed, 9, attempt]))


def _harmony(piece: Improvisation, codec: JazzCodec) -> tuple[tuple[Event, ...], ...]:
    """The chords that the words are meant over: in runs of earlier versions, those that are played."""
    return (piece.form.progression if codec.intervals else ()) or piece.form.chords


def _best(candidates: Sequence[Sequence[Event]], codec: JazzCodec) -> int:
    """The first that is neither recited nor stuck; else the one with the smallest copied share."""
    known = [[row[2] for row in form.melody.notes] for form in codec.forms]
    pitches = [[note.pitches[0] for note in melody] for melody in candidates]
    copied = [copied_share(known, line) for line in pitches]
    for number, line in enumerate(pitches):
        if copied[number] <= MAX_COPIED_SHARE and longest_run(line) <= MAX_REPEATS and line:
            return number
    return int(np.argmin([share + (not line) for share, line in zip(copied, pitches, strict=True)]))


def _made(piece: Improvisation, melody: Sequence[Event], generation: Generation, facts: dict[str, Any]) -> Made:
    form, tempo, reference = piece.form, _tempo(piece, generation), None
    content = _score(piece, melody, generation)
    if form.song_id and tempo == form.tempo and content.seconds > 0:
        reference = Reference(form.song_id, form.start_seconds, form.start_seconds + content.seconds)
    # The chords, and what else accompanies, are the song's.
    facts = {
        **facts,
        "own_tracks": [MELODY if melody else NO_TRACK],
        "chords_of": form.name,
        "measures": len(piece.sets),
        "notes": len(melody),
        "tempo": tempo,
    }
    return Made(content, piece.seed, facts, reference)


def _score(piece: Improvisation, melody: Sequence[Event], generation: Generation) -> Score:
    tempo = _tempo(piece, generation)
    return jazz_score(piece.form, melody, piece.sets, tempo=tempo, with_others=generation.accompaniment)


def _beginning(piece: Improvisation, melody: Sequence[Event], generation: Generation) -> Score:
    """As many measures as the melody has reached."""
    n_measures = melody[-1].onset // piece.form.measure + 1 if melody else 0
    return _score(replace(piece, sets=piece.sets[:n_measures]), melody, generation)


def _tempo(piece: Improvisation, generation: Generation) -> float:
    return generation.tempo or piece.form.tempo


def _moved(note: Event, by: int) -> Event:
    return Event(note.onset + by, note.length, note.pitches, note.velocity)
