# Two commands do everything: `make lab` to read, `make test` to check.

# Choose another Python, 3.11 or newer, with `make PYTHON=python3.13 lab`.
PYTHON := python3
PY := .venv/bin/python
BENCH := .venv-bench/bin/python
SITE := .venv-site/bin/python
MATRIX := .venv-matrix/bin/python
ifeq ($(OS),Windows_NT)
PYTHON := python
PY := .venv/Scripts/python
BENCH := .venv-bench/Scripts/python
SITE := .venv-site/Scripts/python
MATRIX := .venv-matrix/Scripts/python
endif

PYENV := $(if $(PYENV_ROOT),$(PYENV_ROOT),$(HOME)/.pyenv)
NOTEBOOKS = $(sort $(wildcard notebooks/[0-9]*.ipynb notebooks/solutions/[0-9]*.ipynb))

# No progress bars in stored outputs, one thread per process, no window from SDL.
QUIET := TQDM_DISABLE=1 OMP_NUM_THREADS=1 SDL_VIDEODRIVER=dummy
PYTEST := $(QUIET) MPLBACKEND=Agg $(PY) -m pytest

# Set from outside, it would hide the figures of the notebooks.
unexport MPLBACKEND

.PHONY: help lab install test lint unit typed strict notebooks figures handout \
  class hosted-test matrix seeds mutants bench bench-quick site browser-test

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

# JupyterLab refuses to start as root without --allow-root; others need not mind it.
lab: .venv/installed ## Open JupyterLab on the first notebook; more options: ARGS="--port=8899"
	$(PY) -m jupyter lab --allow-root --LabApp.news_url=None \
	  --LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate \
	  --ServerApp.root_dir=. notebooks/00_start_here.ipynb $(ARGS)

install: .venv/installed ## Make .venv with all that is needed, for use in an editor
	@echo "Ready. In your editor choose the interpreter $(PY)"

test: lint unit typed strict ## Run lint, unit tests, and every notebook against its stored outputs

lint: .venv/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

unit: .venv/installed
	$(PYTEST)

typed: .venv/installed
	$(PYTEST) -m "not errors" --ignore-glob="tests/test_notebook*" \
	  --ignore=tests/test_exercises.py --ignore=tests/test_check_class.py \
	  --jaxtyping-packages=pgutils,beartype.beartype

strict: .venv/installed
	$(QUIET) $(PY) -m pytest --nbval --nbval-current-env --nbval-cell-timeout=120 \
	  -n 2 --dist loadscope notebooks

notebooks: .venv/installed ## Run all notebooks again, in place, and make the pages from them
	$(QUIET) $(PY) tests/tools/run_notebooks.py $(NOTEBOOKS)
	$(PY) tests/tools/make_pages.py

figures: .venv/installed ## Draw what lives in figures/
	$(QUIET) MPLBACKEND=Agg $(PY) figures/make_figures.py

handout: .venv/installed ## Write the series without its solutions into the new folder handout/, for a class
	$(PY) tests/tools/make_handout.py handout

FOLDER := submissions
class: .venv/installed ## Run the checks over students' notebooks: make class FOLDER=submissions
	$(PY) tests/tools/check_class.py "$(FOLDER)" $(ARGS)

hosted-test: .venv/installed ## Install twice afresh, as hosted servers do and from the wheel, and try it
	HOSTED=1 $(PYTEST) tests/test_hosted.py

# pyenv's Pythons are found too. Of the matrix a part: ARGS="-f lowest", ARGS="-e 3.13-pins".
matrix: .venv-matrix/installed ## Run tests and notebooks on each Python, old and new releases: 7 minutes each
	PATH="$$(printf '%s:' $(PYENV)/versions/*/bin)$$PATH" UV_PYTHON_DOWNLOADS=never \
	  $(MATRIX) -m tox run $(ARGS)

seeds: .venv/installed ## Run the statistical checks 30 times with fresh seeds, about 15 minutes
	$(QUIET) MPLBACKEND=Agg $(PY) tests/tools/fresh_seeds.py 30

mutants: .venv/mutmut ## Break code and checks in many small ways, and see it noticed: 15 minutes
	$(QUIET) MPLBACKEND=Agg $(PY) tests/tools/mutate_code.py
	$(QUIET) MPLBACKEND=Agg $(PY) tests/tools/mutate_notebooks.py

bench: .venv-bench/installed ## Measure again what benchmarks/results holds: 40 minutes, on a quiet machine
	$(QUIET) MPLBACKEND=Agg $(BENCH) benchmarks/compare.py
	$(QUIET) MPLBACKEND=Agg $(BENCH) benchmarks/scaling.py
	$(QUIET) $(BENCH) benchmarks/series.py
	$(QUIET) MPLBACKEND=Agg $(BENCH) benchmarks/widgets.py

bench-quick: .venv-bench/installed ## See that the benchmarks run, under 3 minutes; writes nothing
	$(QUIET) MPLBACKEND=Agg $(BENCH) benchmarks/compare.py --quick
	$(QUIET) MPLBACKEND=Agg $(BENCH) benchmarks/scaling.py --quick
	$(QUIET) MPLBACKEND=Agg $(BENCH) benchmarks/widgets.py --quick
	$(QUIET) $(BENCH) -m pytest tests/test_sweep.py

site: .venv-site/installed ## Build the site in build/site, from the stored outputs, and follow its links
	rm -rf build/site build/half_a_site build/site_cache
	$(SITE) site/gather.py
	$(SITE) -m sphinx -q -W --keep-going -c site -d build/site_cache build/site_source build/half_a_site
	mv build/half_a_site build/site
	JUST_BUILT=1 $(SITE) -m pytest tests/test_site.py

# Without Chromium the tests say what they looked for, and are skipped.
browser-test: .venv/installed site tests/browser/node_modules/installed ## Look at notebooks and site in a real browser
	node --test tests/browser/

# The stamp is newer than the files that say what to install, unless one has changed.
.venv/installed: pyproject.toml requirements.txt constraints.txt
	@$(PYTHON) -c "import sys; v = sys.version.split()[0]; sys.exit(0 if sys.version_info >= (3, 11) else 'Python 3.11 or newer is needed, this is ' + v + ': try make PYTHON=python3.13 ...')"
	@echo "Installing into .venv, about 600 MB: this takes a minute or two"
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -e ".[test]"
	@touch $@

.venv-matrix/installed:
	@echo "Installing tox into .venv-matrix; what it makes there takes 600 MB for each Python"
	$(PYTHON) -m venv .venv-matrix
	$(MATRIX) -m pip install --quiet --disable-pip-version-check tox tox-uv
	@touch $@

.venv/mutmut: .venv/installed
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt -e ".[test,mutants]"
	@touch $@

# An environment of their own: .venv stays small. On Linux, benchmarks/requirements.txt
# says how to do without the largest part of it.
.venv-bench/installed: benchmarks/requirements.txt pyproject.toml requirements.txt constraints.txt
	@echo "Installing into .venv-bench, 1.5 GB or several: this takes some minutes"
	$(PYTHON) -m venv .venv-bench
	$(BENCH) -m pip install --quiet --disable-pip-version-check \
	  -r requirements.txt -r benchmarks/requirements.txt -e ".[test]"
	@touch $@

tests/browser/node_modules/installed: tests/browser/package.json
	cd tests/browser && npm install --no-package-lock --ignore-scripts --silent
	@touch $@

# MathJax comes from npm, at one version, so that the site loads nothing from elsewhere.
MATHJAX := mathjax-3.2.2
.venv-site/installed: site/requirements.txt pyproject.toml requirements.txt constraints.txt
	@echo "Installing into .venv-site, about 700 MB: this takes a minute or two"
	$(PYTHON) -m venv .venv-site
	$(SITE) -m pip install --quiet --disable-pip-version-check \
	  -r requirements.txt -r site/requirements.txt -e ".[test]"
	npm pack --silent --pack-destination .venv-site $(subst -,@,$(MATHJAX))
	mkdir -p .venv-site/static/mathjax
	tar -xzf .venv-site/$(MATHJAX).tgz -C .venv-site/static/mathjax --strip-components 1 \
	  package/LICENSE package/es5/tex-chtml-full.js package/es5/output/chtml/fonts
	@touch $@
