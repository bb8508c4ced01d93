"""What each metric is called, measured in and good for: one place for pages, tables and the command line.

Light: knows the names only. The metrics are in audio.py, midi.py and originality.py; a test holds both sides equal.
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
        summary: one sentence: what the number tells.
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
    Average level below full scale; 12 dB under the song is faint.
peak_db | Peak | dB | closer
    The loudest sample; 0 dB is as loud as the file can be.
silence_share | Silence | | closer
    Share of the time in which nothing is heard.
clipping_share | Clipping | | lower
    Share of the samples cut off at full scale, heard as distortion.
spectral_centroid | Brightness | Hz | closer
    Where the weight of the spectrum lies: dull is low, sharp or noisy is high.
loop_correlation | Loop | | closer
    How much each second repeats what came one period before; 1 is the same bar for ever.
loop_seconds | Loop period | s | none
    The period at which the sound repeats itself most.
pattern_correlation | Pattern | | closer
    How much its levels, low to high, repeat themselves, though the waveform may be new each time; 1 is a loop.
pattern_seconds | Pattern period | s | none
    The period at which its levels repeat themselves most.
crest_factor_db | Crest factor | dB | closer
    Peak over average: music has 12 dB and more, a drone 3 dB, a buzzer 0 dB.
level_range_db | Level range | dB | closer
    How far its level moves, from the quiet moments to the loud ones; a drone and a hiss stand still.
dc_share | Offset | | lower
    Share of the energy that is a constant and not heard; half of a wave has a third.
spectral_flatness | Noise | | closer
    How much of it is hiss: tones have 0, noise of any colour has 1.
""",
    ("audio", "between"): """
log_spectral_distance_db | Spectral distance | dB | lower
    How far the two spectra are apart at the same moments; 0 is the same sound.
chroma_correlation | Harmony | | higher
    Whether the same pitch classes sound, whenever they sound; 1 is the same balance of notes.
best_lag_correlation | Waveform match | | none
    Whether one waveform is the other, shifted: 1 is a copy, 0 is unrelated, -1 a copy upside down.
best_lag_seconds | Shift | s | none
    Where the waveforms match best; positive: the generated sound comes later.
level_difference_db | Level difference | dB | closer
    How much louder the generated sound is; negative is quieter.
copied_correlation_training | Waveform match, training | | lower
    How well the best second and a half of it matches a place in any training song; 1 is a copy.
copied_share_training | Copied share, training | | lower
    Share of its stretches of a second and a half that stand in a training song, wave for wave.
""",
    ("midi", "single"): """
num_notes | Notes | | none
    Number of notes, drums left out.
num_distinct_pitches | Distinct pitches | | closer
    How many different pitches are used.
lowest_pitch | Lowest pitch | | closer
    MIDI number of the lowest note; 60 is C4.
highest_pitch | Highest pitch | | closer
    MIDI number of the highest note; 60 is C4.
pitch_range | Range | semitones | closer
    Distance from the lowest to the highest note.
longest_run | Longest run | | closer
    The same note or chord how often in a row; long runs are a network that is stuck.
top_note_share | Top note | | closer
    Share of the most frequent note or chord; a high share is monotony.
loop_share | Loop | | closer
    Share of the notes and chords that repeat the one a period before; 1 is the same figure for ever.
distinct_share | Variety | | closer
    Different notes and chords as a share of all; longer music has less by nature.
pitch_class_entropy | Pitch-class entropy | bits | closer
    How evenly the twelve pitch classes are used: a major scale has about 2.8, chance 3.58.
note_density | Note density | notes/s | closer
    How many notes begin per second.
mean_duration | Mean duration | s | closer
    How long a note lasts on average.
polyphony | Polyphony | | closer
    How many notes sound at once, while any does.
pause_share | Pauses | | closer
    Share of the time in pauses of a second and longer.
lowest_centre | Lowest register | | closer
    Mean pitch of the lowest sixteen notes in a row, as a MIDI number; 60 is C4.
highest_centre | Highest register | | closer
    Mean pitch of the highest sixteen notes in a row, as a MIDI number; 60 is C4.
""",
    ("midi", "between"): """
pitch_class_distance | Pitch-class distance | | lower
    Share of the notes that would have to change pitch class for the same balance; 0 is the same balance.
note_density_ratio | Density ratio | × | closer
    How busy the generated music is beside the reference; 2 is twice as many notes a second.
longest_copied_notes | Longest copy | notes | lower
    The longest passage that stands in the reference, in any key; a chord counts as one note.
longest_copied_notes_exact | Longest exact copy | notes | lower
    The longest passage that stands in the reference at the same pitch; a chord counts as one note.
copied_ngram_share | Copied share | | lower
    Share of the passages of eight notes that stand in the reference, in any key.
longest_copied_notes_training | Longest copy, training | notes | lower
    The longest passage that stands in any training song, in any key; a chord counts as one note.
copied_ngram_share_training | Copied share, training | | lower
    Share of the passages of eight notes that stand in any training song, in any key.
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
    """The metric of this name; KeyError where there is none (our bug, not the user's)."""
    return _BY_KEY[key]


def metrics(medium: Medium, kind: Kind) -> list[Metric]:
    """The metrics of one medium and kind, in the order in which they are shown."""
    return [entry for entry in METRICS if entry.medium == medium and entry.kind == kind]
