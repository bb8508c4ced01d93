"""`python -m musicgen`: the same actions as the pages, without a browser."""

from musicgen.cli import main

if __name__ == "__main__":
    main()
