"""`blind start | answer | list | show | give-up | delete`: blind tests, for listening outside the browser too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.listing import print_json_list
from musicgen.cli.shown import AsJson, console, print_json, print_table
from musicgen.errors import InvalidInput, sentence
from musicgen.storage.files import copy_out

app = typer.Typer(help="Which one is real? Blind tests of what runs have made.", no_args_is_help=True)

TestId = Annotated[str, typer.Argument(metavar="test", help="The id of a blind test.", show_default=False)]


@app.command()
def start(
    output: Annotated[str, typer.Argument(help="The id of an output.", show_default=False)],
    kind: Annotated[
        str, typer.Option(help="real: original or generated? abx: which of two outputs is X from?")
    ] = "real",
    against: Annotated[str, typer.Option(help="One song (default: all songs of its run), or the other output.")] = "",
    rounds: Annotated[int, typer.Option(help="How many rounds, 10 to 25. Fixed from here on.")] = 16,
    seconds: Annotated[float, typer.Option(help="Length of each excerpt.")] = 8.0,
    out: Annotated[Path | None, typer.Option(help="Write the excerpts to this folder, one folder a round.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a blind test. Which is which stays sealed in the record until the last round is answered."""
    from musicgen.listening.material import BlindOrder
    from musicgen.listening.records import get_test, start_test
    from musicgen.listening.results import as_json as document

    with console.status("Making the excerpts"):
        test_id = start_test(BlindOrder(output, kind, against, rounds, seconds))
    test = get_test(test_id)
    files = [] if out is None else _write(test, out)
    if as_json:
        print_json({**document(test), "files": files})
        return
    print(f"{test_id}: {test.n_rounds} rounds. Answer them with `blind answer {test_id} a b …`, one letter a round.")


def _write(test: Any, out: Path) -> list[dict[str, str]]:
    """Copy the excerpts of all rounds; returns position → path for each round."""
    from musicgen.listening.records import sound_path

    files = []
    for number in range(1, test.n_rounds + 1):
        folder = out / f"round-{number:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        paths = {place.upper(): folder / f"{place.upper()}.wav" for place in test.positions}
        for place, path in paths.items():
            copy_out(sound_path(test, number, place.lower()), path)
        files.append({place: str(path) for place, path in paths.items()})
    return files


@app.command()
def answer(
    test: TestId,
    answers: Annotated[list[str], typer.Argument(metavar="A|B...", help="One letter a round, in order.")],
    as_json: AsJson = False,
) -> None:
    """Answer the next rounds: which one is real (or: which one is X from)?"""
    from musicgen.listening import records

    given = [each.strip().lower() for each in answers]
    if wrong := [each for each in given if each not in ("a", "b")]:
        raise InvalidInput(sentence("The answer to a round is A or B", repr(wrong[0][:20])))
    found = records.get_test(test)
    if len(given) > (left := found.n_rounds - len(found.answers)):
        raise InvalidInput(sentence(f"This test has {left} rounds left", f"{len(given)} answers"))
    for each in given:
        found = records.answer(test, found.round_number, each)
    _show(found, as_json=as_json)


@app.command("list")
def list_(
    output: Annotated[str | None, typer.Option(help="Only tests of this output.")] = None, as_json: AsJson = False
) -> None:
    """List the blind tests, newest first; of one output, also how often it was taken for real."""
    from musicgen.listening.records import list_tests
    from musicgen.listening.results import as_json as document
    from musicgen.listening.results import confusion_of

    tests = list_tests(output)
    if as_json:
        print_json_list(map(document, tests), None)
        return
    rows = [
        (each.id, each.kind, each.output_id, each.state, f"{len(each.answers)} of {each.n_rounds}") for each in tests
    ]
    print_table(("test", "kind", "output", "state", "answered"), rows)
    if output and (found := confusion_of(output)):
        print(found["text"])


@app.command()
def show(test: TestId, as_json: AsJson = False) -> None:
    """Show a blind test: what came out and which was which, once it has ended."""
    from musicgen.listening.records import get_test

    _show(get_test(test), as_json=as_json)


@app.command("give-up")
def give_up(test: TestId, as_json: AsJson = False) -> None:
    """End a blind test before its last round. It is kept, but it does not count."""
    from musicgen.listening import records

    records.give_up(test)
    _show(records.get_test(test), as_json=as_json)


@app.command()
def delete(test: TestId) -> None:
    """Delete a blind test with its result."""
    from musicgen.listening import records

    records.delete_test(test)


def _show(test: Any, *, as_json: bool) -> None:
    from musicgen.listening.results import as_json as to_document

    document = to_document(test)
    if as_json:
        print_json(document)
        return
    print(f"{test.id}: {test.state.replace('_', ' ')}, {len(test.answers)} of {test.n_rounds} rounds answered.")
    rows = [
        (number, *(each["sides"][place]["name"] for place in test.positions), each["answer"], each["right"])
        for number, each in enumerate(document.get("answers", ()), 1)
    ]
    if rows:
        print_table(("round", *(place.upper() for place in test.positions), "answer", "right"), rows)
    if result := document["result"]:
        print(result["text"])
