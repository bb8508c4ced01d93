"""What can be wrong with generated notes. Each rule compares metrics of `midi` with a limit; see `degeneracy`.

The limits were set so that none of the project's MIDI samples gets a verdict, judged against itself or any other.
"""

from __future__ import annotations

from musicgen.evaluation.verdict import (
    CHANCE,
    COOLER,
    DROPOUT,
    LONGER,
    LONGER_MEMORY,
    MORE_SONGS,
    WARMER,
    WIDER,
    Metrics,
    Verdict,
)

LOOP = 0.9
FIGURE = 32  # notes and chords in a row that are one figure; real pieces have 18 at most
VAMP = 24  # notes and chords in a row of which no more than three are different; real pieces have 21 at most
RUN = 8
RUN_FACTOR = 2.0  # times the longest of the songs: a quartet by Beethoven has a run of 15 where others have 8
TOP_SHARE = 0.35
COPIED_SHARE = 0.5
COPIED = "copied_varied_share_training", "copied_ngram_share_training"
THIN = 1 / 16  # of the notes a second of the sparsest song
HELD = 4.0  # times as long as the notes of the song with the longest ones
PAUSE_SHARE = 0.3  # of the time in pauses of a second or longer, on top of that of the songs
OUT_OF_RANGE = (
    18.0  # semitones beyond the lowest or highest note of any song; a bass line under a fiddle tune is 17 below
)
GOES_ROUND = "what the network has just played is what it finds likeliest to come next."


def no_notes(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if metrics["num_notes"]:
        return None
    cause = "The network generated no notes: only pauses, or tokens that stand for none."
    return Verdict("silent", "No notes", "num_notes", 0, 1, cause, (CHANCE, WARMER, LONGER))


def stuck(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(RUN, RUN_FACTOR * learned.get("longest_run", 0))
    if metrics["longest_run"] <= limit:
        return None
    cause = f"The same note or chord comes {metrics['longest_run']:.0f} times in a row: {GOES_ROUND}"
    return Verdict(
        "stuck", "Stuck", "longest_run", metrics["longest_run"], limit, cause, (CHANCE, WARMER, WIDER, LONGER)
    )


def looping(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if stuck(metrics, learned) is not None:
        return None  # a run of one note is the shortest loop and has its own verdict
    figure, vamp = metrics.get("longest_loop", 0), metrics.get("longest_vamp", 0)
    broken = (
        ("loop_share", LOOP, 1.0, "The same figure comes again and again"),
        ("longest_loop", FIGURE, RUN_FACTOR, f"For {figure:.0f} notes and chords in a row, it repeats one figure"),
        (
            "longest_vamp",
            VAMP,
            RUN_FACTOR,
            f"For {vamp:.0f} notes and chords in a row, it plays no more than three different ones",
        ),
    )
    for metric, most, factor, what in broken:
        limit = max(most, factor * learned.get(metric, 0.0))
        if (value := metrics.get(metric, 0.0)) > limit:
            remedies = (CHANCE, WARMER, WIDER, LONGER_MEMORY, LONGER)
            return Verdict("looping", "Looping", metric, value, limit, f"{what}: {GOES_ROUND}", remedies)
    return None


def monotonous(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(TOP_SHARE, learned.get("top_note_share", 0.0))
    if metrics["top_note_share"] <= limit:
        return None
    value = metrics["top_note_share"]
    cause = f"One note or chord makes up {value:.0%}: the network has learned what is frequent, not what follows."
    return Verdict("monotonous", "Monotonous", "top_note_share", value, limit, cause, (CHANCE, WARMER, WIDER, LONGER))


def thin(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = THIN * learned.get("note_density", 0.0)
    if metrics["note_density"] < limit:
        cause = "It has far fewer notes a second than the songs: the network prefers pauses and long notes."
        return Verdict("thin", "Thin", "note_density", metrics["note_density"], limit, cause, (COOLER, LONGER))
    songs = learned.get("mean_duration", 0.0)
    if songs and metrics["mean_duration"] > HELD * songs:
        cause = (
            f"Its notes last {metrics['mean_duration']:.1f} s on average, in the songs at most {songs:.1f} s: the "
            "network starts notes and forgets to end them."
        )
        value = metrics["mean_duration"]
        return Verdict("thin", "Held notes", "mean_duration", value, HELD * songs, cause, (COOLER, LONGER))
    limit = min(learned.get("pause_share", 0.0) + PAUSE_SHARE, 1.0)
    if metrics["pause_share"] <= limit:
        return None
    cause = (
        f"{metrics['pause_share']:.0%} of the time nothing sounds: the network lost the rhythm and leaves long pauses."
    )
    return Verdict("thin", "Long pauses", "pause_share", metrics["pause_share"], limit, cause, (COOLER, LONGER))


def out_of_range(metrics: Metrics, learned: Metrics) -> Verdict | None:
    """The mean of sixteen notes has drifted to where the songs have no notes at all."""
    if not learned.get("highest_pitch"):
        return None
    remedies = (COOLER, LONGER, LONGER_MEMORY)
    limit, value = learned["highest_pitch"] + OUT_OF_RANGE, metrics["highest_centre"]
    if value > limit:
        cause = "It has drifted far above the songs, step by step: the network does not keep track of the register."
        return Verdict("out_of_range", "Out of range", "highest_centre", value, limit, cause, remedies)
    limit, value = learned["lowest_pitch"] - OUT_OF_RANGE, metrics["lowest_centre"]
    if value >= limit:
        return None
    cause = "It has drifted far below the songs, step by step: the network does not keep track of the register."
    return Verdict("out_of_range", "Out of range", "lowest_centre", value, limit, cause, remedies)


def copied(metrics: Metrics, learned: Metrics) -> Verdict | None:
    """That both repeat a note is no copy. Earlier versions did not measure what is left without it."""
    name = next((each for each in COPIED if each in metrics), COPIED[-1])
    value = metrics.get(name, 0.0)
    if value <= COPIED_SHARE:
        return None
    passages = "eight-note passages" if name == COPIED[-1] else "eight-note passages, repeated notes left out,"
    cause = f"{value:.0%} of the {passages} come from the training songs: the network has memorised them."
    return Verdict("copied", "Copied", name, value, COPIED_SHARE, cause, (WARMER, MORE_SONGS, DROPOUT))


RULES = (no_notes, stuck, looping, monotonous, thin, out_of_range, copied)
