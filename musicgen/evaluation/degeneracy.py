"""Verdicts: what is wrong with an output, why, and what to do about it, from its metrics alone.

Each rule compares one metric with a limit. Where the music that was learned from already goes further (a drone, a
techno loop, a quiet piece), its own value is the limit: a network is not blamed for what it was taught. Light: pages
import it. The limits are those that the project's own presets are held to; they stand beside the rules.

Verdicts
    silent        nothing is heard                     clipped     cut off at full scale
    faint         far below the level of the songs     loud        far above it
    looping       the same stretch over and over       stuck       the same note or chord over and over
    monotonous    one note or chord dominates          copied      large parts stand in the training songs
    flat          a drone, or driven into its limits   noise       hiss where the songs have tones
    offset        half a wave                          thin        hardly any notes, long pauses
    out_of_range  far above or below the songs
"""

from __future__ import annotations

from collections.abc import Iterable

from musicgen.evaluation import note_rules, sound_rules
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.verdict import Metrics, Remedy, Verdict

__all__ = ["LOWEST", "Remedy", "Verdict", "learned_from", "verdicts"]

# Of these the lowest value among the songs is what was learned; of all others the highest.
LOWEST = frozenset(("crest_factor_db", "level_range_db", "note_density", "lowest_pitch", "lowest_centre"))


def verdicts(medium: Medium, metrics: Metrics, learned: Metrics | None = None) -> list[Verdict]:
    """What is wrong with a piece; the gravest first, nothing where it is sound.

    Args:
        metrics: `describe` of the piece, and where they are known what is copied from the training songs.
        learned: `learned_from` the music it was learned from (or is compared with); limits go as far as its values.
    """
    rules = sound_rules.RULES if medium == "audio" else note_rules.RULES
    found: list[Verdict] = []
    for rule in rules:
        verdict = rule(metrics, learned or {})
        if verdict is not None:
            found.append(verdict)
            if verdict.code == "silent":
                break  # of silence there is nothing more to say
    return found


def learned_from(described: Iterable[Metrics]) -> dict[str, float]:
    """What songs with these metrics teach: the value of each that goes furthest; {} without songs."""
    known = list(described)
    if not known:
        return {}
    return {key: (min if key in LOWEST else max)(metrics[key] for metrics in known) for key in known[0]}
