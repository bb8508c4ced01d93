"""Verdicts: what is wrong with an output, why, and what to do about it, from its metrics alone.

Each rule compares one metric with a limit. Where the training songs already exceed the limit (a drone, a
techno loop, a quiet piece), their value is the limit: a network is not blamed for what it was taught. Light: pages
import it. The project's own presets are held to the same limits; each is defined beside its rule.

Verdicts
    silent        no audible sound                     clipped     cut off at full scale
    faint         much softer than the songs           loud        much louder than the songs
    looping       the same passage over and over       stuck       the same note or chord over and over
    monotonous    one note or chord dominates          copied      large parts come from the training songs
    flat          a drone, or always at full level     noise       hiss where the songs have tones
    offset        only one half of each wave           thin        few notes, long pauses, or it comes to a stop
    out_of_range  far above or below the songs         gaps        holes of silence
    out_of_key    keeps to no key                      no_rhythm   notes begin at times that the songs do not have
    leaping       voices leap, or cross                clashing    notes that do not go together
    buzz          the same tones all the time          seams       clicks
    hiss          more noise between tones than songs
Elsewhere
    copied        also `borrowing_words.borrowed`      learned_little    `learned_little`: a verdict on the run
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from musicgen.evaluation import musical_rules, note_rules, sound_rules, tone_rules
from musicgen.evaluation.glossary import Medium
from musicgen.evaluation.unlikeness import unlikeness
from musicgen.evaluation.verdict import NUM_SONGS, TYPICAL, Metrics, Remedy, Verdict

__all__ = ["LOWEST", "Remedy", "Verdict", "learned_from", "verdicts"]

COPIED = "copied"
# For these metrics the limit follows the lowest value among the songs; for all others the highest.
LOWEST = frozenset(
    (
        *("crest_factor_db", "level_range_db", "note_density", "lowest_pitch", "lowest_centre"),
        *("in_key_share", "local_key_share", "beat_share", "together_share", "step_share", "length_variety"),
        *("thinnest_share", "fewest_tracks_share"),
    )
)


Rule = Callable[[Metrics, Metrics], Verdict | None]
RULES: dict[Medium, tuple[Rule, ...]] = {"audio": sound_rules.RULES, "midi": note_rules.RULES}
# These compare music with music: what is fine in songs of one kind is wrong in another.
RULES_BY_SONGS: dict[Medium, tuple[Rule, ...]] = {"audio": tone_rules.RULES, "midi": musical_rules.RULES}

# A piece with one of these is still music. Of one note again and again, no more needs to be said.
STILL_MUSIC = frozenset(("faint", "loud", "clipped", "offset", COPIED))


def verdicts(
    medium: Medium,
    metrics: Metrics,
    learned: Metrics | None = None,
    *,
    is_trained_on: bool = True,
    made_of_songs: bool = False,
) -> list[Verdict]:
    """What is wrong with a piece, the worst first; empty if nothing is.

    Args:
        metrics: `describe` of the piece and, if known, what is copied from the training songs.
        learned: `learned_from` its training songs (or what it is compared with); limits are widened to these values.
        is_trained_on: whether these are its training songs; else only what would be wrong beside any music is said.
        made_of_songs: it is put together from the sound of its songs, so copies are what was asked for.
    """
    known = learned or {}
    found: list[Verdict] = []
    for rule in RULES[medium]:
        verdict = rule(metrics, known)
        if verdict is not None and not (made_of_songs and verdict.code == COPIED):
            found.append(verdict)
            if verdict.code == "silent":
                return found  # nothing more can be said about silence
    if is_trained_on and all(verdict.code in STILL_MUSIC for verdict in found):
        unlike = [verdict for rule in RULES_BY_SONGS[medium] if (verdict := rule(metrics, known)) is not None]
        if medium == "audio" or (unlike and unlikeness(metrics, known) > 0):
            found += unlike
    return found


def learned_from(described: Iterable[Metrics]) -> dict[str, float]:
    """The most extreme value of each metric among the songs, and, as `typical_<metric>`, the middle one; {} without
    songs."""
    known = list(described)
    if not known:
        return {}
    furthest = {key: (min if key in LOWEST else max)(metrics[key] for metrics in known) for key in known[0]}
    typical = {f"{TYPICAL}{key}": float(median(metrics[key] for metrics in known)) for key in known[0]}
    return furthest | typical | {NUM_SONGS: len(known)}
