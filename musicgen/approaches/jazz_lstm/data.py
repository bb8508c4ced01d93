"""Songs → what a jazz network learns from: parts, words, windows, facts and floors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from musicgen.approaches.jazz_lstm.codec import Form, JazzCodec, form_of
from musicgen.approaches.jazz_lstm.parameters import Training
from musicgen.approaches.jazz_lstm.parts import Parts, pick_parts
from musicgen.approaches.jazz_lstm.tokens import KINDS, Phrasing, read_token
from musicgen.approaches.jazz_lstm.tone_weights import interval_shares, move_shares
from musicgen.approaches.jazz_lstm.windows import (
    Melody,
    Windows,
    all_windows,
    checking_windows,
    drawn_windows,
)
from musicgen.codecs.holding_out import SONGS_ENOUGH, held_out_parts
from musicgen.codecs.vocabulary import Vocabulary
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.contract.refusals import require_songs
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.floors import bigram_nats, uniform_nats, unigram_nats
from musicgen.symbolic.gathering import STEPS
from musicgen.symbolic.score import Score
from musicgen.wording import count

MIN_HELD_OUT = 16  # words: less is no use
MIN_WORDS = 8  # in a melody to learn from
HELD_OUT_MEASURES = 2  # at a time: many short phrases test more kinds of measures than one long one
MIN_PHRASES = 6  # different ones; with fewer, none is held out
MAX_ROWS = 100  # of the token table
NOTHING_HELD_OUT = "No music is held out, so the loss cannot tell learning from memorising."


def prepare_jazz(songs: Sequence[TrainingSong], training: Training, seed: int) -> Prepared:
    """Codec, windows, facts and floors of some songs. Raises InvalidInput if there is no melody over chords."""
    require_songs(songs)
    scores = [song.clip.score() for song in songs]
    found = [_played(score, song, training) for score, song in zip(scores, songs, strict=True)]
    sources = [(song, score) for song, score, parts in zip(songs, scores, found, strict=True) for _ in parts]
    picked = [parts for stretches in found for parts in stretches]
    phrasing = Phrasing(training.interval_names == "written", training.link_measures)
    words = [phrasing.measures(parts.line, parts.harmony) for parts in picked]
    vocabulary = Vocabulary(word for song in words for measure in song for word in measure)
    melodies = [_melody(parts, song, vocabulary) for parts, song in zip(picked, words, strict=True)]
    learned, checked = _windows(melodies, training, seed, len(songs))
    codec = JazzCodec(
        vocabulary,
        phrasing,
        training.exact_measures and training.rests,
        _onsets(picked),
        tuple(form_of(score, parts, song) for (song, score), parts in zip(sources, picked, strict=True)),
        interval_shares(picked),
        move_shares(picked),
    )
    floors = _floors(learned, checked, len(vocabulary))
    warnings = [warning for parts in picked for warning in parts.warnings]
    warnings += [] if checked else [NOTHING_HELD_OUT]
    facts = _facts([score for _, score in sources], picked, words, learned, checked, vocabulary)
    facts |= {"n_songs": len(songs), "num_parts": codec.parts().shape[1], "most_beats": codec.most_beats}
    return Prepared(codec, learned, checked, facts, floors, tuple(warnings))


def prompted_forms(song: TrainingSong, training: Training) -> list[Form]:
    """The chords of another song to play over. Its tracks and beats are guessed."""
    guessing = training.model_copy(
        update={"melody_track": None, "chord_track": None, "first_beat": None, "last_beat": None}
    )
    score = song.clip.score()
    return [form_of(score, parts, song) for parts in _played(score, song, guessing)]


def _played(score: Score, song: TrainingSong, training: Training) -> list[Parts]:
    """The passages of a song in which there is a melody."""
    found = pick_parts(score, song.tracks, training, song.name)
    played = [parts for parts in found if any(event.pitches for events in parts.line for event in events)]
    if not played:
        raise InvalidInput(
            sentence(
                "Melody and chords must play together somewhere in a song",
                f"“{song.name}”, where they never do",
                "Choose other tracks or beats.",
            ),
            code="no_melody",
        )
    return played


def _onsets(picked: Sequence[Parts]) -> tuple[int, ...]:
    """Twelfths of a beat at which notes start."""
    begun = {
        (event.onset - parts.start) % STEPS
        for parts in picked
        for events in parts.line
        for event in events
        if event.pitches
    }
    return tuple(sorted(begun))


def _melody(parts: Parts, words: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Melody:
    places = [
        (event.onset - parts.start - number * parts.measure, number)
        for number, events in enumerate(parts.line)
        for event in events
    ]
    ids = vocabulary.encode([word for measure in words for word in measure])
    return Melody(ids, np.array(places, dtype=np.int32).reshape(-1, 2))


def _windows(melodies: Sequence[Melody], training: Training, seed: int, n_songs: int) -> tuple[Windows, Windows | None]:
    """(training, validation)."""
    lengths, window = [len(melody) for melody in melodies], training.sequence_length
    needed = window + 1 if training.num_windows else MIN_WORDS
    if max(lengths) < needed:
        rule = f"Windows of {window} words need a melody of at least {needed} words" if training.num_windows else (
            f"Training needs a melody of at least {MIN_WORDS} notes"
        )  # fmt: skip
        shorter = f"Choose a sequence_length below {max(lengths)}, or" if max(lengths) > 4 else "Choose"
        remedy = f"{shorter if training.num_windows else 'Choose'} longer songs or more beats."
        raise InvalidInput(
            sentence(rule, f"{max(lengths)} in the longest of {count(len(melodies), 'passage')}", remedy),
            code="too_short",
        )
    share = training.validation_share
    if n_songs >= SONGS_ENOUGH:
        parts = held_out_parts(lengths, share, shortest=MIN_HELD_OUT, seed=seed)
        held_out = [[part] if part.stop > part.start else [] for _, part in parts]
    else:
        held_out = _held_out_phrases(melodies, share, seed)
    kept = [part for melody, parts in zip(melodies, held_out, strict=True) for part in _without(melody, parts)]
    if training.num_windows and max(map(len, kept)) <= window:  # what is left after holding out is too short
        kept, held_out = list(melodies), [[] for _ in melodies]
    if training.num_windows:
        learned = drawn_windows(kept, window, training.num_windows, training.window_seed)
    else:
        learned = all_windows(kept, window, training.window_step)
    if not any(held_out):
        return learned, None
    return learned, checking_windows(melodies, held_out, window)


def _held_out_phrases(melodies: Sequence[Melody], share: float, seed: int) -> list[list[slice]]:
    """For each melody, the pairs of measures that are held out, chosen at random.

    A pair is held out with all its repetitions; otherwise a repeated chorus would test nothing."""
    phrases: dict[tuple[int, ...], list[tuple[int, slice]]] = {}
    for song, melody in enumerate(melodies):
        numbers = melody.places[:, 1] // HELD_OUT_MEASURES
        for number in np.unique(numbers).tolist():
            words = np.flatnonzero(numbers == number)
            part = slice(int(words[0]), int(words[-1]) + 1)
            phrases.setdefault(tuple(melody.ids[part].tolist()), []).append((song, part))
    total = sum(map(len, phrases.values()))
    room = max(1, round(share * total)) if share > 0 and len(phrases) >= MIN_PHRASES else 0
    different = [each for words, each in phrases.items() if len(words) >= 2 * HELD_OUT_MEASURES]
    found: list[list[slice]] = [[] for _ in melodies]
    for number in np.random.default_rng([seed, 4]).permutation(len(different)).tolist():
        if len(different[number]) <= room:
            room -= len(different[number])
            for song, part in different[number]:
                found[song].append(part)
    return [sorted(parts, key=lambda part: part.start) for parts in found]


def _without(melody: Melody, parts: Sequence[slice]) -> list[Melody]:
    """What remains between the parts."""
    edges = [0, *(edge for part in parts for edge in (part.start, part.stop)), len(melody)]
    return [melody.part(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if stop > start]


def _floors(learned: Windows, checked: Windows | None, vocabulary_size: int) -> dict[str, float]:
    """Nats per word."""
    known = [melody.ids for melody in learned.melodies if len(melody)]
    asked = known
    if checked is not None:
        asked = [checked.melodies[song].ids[first:stop] for song, _, first, stop in checked.chosen.tolist()]
    return {
        "uniform": uniform_nats(vocabulary_size),
        "unigram": unigram_nats(known, asked, vocabulary_size),
        "bigram": bigram_nats(known, asked, vocabulary_size),
    }


def _facts(
    scores: Sequence[Score],
    picked: Sequence[Parts],
    words: Sequence[Sequence[Sequence[str]]],
    learned: Windows,
    checked: Windows | None,
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    corpus = [word for song in words for measure in song for word in measure]
    tokens, size = [read_token(word) for word in corpus], len(vocabulary)
    shape = [learned.n_examples, learned.window, size]
    table = Counter(corpus).most_common()
    lengths = Counter(f"{token.length / STEPS:.3f}" for token in tokens)
    return {
        "inputs_shape": shape,
        "targets_shape": [shape[1], shape[0], size] if learned.as_authors else shape,
        "n_windows": learned.n_examples,
        "n_distinct_windows": len(np.unique(learned.chosen, axis=0)),
        "n_validation_windows": checked.n_examples if checked else 0,
        "n_tokens": len(corpus),
        "vocabulary_size": size,
        "n_measures": sum(parts.n_measures for parts in picked),
        "tokens_per_measure": [len(measure) for song in words for measure in song][:500],
        "token_kinds": {kind: sum(token.kind == kind for token in tokens) for kind in KINDS},
        "durations": dict(sorted(lengths.items())),
        "n_tokens_without_interval": sum(token.reach is None and not token.is_rest for token in tokens),
        **_picked_facts(scores[0], picked[0]),
        "parts": [_picked_facts(score, parts) for score, parts in zip(scores, picked, strict=True)][:100],
        "token_table": [{"token": token, "count": count} for token, count in table[:MAX_ROWS]],
        "token_table_rest": sum(count for _, count in table[MAX_ROWS:]) / len(corpus),
        "loss_unit": "nats per token",
    }


def _picked_facts(score: Score, parts: Parts) -> dict[str, Any]:
    return {
        "melody_track": parts.melody_track,
        "melody_name": score.tracks[parts.melody_track].name,
        "chord_track": parts.chord_tracks[0] if len(parts.chord_tracks) == 1 else list(parts.chord_tracks),
        "chord_name": " + ".join(score.tracks[number].name or f"track {number}" for number in parts.chord_tracks[:4]),
        "chords_gathered": parts.is_gathered,
        "first_beat": parts.first_beat,
        "last_beat": parts.last_beat,
        "beats_per_measure": parts.measure / STEPS,
    }
