"""What a lesson file says. Read from TOML, checked here against the approaches: a lesson that is read can be run.

    title, number, medium, sample, summary, idea     what the lesson is about, and on which music
    [predict]          the question, with two to five answers
    [[runs]]           trainings, each with the pieces that follow it
    [[values]]         numbers that are measured in these runs, in their pieces or in the songs
    [[see]]            what is heard and seen: curves of runs, or pieces as lanes of one player
    [[outcomes]]       what may come out, in order: the first one whose conditions all hold is told

All text is plain; an empty line begins a new paragraph, and {name} stands for a value. The last outcome has no
conditions, so there is always one to tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from musicgen.approaches import approaches
from musicgen.contract.parameters import read_parameters
from musicgen.errors import InvalidInput, MusicgenError, sentence
from musicgen.evaluation.glossary import METRICS
from musicgen.lessons.conditions import Condition, read_condition

KEY = re.compile(r"^[a-z][a-z0-9_]{0,40}\Z")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
SONGS = "songs"  # as `of`: the songs themselves
OF_RUNS = (
    *("best_loss", "first_loss", "last_loss", "first_training_loss", "last_training_loss", "best_epoch", "epochs"),
    *("lowest_floor", "receptive_steps", "receptive_seconds", "weights"),
)
OF_PIECES = ("borrowed_share", "songs_share", "longest_passage", "num_passages")
FLOOR, METRIC = "floor.", "metric."

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]  # in pydantic's dialect, `$` is the very end
Text = Annotated[str, Field(min_length=1, max_length=4000)]
Line = Annotated[str, Field(min_length=1, max_length=300)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(_Part):
    """`but`: what is told to those who chose it when something else came out."""

    key: Name
    text: Line
    but: Text


class Question(_Part):
    question: Text
    answers: Annotated[tuple[Answer, ...], Field(min_length=2, max_length=5)]


class Pieces(_Part):
    """Pieces made when the run is trained. `checkpoint`: best, last, or an epoch; `seconds`: of computing, about."""

    name: Name
    title: Line
    generation: dict[str, Any] = {}
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    count: Annotated[int, Field(ge=1, le=8)] = 1
    checkpoint: Literal["best", "last"] | Annotated[int, Field(ge=1)] = "best"
    seconds: Annotated[float, Field(gt=0, le=600)]


class LessonRun(_Part):
    """A training. `seconds`: of computing, about, on two cores."""

    name: Name
    title: Line
    approach: str
    training: dict[str, Any] = {}
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    seconds: Annotated[float, Field(gt=0, le=600)]
    pieces: tuple[Pieces, ...] = ()

    @model_validator(mode="after")
    def _settings_exist(self) -> LessonRun:
        known = approaches().get(self.approach)
        if known is None:
            raise ValueError(f"run {self.name}: there is no approach {self.approach!r}")
        try:
            read_parameters(known.Training, self.training)
            for each in self.pieces:
                read_parameters(known.Generation, each.generation)
        except MusicgenError as error:
            raise ValueError(f"run {self.name}: {error}") from error
        return self


class Value(_Part):
    """A number to measure. Either `what` is measured `of` a run, of pieces (their mean) or of the songs (their mean),
    or it is the `distance`, `ratio` or `difference` of two values before it.

    `unit`: "%" shows a share as a percentage, "s" and "ms" a time in seconds; anything else is written behind the
    number."""

    name: Name
    title: Line
    of: str = ""
    what: str = ""
    unit: Annotated[str, Field(max_length=30)] = ""
    distance: tuple[Name, Name] | None = None
    ratio: tuple[Name, Name] | None = None
    difference: tuple[Name, Name] | None = None

    @property
    def derived_from(self) -> tuple[str, str] | None:
        return self.distance or self.ratio or self.difference

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Value:
        ways = [bool(self.of and self.what), *(bool(way) for way in (self.distance, self.ratio, self.difference))]
        if sum(ways) != 1 or bool(self.of) != bool(self.what):
            raise ValueError(f"value {self.name} has either `of` and `what`, or one of distance, ratio, difference")
        return self


class View(_Part):
    """`curves` draws the losses of `runs`. `player` plays `pieces` as lanes, if wanted after a song (`with_song`), and
    with the passages that they share with it (`passages`)."""

    kind: Literal["curves", "player"]
    title: Line
    runs: tuple[Name, ...] = ()
    pieces: tuple[Name, ...] = ()
    with_song: bool = False
    passages: bool = False
    picture: Literal["waveform", "spectrogram", "roll"] | None = None

    @model_validator(mode="after")
    def _has_something(self) -> View:
        wanted, other = (self.runs, self.pieces) if self.kind == "curves" else (self.pieces, self.runs)
        if not wanted or other:
            raise ValueError(f"a view of the kind {self.kind} names {'runs' if self.kind == 'curves' else 'pieces'}")
        return self


class Outcome(_Part):
    """What came out if all conditions in `when` hold. `answer`: the right one; "" if none of them is.

    `usual`: this is what one expects; in all others the text says that it came out otherwise, and why it may."""

    when: tuple[str, ...] = ()
    answer: str = ""
    usual: bool = False
    text: Text

    @field_validator("when")
    @classmethod
    def _are_conditions(cls, when: tuple[str, ...]) -> tuple[str, ...]:
        for text in when:
            try:
                read_condition(text)
            except InvalidInput as error:
                raise ValueError(str(error)) from error
        return when

    @property
    def conditions(self) -> list[Condition]:
        return [read_condition(text) for text in self.when]


class Lesson(_Part):
    """A lesson, complete and consistent."""

    title: Line
    number: Annotated[int, Field(ge=1, le=999)]
    medium: Literal["midi", "audio"]
    sample: str
    min_songs: Annotated[int, Field(ge=1, le=100)] = 1
    summary: Line
    idea: Text
    predict: Question
    runs: Annotated[tuple[LessonRun, ...], Field(min_length=1, max_length=6)]
    values: Annotated[tuple[Value, ...], Field(min_length=1, max_length=20)]
    see: Annotated[tuple[View, ...], Field(min_length=1, max_length=8)]
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=2)]

    @property
    def seconds(self) -> float:
        """Of computing, about, on two cores."""
        return sum(run.seconds + sum(each.seconds for each in run.pieces) for run in self.runs)

    def run(self, name: str) -> LessonRun:
        return next(each for each in self.runs if each.name == name)

    def owner(self, pieces: str) -> tuple[LessonRun, int]:
        """The run that makes these pieces, and their number among all that follow it."""
        return next((run, number) for run in self.runs for number, each in enumerate(run.pieces) if each.name == pieces)

    def pieces(self, name: str) -> Pieces:
        run, number = self.owner(name)
        return run.pieces[number]

    def answer(self, key: str) -> Answer:
        """Raises InvalidInput for an answer that the question does not have."""
        found = next((each for each in self.predict.answers if each.key == key), None)
        if found is None:
            known = ", ".join(each.key for each in self.predict.answers)
            raise InvalidInput(sentence(f"The answers to this lesson are {known}", repr(key[:40])))
        return found

    @model_validator(mode="after")
    def _is_consistent(self) -> Lesson:
        from musicgen.songs.samples import SAMPLES

        samples = {sample.key: sample.medium for sample in SAMPLES}
        if samples.get(self.sample) != self.medium:
            raise ValueError(f"sample: {self.sample!r} is no sample of the medium {self.medium}")
        names = [run.name for run in self.runs] + [each.name for run in self.runs for each in run.pieces]
        for kind, given in (
            ("name of a run or piece", names),
            ("name of a value", [value.name for value in self.values]),
            ("key of an answer", [answer.key for answer in self.predict.answers]),
        ):
            if twice := {name for name in given if given.count(name) > 1}:
                raise ValueError(f"each {kind} must be its own; {', '.join(sorted(twice))} occurs twice")
        self._check_runs()
        self._check_values()
        self._check_outcomes()
        return self

    def _check_runs(self) -> None:
        runs = {run.name for run in self.runs}
        pieces = {each.name for run in self.runs for each in run.pieces}
        for run in self.runs:
            if approaches()[run.approach].medium != self.medium:
                raise ValueError(f"run {run.name}: {run.approach} does not learn from {self.medium}")
        for view in self.see:
            if unknown := (set(view.runs) - runs) | (set(view.pieces) - pieces):
                raise ValueError(f"see “{view.title}”: there is no {', '.join(sorted(unknown))}")

    def _check_values(self) -> None:
        runs = {run.name for run in self.runs}
        pieces = {each.name for run in self.runs for each in run.pieces}
        metrics = {f"{METRIC}{each.key}" for each in METRICS if each.medium == self.medium and each.kind == "single"}
        before: set[str] = set()
        for value in self.values:
            if pair := value.derived_from:
                if unknown := set(pair) - before:
                    raise ValueError(f"value {value.name}: {', '.join(sorted(unknown))} is no value before it")
            elif value.of in runs:
                _check_what(value, {*OF_RUNS}, prefix=FLOOR)
            elif value.of in pieces:
                _check_what(value, {*OF_PIECES, *metrics})
            elif value.of == SONGS:
                _check_what(value, metrics)
            else:
                raise ValueError(f"value {value.name}: there is no run and there are no pieces {value.of!r}")
            before.add(value.name)

    def _check_outcomes(self) -> None:
        values = {value.name for value in self.values}
        answers = {answer.key for answer in self.predict.answers}
        for number, outcome in enumerate(self.outcomes, 1):
            needed = {name for condition in outcome.conditions for name in condition.names}
            _check_text(f"outcome {number}", outcome.text, values)
            if unknown := needed - values:
                raise ValueError(f"outcome {number}: {', '.join(sorted(unknown))} is no value of this lesson")
            if outcome.answer and outcome.answer not in answers:
                raise ValueError(f"outcome {number}: {outcome.answer} is no answer of this lesson")
            if bool(outcome.when) == (number == len(self.outcomes)):
                raise ValueError("all outcomes but the last have conditions, and the last one has none")
        if not any(outcome.usual for outcome in self.outcomes):
            raise ValueError("one outcome must be the usual one (usual = true)")
        for answer in self.predict.answers:
            _check_text(f"answer {answer.key}", answer.but, values)


def _check_what(value: Value, known: set[str], *, prefix: str = "") -> None:
    if value.what not in known and not (prefix and value.what.startswith(prefix)):
        listed = ", ".join(sorted(each for each in known if "." not in each))
        also = f"{prefix}<name>" if prefix else f"{METRIC}<name of a measurement>"
        raise ValueError(f"value {value.name}: {value.what!r} cannot be measured there; known: {listed}, {also}")


def _check_text(place: str, text: str, values: set[str]) -> None:
    if unknown := set(PLACEHOLDER.findall(text)) - values:
        raise ValueError(f"{place}: {{{', '.join(sorted(unknown))}}} in its text is no value of this lesson")


def read_lesson(document: Mapping[str, Any]) -> Lesson:
    """The lesson in a document. Raises InvalidInput with a sentence for the first things that are wrong."""
    try:
        return Lesson.model_validate(document)
    except ValidationError as error:
        told = "; ".join(_explain(item) for item in error.errors()[:4])
        raise InvalidInput(sentence("A lesson must follow the form of a lesson file", told)) from error


def _explain(item: Mapping[str, Any]) -> str:
    place = ".".join(str(part) for part in item["loc"])
    message = str(item["msg"]).removeprefix("Value error, ").rstrip(".")
    return f"{place}: {message}" if place else message


def paragraphs(text: str) -> Sequence[str]:
    """The paragraphs of a text, each on one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]
