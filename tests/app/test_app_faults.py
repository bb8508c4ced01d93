"""A fault of the machine is a sentence on the page; a bug of ours is a number."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def inside_a_block() -> None:
    import errno

    import streamlit as st

    from pages.ui.errors import shown_errors

    with shown_errors():
        raise OSError(errno.ENOSPC, "No space left on device", "/a/file")
    st.write("the page goes on")


def for_a_whole_page() -> None:
    import errno

    from pages.ui.errors import show_bug

    show_bug(OSError(errno.EROFS, "Read-only file system", "/a/file"))
    show_bug(KeyError("x"))


def test_a_full_disk_is_a_sentence_and_the_page_goes_on() -> None:
    app = AppTest.from_function(inside_a_block).run()
    assert not app.exception
    assert "No space left on device (/a/file). Make room on the disk" in app.error[0].value.replace("\\", "")
    assert app.markdown[-1].value == "the page goes on"


def test_what_ends_a_page_is_a_sentence_or_a_number() -> None:
    app = AppTest.from_function(for_a_whole_page).run()
    sentence, number = (each.value.replace("\\", "") for each in app.error)
    assert "Read-only file system" in sentence
    assert "went wrong on our side" not in sentence
    assert "went wrong on our side" in number
