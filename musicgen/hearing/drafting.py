"""Child: writes the surer ones of the notes heard in a song as a clip. Started by `heard.draft`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from musicgen.child import child_main
from musicgen.clips.clip import Clip
from musicgen.clips.writing import score_contents, write_contents
from musicgen.errors import InvalidInput, sentence
from musicgen.hearing.heard import FOLDER, read_heard
from musicgen.hearing.writing_down import heard_score
from musicgen.storage.files import publishing


def write_draft(payload: dict[str, Any]) -> dict[str, Any]:
    """payload: `folder` of the song's clip, `name` of the draft, `least` confidence of its notes. Returns its facts."""
    heard = read_heard(Clip(Path(payload["folder"])))
    if heard is None:
        raise InvalidInput(
            sentence("The notes of a song must be heard before they are written", "a song not heard yet")
        )
    score = heard_score(heard.notes.above(payload["least"]), heard.grid)
    facts, contents = score_contents(score)
    with publishing(Path(payload["folder"]) / FOLDER / payload["name"]) as place:
        write_contents(place, contents)
    return facts


if __name__ == "__main__":
    child_main(write_draft)
