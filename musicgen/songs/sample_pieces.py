"""The pieces of the music21 corpus that are offered, their names, and how they are played. Facts only; light.

The composers died before 1926 and the printed collections are from 1883 or older, so the music is in the public
domain; the encodings come with music21 on the visitor's own machine. The Essen folk songs are left out: their status
is unclear.
"""

from __future__ import annotations

from dataclasses import dataclass

from musicgen.symbolic.score import Track

CHOIR, STRINGS = 52, (40, 40, 41, 42)


@dataclass(frozen=True)
class Piece:
    """A piece of the corpus. `tracks`, `tempo`, `velocities`, `with_repeats`: see `symbolic.corpus.corpus_score`."""

    name: str
    title: str
    tracks: tuple[Track, ...]
    tempo: float
    velocities: tuple[int, ...] = ()
    with_repeats: bool = False


SATB = tuple(Track(voice, CHOIR) for voice in ("Soprano", "Alto", "Tenor", "Bass"))
QUARTET = tuple(
    Track(name, program) for name, program in zip(("Violin I", "Violin II", "Viola", "Cello"), STRINGS, strict=True)
)
BOTH_HANDS = (Track("Right hand", 0), Track("Left hand", 0))

_TEN_CHORALES = {
    269: "Aus meines Herzens Grunde",
    347: "Ich dank dir, lieber Herre",
    267: "An Wasserflüssen Babylon",
    302: "Ein feste Burg ist unser Gott",
    386: "Nun danket alle Gott",
    255: "Ach Gott und Herr",
    377: "Mach's mit mir, Gott, nach deiner Güt",
    291: "Das walt mein Gott",
    342: "Heut triumphieret Gottes Sohn",
    434: "Wer nur den lieben Gott lässt walten",
}
_THIRTY_MORE = {
    311: "Es woll uns Gott genädig sein",
    318: "Gottes Sohn ist kommen",
    351: "Ich hab mein Sach Gott heimgestellt",
    415: "Valet will ich dir geben",
    308: "Es spricht der Unweisen Mund wohl",
    363: "Jesus Christus, unser Heiland",
    256: "Ach lieben Christen, seid getrost",
    330: "Herr, ich habe missgehandelt",
    305: "Erbarm dich mein, o Herre Gott",
    385: "Nun bitten wir den heiligen Geist",
    352: "Jesu, der du meine Seele",
    259: "Ach, was soll ich Sünder machen",
    416: "Vater unser im Himmelreich",
    382: "Mit Fried und Freud ich fahr dahin",
    429: "Wenn mein Stündlein vorhanden ist",
    404: "O Traurigkeit, o Herzeleid",
    280: "Christ, unser Herr, zum Jordan kam",
    431: "Wenn wir in höchsten Nöten sein",
    322: "Gott sei gelobet und gebenedeiet",
    334: "Herr Jesu Christ, du höchstes Gut",
    419: "Von Gott will ich nicht lassen",
    268: "Auf, auf, mein Herz",
    298: "Dies sind die heilgen zehn Gebot",
    263: "Alles ist an Gottes Segen",
    369: "Keinen hat Gott verlassen",
    373: "Liebster Jesu, wir sind hier",
    317: "Gott, der Vater, wohn uns bei",
    433: "Wer Gott vertraut, hat wohl gebaut",
    368: "In dulci jubilo",
    414: "Uns ist ein Kindlein heut geborn",
}


def _chorale(number: int, title: str) -> Piece:
    return Piece(f"bach/bwv{number}", f"Bach, {title} (BWV {number})", SATB, 92.0, (92, 78, 78, 84))


TEN_CHORALES = tuple(_chorale(number, title) for number, title in _TEN_CHORALES.items())
FORTY_CHORALES = TEN_CHORALES + tuple(_chorale(number, title) for number, title in _THIRTY_MORE.items())

_REEL, _JIG = 104.0, 168.0  # quarter notes a minute; a beat of a jig has three eighths
_DANCES = (
    ("ArkansasTravellerReel", "Arkansas Traveller", _REEL),
    ("CollegeHornpipe", "College Hornpipe", _REEL),
    ("DevilsDreamReel", "Devil's Dream", _REEL),
    ("DurangsHornpipe", "Durang's Hornpipe", _REEL),
    ("FishersHornpipe", "Fisher's Hornpipe", _REEL),
    ("GarryOwenJig", "Garry Owen", _JIG),
    ("HasteToTheWeddingJig", "Haste to the Wedding", _JIG),
    ("MissMcCloudsReel", "Miss McCloud's Reel", _REEL),
    ("RickettsHornpipe", "Ricketts' Hornpipe", _REEL),
    ("SpeedThePloughReel", "Speed the Plough", _REEL),
)
TEN_DANCES = tuple(
    Piece(f"ryansMammoth/{name}", title, (Track("Fiddle", 110),), tempo, (92,), with_repeats=True)
    for name, title, tempo in _DANCES
)

HAYDN = Piece(
    "haydn/opus1no1/movement1", "Haydn, String quartet in B-flat (La chasse), Presto", QUARTET, 168.0, (92, 78, 76, 84)
)
MOZART = Piece(
    "mozart/k545/movement1_exposition", "Mozart, Sonata in C (K. 545), exposition", BOTH_HANDS, 132.0, (88, 70)
)
JOPLIN = Piece("joplin/maple_leaf_rag", "Joplin, Maple Leaf Rag", BOTH_HANDS, 88.0, (92, 78), with_repeats=True)
FOSTER = Piece(
    "leadSheet/fosterBrownHair", "Foster, Jeanie with the Light Brown Hair", (Track("Voice", 73),), 84.0, (88,)
)
