"""MusicXML elements of notes, attributes and tempo marks. Source: MusicXML 4.0, W3C, 2021.

Parts are written at sounding pitch, whatever the instrument. Knows notation only, no scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from xml.sax.saxutils import escape

from musicgen.symbolic.note_values import VALUES, WrittenEvent

_TYPES = ("breve", "whole", "half", "quarter", "eighth", "16th", "32nd", "64th", "128th", "256th", "512th", "1024th")
_NAMES = dict(zip(sorted({plain for plain, _ in VALUES}, reverse=True), _TYPES, strict=True))
_WRITTEN = {value: (_NAMES[plain], {plain: 0, plain * 3 / 2: 1}.get(value, 2)) for plain, value in VALUES}
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_VELOCITY_UNIT = Fraction(100, 90)  # in percent of a forte, which is velocity 90
_DOCTYPE = (
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">'
)


@dataclass(frozen=True)
class Head:
    """One note of a chord as drawn: its position (`step`, `octave`), `alter` in semitones, `accidental` if one is
    printed. `instrument`: id of a drum, which has a position but no pitch; `shape` of its head."""

    step: str
    octave: int
    alter: int = 0
    accidental: bool = False
    instrument: str = ""
    shape: str = "normal"


@dataclass(frozen=True)
class Player:
    """One instrument of a part. `channel`: None if the first port has none left. `unpitched`: key of a drum."""

    id: str
    name: str
    channel: int | None
    program: int
    unpitched: int | None = None


def document(title: str, parts: Sequence[tuple[str, str, Sequence[Player]]], bodies: Iterable[Iterable[str]]) -> bytes:
    """A score. `parts`: (id, name, instruments) of each; `bodies`: its measures."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', _DOCTYPE, '<score-partwise version="4.0">']
    if title:
        lines.append(f"<work><work-title>{_text(title)}</work-title></work>")
    lines.append("<identification><encoding><software>musicgen</software></encoding></identification><part-list>")
    for id, name, players in parts:
        lines += _score_part(id, name, players)
    lines.append("</part-list>")
    for (id, _, _), body in zip(parts, bodies, strict=True):
        lines += [f'<part id="{id}">', *body, "</part>"]
    return "\n".join([*lines, "</score-partwise>", ""]).encode()


def _score_part(id: str, name: str, players: Sequence[Player]) -> Iterator[str]:
    short = name if len(name) <= 6 else f"{name[:4]}."
    yield f'<score-part id="{id}"><part-name>{_text(name)}</part-name>'
    yield f"<part-abbreviation>{_text(short)}</part-abbreviation>"
    for player in players:
        yield (
            f'<score-instrument id="{player.id}"><instrument-name>{_text(player.name)}</instrument-name>'
            "</score-instrument>"
        )
    for player in players:
        key = "" if player.unpitched is None else f"<midi-unpitched>{player.unpitched + 1}</midi-unpitched>"
        channel = "" if player.channel is None else f"<midi-channel>{player.channel + 1}</midi-channel>"
        yield (
            f'<midi-instrument id="{player.id}">{channel}'
            f"<midi-program>{player.program + 1}</midi-program>{key}</midi-instrument>"
        )
    yield "</score-part>"


def attributes(
    *,
    divisions: int | None = None,
    key: tuple[int, bool] | None = None,
    time: tuple[int, int] | None = None,
    clef: tuple[str, int, int] | None = None,
) -> str:
    """The changes at the beginning of a measure. `key`: sharps, is minor. `clef`: sign, line, octaves higher."""
    inside = ""
    if divisions is not None:
        inside += f"<divisions>{divisions}</divisions>"
    if key is not None:
        inside += f"<key><fifths>{key[0]}</fifths><mode>{'minor' if key[1] else 'major'}</mode></key>"
    if time is not None:
        inside += f"<time><beats>{time[0]}</beats><beat-type>{time[1]}</beat-type></time>"
    if clef is not None:
        sign, line, octave = clef
        inside += f"<clef><sign>{sign}</sign>" + (f"<line>{line}</line>" if line else "")
        inside += (f"<clef-octave-change>{octave}</clef-octave-change>" if octave else "") + "</clef>"
    return f"<attributes>{inside}</attributes>" if inside else ""


def tempo_mark(tempo: float, offset: int, *, is_shown: bool) -> str:
    """A tempo in quarter notes a minute; `offset`: divisions after the current position."""
    number = f"{tempo:.3f}".rstrip("0").rstrip(".")
    shown = "" if is_shown else ' print-object="no"'
    moved = f'<offset sound="yes">{offset}</offset>' if offset else ""
    return (
        f'<direction placement="above"><direction-type><metronome{shown}><beat-unit>quarter</beat-unit>'
        f"<per-minute>{number}</per-minute></metronome></direction-type>{moved}"
        f'<sound tempo="{tempo:.6f}"/></direction>'
    )


def backup(divisions: int) -> str:
    """Go back this many divisions, to where another voice begins."""
    return f"<backup><duration>{divisions}</duration></backup>"


def note(
    event: WrittenEvent,
    heads: Sequence[Head],
    divisions: int,
    voice: int,
    *,
    beams: Sequence[str] = (),
    brackets: Sequence[str] = (),
    fills_measure: bool = False,
    ids: Sequence[str] = (),
) -> Iterator[str]:
    """The notes of an event, or its rest. `brackets`: start, stop of a tuplet. `ids`: of the notes, if any."""
    timing = f"<voice>{voice}</voice>" + ("" if fills_measure else _value(event))
    duration = f"<duration>{int(event.length * divisions)}</duration>"
    modified = ""
    if event.tuplet is not None:
        modified = (
            f"<time-modification><actual-notes>{event.tuplet.actual}</actual-notes>"
            f"<normal-notes>{event.tuplet.normal}</normal-notes></time-modification>"
        )
    marks = "".join(f'<tuplet type="{kind}"/>' for kind in brackets)
    if not heads:
        whole = ' measure="yes"' if fills_measure else ""
        yield f"<note><rest{whole}/>{duration}{timing}{modified}{_notations(marks)}</note>"
        return
    lines = "".join(f'<beam number="{level}">{part}</beam>' for level, part in enumerate(beams, start=1))
    ties = {"stop": ("stop",), "start": ("start",), "continue": ("stop", "start")}.get(event.tie, ())
    sounds = "".join(f'<tie type="{kind}"/>' for kind in ties)
    tied = "".join(f'<tied type="{kind}"/>' for kind in ties)
    for place, (head, velocity) in enumerate(zip(heads, event.velocities, strict=True)):
        accidental = f"<accidental>{_ACCIDENTALS[head.alter]}</accidental>" if head.accidental else ""
        shape = f"<notehead>{head.shape}</notehead>" if head.shape != "normal" else ""
        told = f' id="{ids[place]}"' if ids else ""
        told += f' dynamics="{float(velocity * _VELOCITY_UNIT):.2f}"'
        yield (
            f"<note{told}>{'<chord/>' if place else ''}{_pitch(head)}"
            f"{duration}{sounds}{_instrument(head)}{timing}{accidental}{modified}{shape}{'' if place else lines}"
            f"{_notations(tied + ('' if place else marks))}</note>"
        )


def _pitch(head: Head) -> str:
    if head.instrument:
        place = f"<display-step>{head.step}</display-step><display-octave>{head.octave}</display-octave>"
        return f"<unpitched>{place}</unpitched>"
    alter = f"<alter>{head.alter}</alter>" if head.alter else ""
    return f"<pitch><step>{head.step}</step>{alter}<octave>{head.octave}</octave></pitch>"


def _instrument(head: Head) -> str:
    return f'<instrument id="{head.instrument}"/>' if head.instrument else ""


def _value(event: WrittenEvent) -> str:
    name, dots = _WRITTEN.get(event.value, ("", 0))
    return f"<type>{name}</type>{'<dot/>' * dots}" if name else ""


def _notations(inside: str) -> str:
    return f"<notations>{inside}</notations>" if inside else ""


def _text(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else " " for letter in text))
