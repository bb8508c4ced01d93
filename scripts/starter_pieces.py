"""The pieces of the music21 corpus that starters learn from, by composer. Facts only.

Their composers died before 1926, and the printed collection of dances is from 1883: the music is in the public domain.
Left out are the product's samples, on which gains are measured, the other movements of the quartet among them, and the
dances that outputs are compared with (`musicgen.benchmarks.held_out_music`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from musicgen.benchmarks.held_out_music import MORE_DANCES
from musicgen.songs.sample_pieces import BOTH_HANDS, FORTY_CHORALES, QUARTET, SATB, TEN_DANCES
from musicgen.symbolic.score import Track


@dataclass(frozen=True)
class Group:
    """Pieces of one composer for the same instruments. `of_voices`: of several lines, which `voices` learns from."""

    composer: str
    names: tuple[str, ...]
    tracks: tuple[Track, ...]
    tempo: float
    velocities: tuple[int, ...]
    of_voices: bool = False


def _names(text: str) -> list[str]:
    return text.split()


_SAMPLES = {piece.name for piece in (*FORTY_CHORALES, *TEN_DANCES)}
# Those with a part for each voice and no other; many more of the cantatas have instruments too.
_CANTATAS = _names(
    "2.6 3.6 4.8 5.7 6.6 7.7 9.7 10.7 13.6 14.5 16.6 17.7 18.5-w 20.7 25.6 26.6 28.6 30.6 32.6 33.6 36.4-2 37.6 38.6 "
    "39.7 40.3 40.6 40.8 42.7 44.7 47.5 48.3 48.7 55.5 56.5 57.8 60.5 62.6 64.2 64.4 66.6 67.7 70.7 72.6 73.5 74.8 "
    "77.6 78.7 80.8 81.7 83.5 84.5 85.6 86.6 87.7 88.7 89.6 90.5 92.9 93.7 94.8 96.6 99.6 101.7 102.7 103.6 104.6 "
    "108.6 111.6 113.8 114.7 115.6 116.6 117.4 119.9 121.6 122.6 123.6 124.6 125.6 126.6 127.5 133.6 135.6 139.6 "
    "144.3 144.6 145.5 146.8 148.6 151.5 153.1 153.5 153.9 154.3 154.8 155.5 156.6 157.5 158.4 159.5 164.6 165.6 "
    "166.6 168.6 169.7 174.5 176.6 177.5 178.7 179.6 180.7 184.5 187.7 188.6 194.6 194.12 197.5 226.2 227.1 227.3 "
    "227.7 227.11 229.2 244.3 244.10 244.15 244.17 244.25 244.32 244.37 244.40 244.44 244.46 244.54 244.62 245.3 "
    "245.5 245.11 245.14 245.15 245.17 245.22 245.26 245.28 245.37 245.40 248.5 248.17 248.28"
)
_CHORALES = [str(number) for number in range(253, 439)]
_DANCES = _names(
    "AdmiralsHornpipe AnnieHughesJig BanksOfEnvernessReel BellesOfOmahaReel BlackSheepJig BonnieLadReel "
    "BricklayersHornpipe BundleAndGoJig CapeCodReel CharmingKatysReel ColberthsHornpipe CoquetteHornpipe "
    "CustomHouseJig DerbyHornpipe DownfallOfWaterStreetJig EmigrantsReel FastenTheWigOnHerJig FletchersDelightReel "
    "FrazersJig GoAsYouPleaseHornpipe GreenFlagIsFlyingReel HarrisonsCelebratedReel HillsOfGlenurchieJig "
    "HumorsOfTuftsStreetReel InmanLineReel JacksonsBottleOfBrandyJig JockTamsonsHornpipe KatysRamblesJig "
    "KittyONeilsChampionJig LadyMontgomerysReel LeagueAndSlasherReel LittleHouseRoundTheCornerJig LuckieBawdinsReel "
    "MaloneysFancyJig McGuffumsReel MissJessWatsonsHornpipe MoneyMuskReel MullinsFavoriteReel NeathTheMoonlightReel "
    "NoraCreinasJig OldDutchChurnJig OrientalHornpipe PaddyOnTheRailroadReel ParnellsReel PhilIsaacsJig "
    "PrettyJanesReel QueeniesOwnReel RecreationReel RollingOffALogJig SalamancaReel ShinsAroundTheFiresideJig "
    "SmithsDelightReel StElmoHornpipe SynthaReel TeteATeteHornpipe TornadoReel VaughansFavoriteJig "
    "WelcomeHereAgainReel WinnieGreensFavoriteReel"
)


def _movements(work: str, numbers: range | tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{work}/movement{number}" for number in numbers)


def _strings(composer: str, *names: str) -> Group:
    return Group(composer, names, QUARTET, 120.0, (92, 78, 76, 84), of_voices=True)


def _piano(composer: str, *names: str) -> Group:
    return Group(composer, names, BOTH_HANDS, 110.0, (90, 74))


_FIDDLE = TEN_DANCES[0]
_ALL = (
    Group(
        "J. S. Bach", tuple(f"bach/bwv{number}" for number in (*_CHORALES, *_CANTATAS)), SATB, 92.0, (92, 78, 78, 84),
        of_voices=True,
    ),
    _strings("Joseph Haydn", *_movements("haydn/opus74no1", range(1, 5))),
    _strings(
        "W. A. Mozart", *_movements("mozart/k155", range(1, 4)), *_movements("mozart/k156", range(1, 5)),
        *_movements("mozart/k458", range(1, 5)), *_movements("mozart/k80", range(1, 5)),
    ),
    _strings(
        "Ludwig van Beethoven", *_movements("beethoven/opus18no1", range(1, 5)),
        *_movements("beethoven/opus59no1", (2, 3)), *_movements("beethoven/opus59no2", (2, 3)),
    ),
    _strings("Robert Schumann", *_movements("schumann_robert/opus41no1", (1, 3))),
    _piano("Clara Schumann", *(f"schumann_clara/polonaise_op1n{number}" for number in range(1, 5))),
    _piano("Frédéric Chopin", "chopin/mazurka06-2"),
    _piano("C. P. E. Bach", "cpebach/h186"),
    Group(
        "Arcangelo Corelli", ("corelli/opus3no1/1grave",), (Track("Violin I", 40), Track("Violin II", 40),
        Track("Cello", 42), Track("Organ", 19)), 60.0, (88, 84, 78, 70),
    ),
    Group("Ryan's Mammoth Collection", tuple(f"ryansMammoth/{name}" for name in _DANCES), _FIDDLE.tracks,
          112.0, _FIDDLE.velocities),
)  # fmt: skip
_NOT_TO_LEARN = _SAMPLES | {f"ryansMammoth/{name}" for name in MORE_DANCES}
GROUPS = tuple(replace(group, names=tuple(name for name in group.names if name not in _NOT_TO_LEARN)) for group in _ALL)
