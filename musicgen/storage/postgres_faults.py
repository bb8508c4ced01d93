"""Errors of PostgreSQL in words, by the code that the server gives; while connecting it gives none, only a text."""

from __future__ import annotations

import re

from musicgen.errors import CorruptArtifact, MusicgenError, ResourceUnavailable, StorageUnavailable, sentence

AWAY = "record_away"  # the code of errors that go away when the server is back
SHOWN_CHARACTERS = 300
ADDRESS = "MUSICGEN_DATABASE_URL"
LATER = "Start the server, or wait until it is back. What was stored before is unchanged."

# What the text of a failed connection says, and what to do. The first that fits.
WHILE_CONNECTING = (
    (r"password authentication failed|no password supplied|authentication failed", "not_allowed",
     "The PostgreSQL server must accept the user and the password", f"Correct them in {ADDRESS}."),
    (r"no pg_hba\.conf entry", "not_allowed",
     "The PostgreSQL server must let this machine in", "Add a line for it to the server's pg_hba.conf."),
    (r'database ".*" does not exist', "setting",
     "The database of the record must exist", f"Create it (createdb), or correct its name in {ADDRESS}."),
    (r'role ".*" does not exist', "not_allowed",
     "The user of the record must exist", f"Create it (createuser), or correct the name in {ADDRESS}."),
    (r"could not translate host name|failed to resolve host|Name or service not known", "setting",
     "The host of the PostgreSQL server must have an address", f"Correct its name in {ADDRESS}."),
    (r"too many (clients|connections)|remaining connection slots", "too_many",
     "The PostgreSQL server must have a connection left for every worker and page",
     "Raise max_connections of the server, or let fewer runs work at the same time."),
    (r"invalid (connection option|integer value|sslmode|URI)", "setting",
     f"{ADDRESS} must have options that PostgreSQL knows", "Correct them."),
)  # fmt: skip

# By the beginning of the server's code (PostgreSQL's Appendix A).
BY_CODE = (
    ("53100", StorageUnavailable, "disk_full",
     "The PostgreSQL server needs room on its disk", "Make room there and try again."),
    ("53200", ResourceUnavailable, "memory",
     "The PostgreSQL server must have memory left", "Let fewer runs work at the same time."),
    ("53300", ResourceUnavailable, "too_many", WHILE_CONNECTING[5][2], WHILE_CONNECTING[5][3]),
    ("55P03", ResourceUnavailable, "locked", "The record must be free within half a minute",
     "Try again. If it stays locked, end the program that holds it."),
    ("40", ResourceUnavailable, "locked", "The record must be free for a change", "Try again."),
    ("25006", StorageUnavailable, "record", "The record must be open to reading and writing",
     f"Let {ADDRESS} name the main server, not a copy that can only be read."),
    ("42501", StorageUnavailable, "not_allowed", "The user of the record must be allowed to create its tables",
     "Make it the owner of the database, or GRANT it CREATE and USAGE on the schema."),
    ("3F000", StorageUnavailable, "setting", "The schema of the record must exist", f"Correct {ADDRESS}."),
    ("58", StorageUnavailable, "disk_error", "The disk of the PostgreSQL server must work", "Look at its log."),
    ("XX", CorruptArtifact, "record_damaged", "The record must be an intact database",
     "Look at the server's log, or restore a backup. The files of songs, runs and outputs are separate from it."),
    ("57", StorageUnavailable, AWAY, "The PostgreSQL server must be running", LATER),
    ("08", StorageUnavailable, AWAY, "The PostgreSQL server must be reachable", LATER),
    ("25P03", StorageUnavailable, AWAY, "A change must be finished within ten minutes", "Try again."),
)  # fmt: skip


def in_words(error: BaseException, where: str) -> MusicgenError | None:
    """The error for the user; None for a bug of ours, or for an error that callers expect (an existing row)."""
    code, text = getattr(error, "sqlstate", None) or "", short(error)
    for start, kind, word, rule, remedy in BY_CODE:
        if code.startswith(start):
            return kind(sentence(rule, f"{text}, at {where}", remedy), code=word)
    kinds = {each.__name__ for each in type(error).__mro__}
    if not kinds & {"OperationalError", "InterfaceError"}:
        return None
    for pattern, word, rule, remedy in WHILE_CONNECTING:
        if re.search(pattern, str(error)):
            return StorageUnavailable(sentence(rule, f"{text}, at {where}", remedy), code=word)
    remedy = f"Start the server, or correct {ADDRESS}."
    return StorageUnavailable(sentence("The PostgreSQL server must answer", f"{text}, at {where}", remedy), code=AWAY)


def short(error: BaseException) -> str:
    """The first line, without what the address says already."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    told = re.sub(r"^(connection (failed|is bad): )?(connection to server (at|on) .*? failed: )?", "", lines[0])
    return told.removeprefix("FATAL:").strip()[:SHOWN_CHARACTERS].rstrip(".")
