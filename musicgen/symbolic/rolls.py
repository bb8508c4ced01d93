"""Arrays and facts of scores for the pages. Knows no files and no figures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musicgen.symbolic.instruments import instrument_name
from musicgen.symbolic.keys import estimate_key, melodic_notes
from musicgen.symbolic.metre import Metre, metre_at
from musicgen.symbolic.score import DEFAULT_TEMPO, Score


def score_to_roll(score: Score) -> dict[str, NDArray[Any]]:
    """One entry per note, sorted by onset: `onset`, `offset` (float64, seconds), `pitch`, `velocity` (uint8), `track`
    (int16), and `seconds`, the end of the last note (a scalar array)."""
    return {
        "onset": score.onset,
        "offset": score.offset,
        "pitch": score.notes["pitch"].copy(),
        "velocity": score.notes["velocity"].copy(),
        "track": score.notes["track"].copy(),
        "seconds": np.array(score.seconds),
    }


def score_facts(score: Score) -> dict[str, Any]:
    """The facts of a score for a song page; JSON. Pitch facts leave out drums and are None if only drums play."""
    key = estimate_key(score)
    sounding = np.bincount(score.notes["pitch"][melodic_notes(score)], minlength=1).nonzero()[0]
    end = int((score.notes["onset_ticks"] + score.notes["duration_ticks"]).max(initial=0))
    return {
        "medium": "midi",
        "format": "midi",
        "seconds": round(score.seconds, 6),
        "num_notes": score.num_notes,
        "num_distinct_pitches": sounding.size,
        "lowest_pitch": int(sounding[0]) if sounding.size else None,
        "highest_pitch": int(sounding[-1]) if sounding.size else None,
        "ticks_per_beat": score.ticks_per_beat,
        "beats": round(end / score.ticks_per_beat, 6),
        "tempo": round(main_tempo(score), 3),
        "tempo_changes": max(len(score.tempos) - 1, 0),
        "key": key.name,
        "key_confidence": key.confidence,
        "time_signature": main_time_signature(score),
        "tracks": _tracks_facts(score),
    }


def main_tempo(score: Score) -> float:
    """The tempo (BPM) in force for the longest time."""
    if not score.tempos:
        return DEFAULT_TEMPO
    if len(score.tempos) == 1 and score.tempos[0].tick == 0:
        return score.tempos[0].tempo
    starts = [change.tick for change in score.tempos]
    tempos = [change.tempo for change in score.tempos]
    if starts[0] > 0:
        starts, tempos = [0, *starts], [DEFAULT_TEMPO, *tempos]
    end = int((score.notes["onset_ticks"] + score.notes["duration_ticks"]).max(initial=0))
    edges = score.ticks_to_seconds(np.minimum(np.array([*starts, max(end, starts[-1])]), end))
    shares: dict[float, float] = {}
    for tempo, seconds in zip(tempos, np.diff(edges), strict=True):
        shares[tempo] = shares.get(tempo, 0.0) + float(seconds)
    return max(shares, key=lambda tempo: shares[tempo])


def main_time_signature(score: Score) -> str:
    """The one in force longest, such as '3/4' (the first is often an upbeat); '4/4' if the score has none."""
    metre = metre_at(score) or Metre()
    return f"{metre.numerator}/{metre.denominator}"


def _tracks_facts(score: Score) -> list[dict[str, Any]]:
    place = score.notes["track"].astype(np.int64) << 7 | score.notes["pitch"]
    of_pitches = np.bincount(place, minlength=len(score.tracks) << 7).reshape(-1, 128)
    facts = []
    for index, (track, num_notes) in enumerate(zip(score.tracks, of_pitches.sum(axis=1).tolist(), strict=True)):
        pitches = of_pitches[index].nonzero()[0]
        facts.append(
            {
                "index": index,
                "name": track.name,
                "instrument": instrument_name(track.program, track.is_drum),
                "program": track.program,
                "is_drum": track.is_drum,
                "num_notes": num_notes,
                "lowest_pitch": int(pitches[0]) if pitches.size else None,
                "highest_pitch": int(pitches[-1]) if pitches.size else None,
            }
        )
    return facts
