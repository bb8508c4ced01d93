"""`songs notes SONG`: a song that is sound becomes a MIDI song."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from musicgen.cli.bringing import raise_if_machine_failed
from musicgen.cli.shown import AsJson, console, print_json, print_table
from musicgen.cli.train import song_ids
from musicgen.cli.waiting import counting
from musicgen.errors import InvalidInput
from musicgen.hearing import USUAL_CONFIDENCE
from musicgen.wording import span


def notes(
    song: Annotated[str, typer.Argument(help="A song that is sound: its id or a file.", show_default=False)],
    confidence: Annotated[
        float, typer.Option(min=0.0, max=0.95, help="Leave out the notes that are less certain than this.")
    ] = USUAL_CONFIDENCE,
    as_json: AsJson = False,
) -> None:
    """Hear the notes in a song and add them to the library as a MIDI song."""
    from musicgen.hearing.heard import add_heard, estimate_seconds, hear, read_heard
    from musicgen.songs.library import get_song

    source = get_song(song_ids([song])[0][0])
    if source.medium == "audio" and read_heard(source.clip) is None:
        about = span(estimate_seconds(source.seconds))
        console.print(f"Hearing the notes takes about {about} on two idle cores.", markup=False, highlight=False)
    with counting("Hearing the notes", "windows of 1.6 s") as on_progress:
        heard = hear(source, on_progress=on_progress)
    report = add_heard(source, confidence)
    raise_if_machine_failed(report)
    if report.rejected:
        raise InvalidInput(report.rejected[0].reason, code=report.rejected[0].code)
    document = heard_json(source, heard, confidence, report)
    if as_json:
        print_json(document)
        return
    shown = ("id", "name", "from", "num_notes", "num_left_out", "tempo", "time_signature")
    rows = [(name.replace("_", " "), document[name]) for name in shown]
    print_table(("", ""), [*rows, ("beat", "found" if document["is_beat_found"] else "not found, even beats")])


def heard_json(source: Any, heard: Any, confidence: float, report: Any) -> dict[str, Any]:
    """The new song and its notes as one JSON object; times in seconds."""
    from musicgen.hearing.notes import HeardNotes
    from musicgen.songs.library import get_song

    kept: HeardNotes = heard.notes.above(confidence)
    song = get_song(report.song_ids[0])
    columns = (kept.onset, kept.offset, kept.pitch, kept.velocity, kept.confidence)
    return {
        "id": song.id,
        "name": song.name,
        "from": source.id,
        "seconds": song.seconds,
        "num_notes": kept.num_notes,
        "num_left_out": heard.notes.num_notes - kept.num_notes,
        "confidence": confidence,
        "tempo": heard.grid.tempo,
        "is_steady": heard.grid.is_steady,
        "is_beat_found": heard.grid.is_found,
        "time_signature": f"{heard.grid.metre}/4",
        "upbeat": heard.grid.upbeat,
        "beats": [round(time, 4) for time in heard.grid.times.tolist()],
        "notes": [
            {
                "onset": round(on, 4),
                "offset": round(off, 4),
                "pitch": pitch,
                "velocity": loud,
                "confidence": round(sure, 3),
            }
            for on, off, pitch, loud, sure in zip(*(column.tolist() for column in columns), strict=True)
        ],
        "warnings": list(report.files[0].warnings),
    }
