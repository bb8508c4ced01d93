"""`compare ORIGINAL GENERATED`: two files or ids, measured side by side."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from musicgen.cli.shown import AsJson, print_json, print_table
from musicgen.evaluation.borrowing_words import moved_words

PASSAGE_COLUMNS = ("passage in both", "in the original", "moved", "alike")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _passage_row(passage: dict[str, Any]) -> tuple[str, ...]:
    here, there = (
        f"{passage[a]:.1f} to {passage[b]:.1f} s" for a, b in (("start", "stop"), ("song_start", "song_stop"))
    )
    return here, there, moved_words(passage), f"{passage['similarity']:.0%}"


def compare(
    reference: Annotated[
        str, typer.Argument(metavar="original", help="A file, a song id or an output id.", show_default=False)
    ],
    generated: Annotated[str, typer.Argument(help="A file, a song id or an output id.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Measure an original and a generated piece, and how much they differ."""
    from musicgen.comparison.comparison import comparison

    document = comparison(reference, generated)
    if as_json:
        print_json(document)
        return
    names = list(dict.fromkeys([*document["reference"], *document["generated"]]))
    rows = [(n, _number(document["reference"].get(n)), _number(document["generated"].get(n))) for n in names]
    print_table((document["medium"], "original", "generated"), rows)
    print_table(("difference", "value"), ((n, _number(v)) for n, v in document["between"].items()))
    print(document["stretch"]["text"])
    if document.get("training"):
        print(document["training"]["text"])
    if passages := document.get("passages"):
        print_table(PASSAGE_COLUMNS, [_passage_row(each) for each in passages])
    for verdict in document.get("verdicts", ()):
        print(f"{verdict['title']}: {verdict['cause']}")
