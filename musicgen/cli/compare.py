"""`compare ORIGINAL GENERATED`: two files or ids, measured side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from musicgen.cli.shown import AsJson, console, print_json, print_table
from musicgen.errors import InvalidInput, sentence
from musicgen.evaluation.borrowing_words import moved_words

PASSAGE_COLUMNS = ("passage in both", "in the original", "moved", "alike")
Excerpt = tuple[float, float] | None
Report = Annotated[Path | None, typer.Option(help="Also write all of it as one HTML file that plays without a server.")]


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
    original_excerpt: Annotated[str | None, typer.Option(help="Compare only these seconds, such as 10-40.")] = None,
    generated_excerpt: Annotated[str | None, typer.Option(help="The same for the generated piece.")] = None,
    report: Report = None,
    as_json: AsJson = False,
) -> None:
    """Measure an original and a generated piece, and how much they differ."""
    from musicgen.comparison.comparison import comparison

    excerpts = (_excerpt(original_excerpt), _excerpt(generated_excerpt))
    document = comparison(reference, generated, reference_stretch=excerpts[0], generated_stretch=excerpts[1])
    if report is not None:
        _write_report(reference, generated, excerpts, report)
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


def _excerpt(text: str | None) -> Excerpt:
    """`10-40` → (10.0, 40.0)."""
    if text is None:
        return None
    start, _, stop = text.partition("-")
    try:
        return float(start), float(stop)
    except ValueError:
        rule = "An excerpt is given as two numbers of seconds with a dash between them, such as 10-40"
        raise InvalidInput(sentence(rule, repr(text[:40]))) from None


def _write_report(reference: str, generated: str, excerpts: tuple[Excerpt, Excerpt], path: Path) -> None:
    from musicgen.cli.waiting import counting
    from musicgen.comparison.report import report_bytes
    from musicgen.storage.files import write_out

    with counting("report", "steps") as count:
        content = report_bytes(reference, generated, excerpts=excerpts, on_progress=count)
    write_out(content, path)
    console.print(f"Written to {path}", markup=False, highlight=False)
