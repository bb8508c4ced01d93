"""What can be wrong with a sound as music: tones that never change, jumps of the wave, holes, hiss. Each rule compares
metrics of `audio` with what the songs do; see `degeneracy` and `musical_rules`."""

from __future__ import annotations

from musicgen.evaluation.verdict import (
    COOLER,
    DISTURBED,
    FRAMES,
    KEEP_LEVEL,
    LONGER,
    LOOK_BACK,
    RECURRENT,
    WARMER,
    Metrics,
    Verdict,
)

STILL = 0.6  # the songs tried have at most 0.4; songs with a drone have more, and are then the limit themselves
STILL_ABOVE = 0.1  # the most still of the songs
CLICKS = 6.0  # a minute, more than the songs
CLICKS_FACTOR = 2.0  # times those of the songs
GAPS = 0.12  # of the time, more than the songs
HISS_DB = -14.0  # the songs tried have at most -14.6, even an octave lower at half the speed, or higher at double
HISS_ABOVE_DB = 4.0  # above the noisiest of the songs


def buzz(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if "stillness" not in metrics or "stillness" not in learned:
        return None
    value, songs = metrics["stillness"], learned["stillness"]
    limit = min(max(STILL, songs + STILL_ABOVE), 1.0)
    if value <= limit:
        return None
    cause = (
        f"Its tones stay {value:.0%} the same from one moment to the next, in the songs at most {songs:.0%}: fed with "
        "its own output, the network holds one chord and never finds another."
    )
    return Verdict("buzz", "Buzz", "stillness", value, limit, cause, (WARMER, RECURRENT, LONGER, LOOK_BACK))


def seams(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if "clicks_per_minute" not in metrics or "clicks_per_minute" not in learned:
        return None
    value, songs = metrics["clicks_per_minute"], learned["clicks_per_minute"]
    limit = CLICKS_FACTOR * songs + CLICKS
    if value <= limit:
        return None
    cause = (
        f"The wave jumps {value:.0f} times a minute, in the songs at most {songs:.0f} times: pieces of sound are "
        "joined without a transition, and that clicks."
    )
    remedies = (COOLER, FRAMES, DISTURBED, LONGER)
    return Verdict("seams", "Clicks", "clicks_per_minute", value, limit, cause, remedies)


def gaps(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if "silence_share" not in learned or "stillness" not in learned:
        return None
    value, songs = metrics["silence_share"], learned["silence_share"]
    limit = songs + GAPS
    if value <= limit:
        return None
    cause = (
        f"It is silent for {value:.0%} of the time, the songs for at most {songs:.0%}: the network loses the thread "
        "and falls silent."
    )
    remedies = (KEEP_LEVEL, FRAMES, RECURRENT, DISTURBED, LONGER)
    return Verdict("gaps", "Gaps", "silence_share", value, limit, cause, remedies)


def hiss(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if "hiss_db" not in metrics or "hiss_db" not in learned:
        return None
    value, songs = metrics["hiss_db"], learned["hiss_db"]
    limit = max(HISS_DB, songs + HISS_ABOVE_DB)
    if value <= limit:
        return None
    cause = (
        f"There is {value - songs:.0f} dB more noise between its tones than in the noisiest of the songs: the network "
        "has not learned the tones well enough, and what it is unsure of is heard as hiss."
    )
    return Verdict("hiss", "Hiss", "hiss_db", value, limit, cause, (COOLER, LONGER, DISTURBED))


RULES = (buzz, seams, gaps, hiss)
