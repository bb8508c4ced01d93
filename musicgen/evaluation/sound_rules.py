"""What can be wrong with a generated sound. Each rule compares metrics of `audio` with a limit; see `degeneracy`.

The limits were set so that none of the project's audio samples gets a verdict, judged against itself or any other,
while silence, loops of 0.1 to 5 seconds (also with noise in them or new phases), drones, noise and copies do.
"""

from __future__ import annotations

from musicgen.evaluation.verdict import (
    COOLER,
    DISTURBED,
    DROPOUT,
    FRAMES,
    KEEP_LEVEL,
    LEAKY,
    LONGER,
    LONGER_MEMORY,
    LOOK_BACK,
    MORE_SONGS,
    RECURRENT,
    SLOWER,
    WARMER,
    Metrics,
    Verdict,
)

SILENT_PEAK_DB = -60.0
SILENT_SHARE = 0.95
CONSTANT_SHARE = 0.99  # of the energy: 20 dB above everything else
OFFSET_SHARE = 0.1  # a wave with one half cut off has a third of its energy there, music less than a thousandth
CLIPPED_SHARE = 0.001
LEVEL_DB = 12.0
LOOP = 0.9
PATTERN = 0.75  # the songs tried have at most 0.35, loops with new phases about 0.8, other loops more than 0.9
PATTERN_ABOVE = 0.1
ABOVE_LEARNED = 0.02  # a correlation this little above that of the songs does not count
CREST_DB = 4.0  # a square wave has 0, a sine 3; also less than half that of the songs
RANGE_DB = 1.0  # a drone or a hiss has less; also less than a quarter that of the songs
NOISE = 0.6  # of the flatness of white noise; the songs tried have at most 0.25
NOISE_ABOVE = 0.2
COPIED_SHARE = 0.5


def silent(metrics: Metrics, learned: Metrics) -> Verdict | None:
    cause = (
        "A network trained on squared errors settles on the mean of its training data, and the mean of sound is "
        "silence; fed with its own output, it gets there sooner."
    )
    remedies = (KEEP_LEVEL, FRAMES, RECURRENT, DISTURBED, LONGER, LOOK_BACK, WARMER)
    if metrics["peak_db"] < SILENT_PEAK_DB:
        return Verdict("silent", "Silent", "peak_db", metrics["peak_db"], SILENT_PEAK_DB, cause, remedies)
    limit = max(SILENT_SHARE, learned.get("silence_share", 0.0))
    if metrics["silence_share"] > limit:
        return Verdict("silent", "Almost silent", "silence_share", metrics["silence_share"], limit, cause, remedies)
    if metrics["dc_share"] > CONSTANT_SHARE:
        cause = "The network outputs the same number all the time, and a constant is inaudible."
        return Verdict("silent", "Silent", "dc_share", metrics["dc_share"], CONSTANT_SHARE, cause, remedies)
    return None


def faint(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if "rms_db" not in learned or metrics["rms_db"] >= learned["rms_db"] - LEVEL_DB:
        return None
    cause = "The level has collapsed towards the mean: when a network is unsure, small values give the smallest error."
    limit = learned["rms_db"] - LEVEL_DB
    remedies = (KEEP_LEVEL, FRAMES, RECURRENT, DISTURBED, LONGER, WARMER)
    return Verdict("faint", "Faint", "rms_db", metrics["rms_db"], limit, cause, remedies)


def loud(metrics: Metrics, learned: Metrics) -> Verdict | None:
    known = learned.get("rms_db", 0.0)
    if known < SILENT_PEAK_DB or metrics["rms_db"] <= known + LEVEL_DB:
        return None  # compared with silence, everything would be loud
    cause = "The level has run away: each sample is predicted a little larger than the one before."
    return Verdict(
        "loud", "Too loud", "rms_db", metrics["rms_db"], known + LEVEL_DB, cause, (KEEP_LEVEL, COOLER, SLOWER)
    )


def clipped(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(CLIPPED_SHARE, learned.get("clipping_share", 0.0))
    if metrics["clipping_share"] <= limit:
        return None
    cause = "The network predicts values beyond full scale, where the sound is cut off; that sounds distorted."
    value = metrics["clipping_share"]
    return Verdict("clipped", "Clipped", "clipping_share", value, limit, cause, (COOLER, SLOWER))


def offset(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(OFFSET_SHARE, 2 * learned.get("dc_share", 0.0))
    if metrics["dc_share"] <= limit:
        return None
    cause = (
        "The wave stays on one side of zero: layers that cannot output negative values, such as relu, cut off the "
        "other half, and that sounds distorted."
    )
    return Verdict("offset", "One-sided wave", "dc_share", metrics["dc_share"], limit, cause, (LEAKY, LONGER))


def noise(metrics: Metrics, learned: Metrics) -> Verdict | None:
    limit = max(
        NOISE, learned.get("spectral_flatness", 1.0) + NOISE_ABOVE
    )  # without known songs, nothing counts as noise
    value = metrics["spectral_flatness"]
    if value <= limit or driven(metrics, learned):
        return None
    cause = "It is mostly hiss: the network has not learned the tones well enough, and its samples are too random."
    return Verdict("noise", "Noise", "spectral_flatness", value, limit, cause, (COOLER, DISTURBED, LONGER, SLOWER))


def driven(metrics: Metrics, learned: Metrics) -> Verdict | None:
    """Always at full level. Only judged against songs that have peaks."""
    crest, limit = metrics["crest_factor_db"], min(CREST_DB, learned.get("crest_factor_db", 0.0) / 2)
    if crest >= limit:
        return None
    cause = "The wave always swings from limit to limit, without the peaks that music has: it sounds like a buzzer."
    return Verdict("flat", "Flat", "crest_factor_db", crest, limit, cause, (COOLER, SLOWER, LONGER))


def flat(metrics: Metrics, learned: Metrics) -> Verdict | None:
    """Always at full level, or a drone. Only judged against songs whose level changes: the songs may be drones."""
    if noise(metrics, learned):
        return None  # whose level never changes either
    if found := driven(metrics, learned):
        return found
    moves, limit = metrics["level_range_db"], min(RANGE_DB, learned.get("level_range_db", 0.0) / 4)
    if not 0.0 < moves < limit:  # 0: too short to tell
        return None
    cause = "Its level never changes: fed with its own output, the network holds one sound and never starts another."
    return Verdict("flat", "Drone", "level_range_db", moves, limit, cause, (WARMER, RECURRENT, LONGER, LOOK_BACK))


def looping(metrics: Metrics, learned: Metrics) -> Verdict | None:
    if flat(metrics, learned):
        return None  # a held tone is the shortest loop and has its own verdict
    remedies = (WARMER, LOOK_BACK, LONGER_MEMORY, LONGER)
    value, limit = metrics["loop_correlation"], max(LOOP, learned.get("loop_correlation", 0.0) + ABOVE_LEARNED)
    if value > limit:
        seconds = metrics["loop_seconds"]
        cause = (
            f"The same {seconds:.2f} s repeat over and over: fed with its own output, the network fell into a cycle."
        )
        return Verdict("looping", "Looping", "loop_correlation", value, limit, cause, remedies)
    value, limit = metrics["pattern_correlation"], _pattern_limit(learned)
    if value <= limit:
        return None
    seconds = metrics["pattern_seconds"]
    cause = f"The same pattern returns every {seconds:.2f} s: fed with its own output, the network fell into a cycle."
    return Verdict("looping", "Looping", "pattern_correlation", value, limit, cause, remedies)


def _pattern_limit(learned: Metrics) -> float:
    return min(max(PATTERN, learned.get("pattern_correlation", 0.0) + PATTERN_ABOVE), 1.0)


def copied(metrics: Metrics, learned: Metrics) -> Verdict | None:
    value = metrics.get("copied_share_training", 0.0)
    if value <= COPIED_SHARE:
        return None
    cause = f"{value:.0%} of it is copied from the training songs, sample for sample: the network plays them back."
    return Verdict(
        "copied", "Copied", "copied_share_training", value, COPIED_SHARE, cause, (WARMER, MORE_SONGS, DROPOUT)
    )


RULES = (silent, faint, loud, clipped, offset, noise, flat, looping, copied)
