"""Scores → what a note network learns from: codec, examples, facts and floors, for both representations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.approaches.notes.event_examples import EventExamples, EventStretch
from musicgen.approaches.notes.event_fitting import make_event_codec
from musicgen.approaches.notes.events import FIELDS, EventCodec
from musicgen.approaches.notes.parameters import NoteMusic
from musicgen.approaches.notes.part import take_part
from musicgen.approaches.notes.token_codec import TokenCodec
from musicgen.approaches.notes.token_examples import TokenSequences, TokenWindows, window_starts
from musicgen.approaches.notes.token_facts import count_tokens, event_table, frequency_histogram, token_table
from musicgen.approaches.notes.tokens import melodic_tracks, score_to_lines
from musicgen.codecs.holding_out import held_out_parts
from musicgen.codecs.vocabulary import frequent
from musicgen.contract.prepared import Prepared, TrainingSong
from musicgen.contract.refusals import require_songs
from musicgen.errors import InvalidInput, sentence
from musicgen.floors.floors import bigram_nats, uniform_nats, unigram_nats
from musicgen.symbolic.instruments import instrument_name
from musicgen.symbolic.metre import usual_metre
from musicgen.symbolic.score import Score
from musicgen.wording import count

MIN_NOTES = 8  # in a song to learn from
MIN_HELD_OUT = 24  # notes: less is no use
STARTS_KEPT = 64
MUCH_LOST = 0.2  # share of the tokens
MIN_WINDOWS, MAX_PASSES = 32, 16  # in an epoch; little music is repeated more often
NOTHING_HELD_OUT = (
    "No music is left to hold out, so there is no validation loss to tell learning from memorising. Choose more or "
    "longer songs."
)
LEAKING = "The validation windows overlap the training windows, so the validation loss looks better than it is."
Ids = NDArray[np.int32]
_NONE = np.zeros(0, dtype=np.int32)


def read_scores(songs: Sequence[TrainingSong]) -> list[tuple[Score, Sequence[int] | None]]:
    """(score, chosen tracks) of each song."""
    require_songs(songs)
    return [(song.clip.score(), song.tracks) for song in songs]


def prepare_events(songs: Sequence[TrainingSong], training: NoteMusic, seed: int) -> Prepared:
    """Notes with rhythm, loudness and voices."""
    require_songs(songs)
    part = take_part(songs, training.max_notes, seed)
    scores = part.scores
    if training.instruments == "piano":
        _raise_without_piano(scores, True)
        scores = [(score, melodic_tracks(score, tracks, piano_only=True)) for score, tracks in scores]
    codec, pieces = make_event_codec(scores, num_notes=part.num_notes, voices_are=training.voices)
    lengths = [len(piece) for piece in pieces]
    if max(lengths) < MIN_NOTES:
        raise InvalidInput(
            sentence(
                f"Training needs a song with at least {MIN_NOTES} notes in its chosen tracks, without drums",
                f"{max(lengths)} notes at most in {count(len(scores), 'song')}",
                "Choose other songs or tracks.",
            ),
            code="too_short",
        )
    share = training.validation_share if training.validation != "none" else 0.0
    parts = held_out_parts(lengths, share, shortest=MIN_HELD_OUT, seed=seed)
    stretches = [
        [EventStretch(piece, part[side].start, part[side].stop) for piece, part in zip(pieces, parts, strict=True)
         if part[side].stop > part[side].start]
        for side in (0, 1)
    ]  # fmt: skip
    length = training.sequence_length
    passes = max(1, min(MAX_PASSES, MIN_WINDOWS * length // max(1, sum(map(len, stretches[0])))))
    data = EventExamples(
        codec, stretches[0], length, transpose=training.transpose, passes=passes, recalls=training.recall
    )
    # Half of each validation window only warms up the state.
    checked = (
        EventExamples(codec, stretches[1], 2 * length, warm_up=length, recalls=training.recall)
        if stretches[1]
        else None
    )
    ids = [[codec.events_to_ids(each.song.events)[each.start : each.stop] for each in side] for side in stretches]
    facts = {
        "inputs_shape": [data.n_examples, length, len(FIELDS)],
        "targets_shape": [data.n_examples, length, len(FIELDS)],
        "n_windows": data.n_examples,
        "n_validation_windows": checked.n_examples if checked else 0,
        "n_tokens": sum(lengths),
        "n_training_tokens": sum(map(len, stretches[0])),
        "n_validation_tokens": sum(map(len, stretches[1])),
        "n_songs": len(scores),
        "vocabulary_size": sum(codec.sizes),
        "values_of_each_field": dict(zip(FIELDS, codec.sizes, strict=True)),
        "loss_unit": "nats per note",
        **event_table(pieces),
        **part.facts,
    }
    warnings = (*part.warnings, *(() if checked else (NOTHING_HELD_OUT,)))
    return Prepared(codec, data, checked, facts, _event_floors(codec, ids[0], ids[1] or ids[0]), warnings)


def _event_floors(codec: EventCodec, learned: list[Ids], measured: list[Ids]) -> dict[str, float]:
    """Nats per note: the fields of a note are predicted one by one, and their losses are added up."""
    floors = {"uniform": 0.0, "unigram": 0.0, "bigram": 0.0}
    for field in codec.spoken:
        size = codec.sizes[field]
        before, after = [song[:, field] for song in learned], [song[:, field] for song in measured]
        floors["uniform"] += uniform_nats(size)
        floors["unigram"] += unigram_nats(before, after, size)
        floors["bigram"] += bigram_nats(before, after, size)
    return floors


def prepare_tokens(
    songs: Sequence[TrainingSong], training: NoteMusic, seed: int, *, at_every_step: bool = False
) -> Prepared:
    """The authors' tokens.

    Args:
        at_every_step: every step of a window is a target, not only the token after it. The held-out music and the
            meaning of its loss stay the same.
    """
    scores = read_scores(songs)
    options = {"piano_only": training.instruments == "piano", "in_time_order": training.order == "time"}
    _raise_without_piano(scores, options["piano_only"])
    lines = [score_to_lines(score, tracks=tracks, **options) for score, tracks in scores]
    words = [[word for line in song for word in line] for song in lines]
    vocabulary = frequent(words, training.threshold)
    ids = [[vocabulary.encode(vocabulary.known(line)) for line in song] for song in lines]
    window, lengths = training.sequence_length, [sum(map(len, song)) for song in ids]
    counts = count_tokens(words)
    if max(lengths) <= window:
        raise InvalidInput(_too_short(words, lengths, training, counts), code="too_short")
    data, checked, warnings = _token_windows(ids, training, seed)
    tempos = [float(score.tempos[0].tempo) if score.tempos else 120.0 for score, _ in scores]
    metre = usual_metre(score for score, _ in scores)
    codec = TokenCodec(
        vocabulary,
        _beginnings(checked or data, seed),
        tempo=float(np.median(tempos)),
        metre=(metre.numerator, metre.denominator),
        **options,
    )
    learned: Any = TokenSequences(_runs(data), window) if at_every_step else data
    measured: Any = TokenSequences(_runs(checked), window, window - 1) if at_every_step and checked else checked
    steps = [window] if at_every_step else []
    facts = {
        "inputs_shape": [learned.n_examples, window, 1],
        "targets_shape": [learned.n_examples, *steps],
        "n_windows": int(sum(max(0, length - window) for length in lengths)),
        "n_training_windows": data.n_examples,
        "n_validation_windows": checked.n_examples if checked else 0,
        "n_tokens": sum(lengths),
        "n_tokens_before": sum(map(len, words)),
        "n_songs": len(songs),
        "n_songs_too_short": sum(length <= window for length in lengths),
        "vocabulary_size": len(vocabulary),
        "vocabulary_size_before": len(counts),
        "loss_unit": "nats per token",
        **token_table({word: counts[word] for word in vocabulary.tokens}),
        **frequency_histogram(counts),
    }
    floors = _token_floors(data, checked or data, len(vocabulary))
    warnings = (*warnings, *_thinned(facts, training.threshold))
    return Prepared(codec, learned, measured, facts, floors, warnings)


def _thinned(facts: Mapping[str, Any], threshold: int) -> tuple[str, ...]:
    """A warning if the rare-note threshold leaves out much of the music."""
    lost, before = facts["n_tokens_before"] - facts["n_tokens"], facts["n_tokens_before"]
    if lost < MUCH_LOST * before:
        return ()
    return (
        f"The threshold of {threshold} leaves out {lost:,} of {before:,} notes and chords, and joins the rest: choose "
        f"a lower one to keep more of the music.",
    )


def _raise_without_piano(scores: Sequence[tuple[Score, Sequence[int] | None]], piano_only: bool) -> None:
    """InvalidInput if the piano filter leaves no notes, with the instruments that there are."""
    if not piano_only or any(melodic_tracks(score, tracks, piano_only=True) for score, tracks in scores):
        return
    found = Counter(
        instrument_name(score.tracks[track].program)
        for score, tracks in scores
        for track in melodic_tracks(score, tracks)
    )
    names = ", ".join(name for name, _ in found.most_common(4)) or "no notes besides drums"
    raise InvalidInput(
        sentence(
            "Instruments = piano needs a piano track (General MIDI programs 1 to 6) in at least one song",
            f"{names} in {count(len(scores), 'song')}",
            "Choose instruments = all, or songs with a piano.",
        ),
        code="no_piano",
    )


def _token_windows(
    songs: Sequence[Sequence[Ids]], training: NoteMusic, seed: int
) -> tuple[TokenWindows, TokenWindows | None, tuple[str, ...]]:
    """(training, validation) windows of songs of one or more lines each, and the warnings."""
    window = training.sequence_length
    if training.validation == "random_windows":
        laid = _windows([np.concatenate([_NONE, *song]) for song in songs], window)
        every = np.random.default_rng([seed, 6]).permutation(laid.starts)
        split = every.size - round(training.validation_share * every.size)
        kept, checked = (replace(laid, starts=np.sort(part)) for part in (every[:split], every[split:]))
        return kept, checked, (LEAKING,)
    share = training.validation_share if training.validation == "held_out" else 0.0
    sides = [_windows(side, window) for side in _held_out_lines(songs, share, window + 1, seed)]
    return (sides[0], sides[1], ()) if sides[1].n_examples else (sides[0], None, (NOTHING_HELD_OUT,))


def _held_out_lines(
    songs: Sequence[Sequence[Ids]], share: float, shortest: int, seed: int
) -> tuple[list[Ids], list[Ids]]:
    """(training, held out) songs. If ends are held out, it is the end of each line: the left hand's line comes after
    the right hand's, so the end of the whole would be the music of one hand."""
    lengths = [sum(map(len, song)) for song in songs]
    learned, checked = [], []
    for song, parts in zip(songs, held_out_parts(lengths, share, shortest=shortest, seed=seed), strict=True):
        length, split = sum(map(len, song)), parts[0].stop
        splits = [round(len(line) * split / length) if length else 0 for line in song]
        learned.append(np.concatenate([_NONE, *(line[:at] for line, at in zip(song, splits, strict=True))]))
        checked.append(np.concatenate([_NONE, *(line[at:] for line, at in zip(song, splits, strict=True))]))
    return learned, checked


def _windows(songs: Sequence[Ids], window: int) -> TokenWindows:
    return TokenWindows(np.concatenate(list(songs)), window_starts([song.size for song in songs], window), window)


def _beginnings(windows: TokenWindows, seed: int) -> tuple[tuple[int, ...], ...]:
    """Some windows to start a piece from."""
    chosen = np.random.default_rng([seed, 5]).permutation(windows.starts)[:STARTS_KEPT]
    return tuple(tuple(windows.ids[at : at + windows.window].tolist()) for at in chosen.tolist())


def _token_floors(learned: TokenWindows, measured: TokenWindows, vocabulary_size: int) -> dict[str, float]:
    """Nats per token over the targets of the windows, counted from the targets and inputs of the training windows."""
    seen, asked, window = _runs(learned), _runs(measured), learned.window
    return {
        "uniform": uniform_nats(vocabulary_size),
        "unigram": unigram_nats(seen, asked, vocabulary_size, look_back=window),
        "bigram": bigram_nats(seen, asked, vocabulary_size, look_back=window),
    }


def _runs(windows: TokenWindows) -> list[Ids]:
    """Uninterrupted series of tokens that the windows cover, each with the context before its first target."""
    breaks = np.flatnonzero(np.diff(windows.starts) != 1) + 1
    return [windows.ids[run[0] : run[-1] + windows.window + 1] for run in np.split(windows.starts, breaks) if run.size]


def _too_short(
    words: Sequence[Sequence[str]], lengths: Sequence[int], training: NoteMusic, counts: Counter[str]
) -> str:
    longest, kept, window = max(map(len, words)), max(lengths), training.sequence_length
    rare = (
        f" ({longest} before those that occur fewer than {training.threshold} times were left out)"
        if longest > kept
        else ""
    )
    remedies = [f"a sequence_length of {kept - 1} or less"] if kept > 2 else []
    if longest > window:  # some song would be long enough with a lower threshold
        enough = max(
            sorted((counts[word] for word in song), reverse=True)[window] for song in words if len(song) > window
        )
        remedies.append(f"a threshold of {enough} or less")
    remedies.append("longer or more songs" if longest > kept else "longer songs")
    return sentence(
        f"A window of {window} tokens and the one after it need a song of at least {window + 1} tokens",
        f"{kept} tokens in the longest of {count(len(words), 'song')}{rare}",
        f"Choose {', or '.join(remedies)}.",
    )
