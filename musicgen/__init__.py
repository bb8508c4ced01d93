"""song → codec → examples → network → run → output → comparison. Knows no Streamlit."""

__version__ = "0.1.0"
