# make run    set up on first use, then start the app (PORT=8501)
# make test   set up, then run the tests        make test-slow  the slow tests too
# make test-processors  run the numeric tests as older processors would compute them
# make lint   check format, lint, types          make format     format the code
# make bench  measure against the naive way; writes benchmarks/ (ONLY=name for one line)
# make quality  train every preset and check eight outputs of each, in an hour; writes benchmarks/ (ARGS="--only note_lstm")
# make growth  measure 1, 10 and 100 simulated workers on both kinds of record, in four minutes; writes benchmarks/
# make starters  train the weights that come with the program, in half an hour; writes assets/starters/ (ARGS="--only voices --minutes 5")
# make spoil   add a thousand spoiled files by the command line and count what is kept (ARGS="--count 200 --seed 3")
PORT ?= 8501
ADDRESS ?= 127.0.0.1
PY := .venv/bin/python
# options for pytest, such as PYTEST_ARGS="-k notes" (ARGS="--jobs 4" for more processes)
PYTEST_ARGS ?=

.PHONY: run setup setup-test test test-slow test-processors lint format bench quality growth starters spoil clean

run: setup
	$(PY) -m streamlit run streamlit_app.py --server.port $(PORT) --server.address $(ADDRESS)

setup:
	@scripts/setup run

setup-test:
	@scripts/setup test

test: setup-test
	$(PY) -m scripts.run_tests $(ARGS) $(PYTEST_ARGS)

test-slow: setup-test
	$(PY) -m scripts.run_tests --slow $(ARGS) $(PYTEST_ARGS)

test-processors: setup-test
	$(PY) -m scripts.processors

lint: setup-test
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

format: setup-test
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: setup
	$(PY) -m musicgen benchmark $(or $(ONLY),all)

quality: setup
	$(PY) -m scripts.quality $(ARGS)

growth: setup-test
	$(PY) -m scripts.growth $(ARGS)

starters: setup
	$(PY) -m scripts.starters $(ARGS)

spoil: setup-test
	$(PY) -m scripts.spoil_songs $(ARGS)

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
