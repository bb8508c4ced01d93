"""The entry point. Start it with `make run`, or `streamlit run streamlit_app.py`.

Streamlit reads this file in two ways: as a module when the server starts (it looks for an `st.App`), and as a script
at every visit and click.
"""

from pathlib import Path

import streamlit as st

from pages.ui.errors import show_bug
from pages.ui.navigation import menu

ASSETS = Path(__file__).parent / "assets"

if __name__ == "__main__":
    st.set_page_config(
        page_title="musicgen", page_icon=str(ASSETS / "icon.svg"), layout="wide", initial_sidebar_state=230
    )
    st.html(ASSETS / "page.css")
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"), size="large")
    st.navigation(menu(), expanded=True).run()
else:
    from starlette.middleware import Middleware
    from streamlit.runtime.pages_manager import PagesManager

    from pages.ui.shell import Shell
    from pages.ui.warm_up import warm_up

    warm_up()
    # Because of the folder pages/, Streamlit expects its old kind of pages until `st.navigation` has run once. Without
    # this line, the first deep link to a fresh server would show "Page not found" on top of the right page.
    PagesManager.uses_pages_directory = False
    app = st.App(Path(__file__).resolve(), middleware=[Middleware(Shell)], on_script_error=show_bug)
