"""The title, unit and meaning of each metric: one place for pages, tables and the command line.

Light: knows the names only. The metrics are in audio.py, midi.py and originality.py; a test keeps the two in step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast

Medium = Literal["audio", "midi"]
Kind = Literal["single", "between"]
Better = Literal["higher", "lower", "closer", "none"]


@dataclass(frozen=True)
class Metric:
    """One line of a comparison.

    Attributes:
        key: its name in the JSON. title: on a page. unit: "" for shares (0 … 1) and plain counts.
        summary: what the number means, in one sentence.
        kind: `single` describes one piece, `between` two.
        better: `higher`, `lower`; `closer`: to the reference's value (between: to equality); `none`: it depends.
    """

    key: str
    title: str
    unit: str
    summary: str
    medium: Medium
    kind: Kind
    better: Better


# key | title | unit | better, and on the next line the summary
_TABLES: dict[tuple[Medium, Kind], str] = {
    ("audio", "single"): """
rms_db | Loudness (RMS) | dB | closer
    Average level below full scale; 12 dB below the song is faint.
peak_db | Peak | dB | closer
    The loudest sample; 0 dB is as loud as the file can be.
silence_share | Silence | | closer
    Share of the time that is silent.
clipping_share | Clipping | | lower
    Share of the samples cut off at full scale, which sounds distorted.
spectral_centroid | Brightness | Hz | closer
    The centre of the spectrum: low is dull, high is sharp or noisy.
loop_correlation | Loop | | closer
    How exactly each second repeats the sound one period earlier; 1 is the same bar over and over.
loop_seconds | Loop period | s | none
    The period at which the sound repeats most exactly.
pattern_correlation | Pattern | | closer
    How exactly the levels of its bands repeat, even if the waveform differs each time; 1 is a loop.
pattern_seconds | Pattern period | s | none
    The period at which its levels repeat most exactly.
crest_factor_db | Crest factor | dB | closer
    Peak over average: 12 dB or more for music, 3 dB for a drone, 0 dB for a buzzer.
level_range_db | Level range | dB | closer
    How much the level changes between quiet and loud moments; near 0 for a drone or steady noise.
dc_share | Offset | | lower
    Share of the energy in a constant, inaudible offset from zero; about a third if half of each wave is cut off.
spectral_flatness | Noise | | closer
    How noisy it is: 0 is pure tones, 1 is noise of any colour.
stillness | Stillness | | closer
    How alike its tones are now and some seconds later: near 1 for a drone or a single chord, near 0 for noise.
clicks_per_minute | Clicks | a minute | lower
    How often the wave jumps, as it does where two pieces of sound are joined without care.
hiss_db | Hiss | dB | lower
    Noise between the tones, compared with the whole sound: -20 dB or less for most songs, 0 dB for white noise.
""",
    ("audio", "between"): """
log_spectral_distance_db | Spectral distance | dB | lower
    How far apart the two spectra are, moment by moment; 0 is the same sound.
chroma_correlation | Harmony | | higher
    Whether both use the same pitch classes, at whatever time; 1 is the same balance of notes.
best_lag_correlation | Waveform match | | none
    Whether one waveform is a shifted copy of the other: 1 is a copy, 0 is unrelated, -1 is an inverted copy.
best_lag_seconds | Shift | s | none
    The shift at which the waveforms match best; positive: the generated sound comes later.
level_difference_db | Level difference | dB | closer
    How much louder the generated sound is; negative: softer.
copied_correlation_training | Waveform match, training | | lower
    How well its best-matching second and a half matches any training song; 1 is a copy.
copied_share_training | Copied share, training | | lower
    Share of its segments of a second and a half that come from a training song, sample for sample.
""",
    ("midi", "single"): """
num_notes | Notes | | none
    Number of notes, without drums.
num_distinct_pitches | Distinct pitches | | closer
    How many different pitches are used.
lowest_pitch | Lowest pitch | | closer
    MIDI number of the lowest note; 60 is C4.
highest_pitch | Highest pitch | | closer
    MIDI number of the highest note; 60 is C4.
pitch_range | Range | semitones | closer
    Distance from the lowest to the highest note.
longest_run | Longest run | | closer
    The most times one note or chord is repeated in a row; a long run means that the network is stuck.
top_note_share | Top note | | closer
    Share of the most frequent note or chord; a high share is monotonous.
loop_share | Loop | | closer
    Share of the notes and chords that repeat the one a period earlier; 1 is the same figure over and over.
longest_loop | Longest loop | | closer
    The most notes and chords in a row that are one figure, at least four times.
distinct_share | Variety | | closer
    Different notes and chords as a share of all; naturally lower for longer pieces.
pitch_class_entropy | Pitch-class entropy | bits | closer
    How evenly the twelve pitch classes are used: about 2.8 for a major scale, 3.58 at random.
note_density | Note density | notes/s | closer
    How many notes begin each second.
mean_duration | Mean duration | s | closer
    How long a note lasts on average.
polyphony | Polyphony | | closer
    How many notes sound at once on average, pauses left out.
pause_share | Pauses | | closer
    Share of the time in pauses of a second or longer.
lowest_centre | Lowest register | | closer
    Mean pitch of the lowest sixteen consecutive notes, as a MIDI number; 60 is C4.
highest_centre | Highest register | | closer
    Mean pitch of the highest sixteen consecutive notes, as a MIDI number; 60 is C4.
in_key_share | Notes in key | | closer
    Share of the notes that fit the best single key for the whole piece.
local_key_share | Notes in the key of the moment | | closer
    Share of the notes that fit the best key for the 32 notes around them.
dissonance_share | Dissonance | | closer
    Share of the pairs of notes sounding together that are a second, a seventh or a tritone apart.
off_grid_share | Off the grid | | closer
    Share of the moments at which notes begin that are neither on a sixteenth nor on a triplet of the beat.
beat_share | On the beat | | closer
    Share of the moments at which notes begin that fall on one place of the beat, the most frequent one.
together_share | Begun together | | closer
    Share of the notes that begin together with another note.
length_variety | Note lengths | | closer
    How many different note lengths are used, weighed by how often each occurs.
syncopated_share | Syncopation | | closer
    Share of the notes of a beat or longer that do not begin on the beat.
mean_interval | Mean interval | semitones | closer
    How far the highest and the lowest voice move from one note to the next.
step_share | Steps | | closer
    Share of the moves of the outer voices, repeated notes left out, that are of one or two semitones.
leap_share | Leaps | | closer
    Share of the moves of the outer voices that are larger than a fifth.
track_leap_share | Leaps within a track | | closer
    Share of the moves within a track, from one highest note to the next, that are larger than a fifth.
crossing_share | Crossed voices | | closer
    Share of the time in which the lower of two neighbouring voices is the higher one.
longest_still | Longest stop | beats | closer
    The longest time in which no note begins.
thinnest_share | Thinnest quarter | | closer
    How many notes sound at once in its thinnest quarter, the first one left out, as a share of the average.
fewest_tracks_share | Fewest tracks | | closer
    Share of the tracks that play in the quarter of the piece in which the fewest do, the first one left out.
longest_vamp | Longest vamp | | closer
    The most notes and chords in a row of which no more than three are different.
""",
    ("midi", "between"): """
pitch_class_distance | Pitch-class distance | | lower
    Share of the notes that would have to change pitch class to match the original; 0 is the same balance.
note_density_ratio | Density ratio | × | closer
    Notes per second compared with the original; 2 is twice as many.
longest_copied_notes | Longest copy | notes | lower
    The longest passage that also occurs in the original, in any key; a chord counts as one note.
longest_copied_notes_exact | Longest exact copy | notes | lower
    The longest passage that also occurs in the original at the same pitch; a chord counts as one note.
copied_ngram_share | Copied share | | lower
    Share of the eight-note passages that also occur in the original, in any key.
longest_copied_notes_training | Longest copy, training | notes | lower
    The longest passage that also occurs in a training song, in any key; a chord counts as one note.
copied_ngram_share_training | Copied share, training | | lower
    Share of the eight-note passages that also occur in a training song, in any key.
copied_varied_share_training | Copied share without repeated notes, training | | lower
    The same without the passages that mostly repeat one note or chord, which every song may have.
interval_bits_training | Surprise of melody | bits | lower
    How surprising each interval is to someone who knows the training songs; about 2.5 in a song of their kind.
rhythm_bits_training | Surprise of rhythm | bits | lower
    How surprising each time from note to note is to someone who knows the training songs.
""",
}


def _rows(medium: Medium, kind: Kind, table: str) -> Iterator[Metric]:
    lines = table.strip().splitlines()
    for head, summary in zip(lines[::2], lines[1::2], strict=True):
        key, title, unit, better = (cell.strip() for cell in head.split("|"))
        yield Metric(key, title, unit, summary.strip(), medium, kind, cast(Better, better))


METRICS: tuple[Metric, ...] = tuple(entry for place, table in _TABLES.items() for entry in _rows(*place, table))
_BY_KEY = {entry.key: entry for entry in METRICS}


def metric(key: str) -> Metric:
    """The metric of this name; KeyError if there is none (our bug, not the user's)."""
    return _BY_KEY[key]


def metrics(medium: Medium, kind: Kind) -> list[Metric]:
    """The metrics of one medium and kind, in the order in which they are shown."""
    return [entry for entry in METRICS if entry.medium == medium and entry.kind == kind]
