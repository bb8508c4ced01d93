"""The entry point: page settings and the menu. Start it with `make run`, or `streamlit run streamlit_app.py`."""

from pathlib import Path

import streamlit as st

from pages.ui.navigation import PLACES, SECTIONS, Place

ASSETS = Path(__file__).parent / "assets"

st.set_page_config(
    page_title="musicgen", page_icon=str(ASSETS / "icon.svg"), layout="wide", initial_sidebar_state=230
)
st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"), size="large")


def page(name: str, place: Place) -> st.Page:
    """A page of the menu; home is served at the root, the others at /<name>."""
    return st.Page(
        place.file, title=place.title, icon=place.icon, url_path=name, default=name == "home", help=place.summary
    )


menu = {section: [page(name, PLACES[name]) for name in names] for section, names in SECTIONS.items()}
st.navigation(menu, expanded=True).run()
