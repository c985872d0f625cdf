# One line a task. `make run` and `make test` need Python 3.11+ and nothing else; build and invoke need Python 3.13 too,
# the version that Lambda runs. Everything is installed below this folder, from locks with hashes.

# Run, not only looked up: a version manager's shim is there even where its version is not.
PYTHON ?= $(shell for p in python3.11 python3 python3.13 python3.12; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PYTHON313 ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
SAM ?= $(or $(shell command -v sam),.venv-sam/bin/sam)

export SAM_CLI_TELEMETRY := 0
# sam asks for python3.13 on the PATH.
WITH_PYTHON313 = PATH="$(CURDIR)/.venv-lambda/bin:$$PATH"
# A lock is complete: nothing to resolve, nothing that could come without a hash.
INSTALL = -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r

NEEDED = @test -n "$(1)" || { echo "Python $(2) is needed: install it or say where it is, $(3)=..." >&2; exit 1; }

.PHONY: install run test check bench simulate mutants soak pictures build artifact reproducible sbom licences notes audit invoke \
	validate deployed lock clean
.DELETE_ON_ERROR:

install: .venv/installed

run: install
	@exec .venv/bin/shopwire dev $(ARGS)

test: install
	.venv/bin/pytest -n auto $(ARGS)

check: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy shared cli local functions bench tools
	.venv/bin/lint-imports
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/zizmor --offline --quiet --persona auditor .github

# The deployed stack STACK, with AWS's usual credentials (docs/deploy.md); SMOKE=1: only what no customer can notice.
# tests/conftest.py is left out, since it keeps every other test away from any account.
deployed: install
	@test -n "$(STACK)" || { echo "which one? make deployed STACK=..." >&2; exit 2; }
	SHOPWIRE_STACK="$(STACK)" .venv/bin/pytest --confcutdir=tests/deployed tests/deployed \
		$(if $(SMOKE),-m "not sends") $(ARGS)

# Every figure beside its yardstick. A look: make bench ARGS=--quick
bench: install .aws-sam/build/template.yaml .aws-sam/usual/template.yaml
	@.venv/bin/python -m bench $(ARGS)

WEBHOOKS ?= 20000
SEED ?= 1
simulate: install
	@.venv/bin/shopwire simulate --webhooks $(WEBHOOKS) --seed $(SEED) $(ARGS)

# The same shops over HTTP against `shopwire dev`, in real time.
soak: install
	@.venv/bin/python -m shopwire_simulation.soak $(ARGS)

# Planted bugs: each must be seen by the simulation.
mutants: install
	@.venv/bin/python -m shopwire_simulation.mutants $(ARGS)

# The README's pictures of the inspector, of a `shopwire dev` that lives for a minute.
pictures: install
	@.venv/bin/python -m tests.browser.pictures

# As written, then as SAM translates it: two resources of one name, say, are seen only there.
validate: .venv-sam/installed
	$(SAM) validate --lint
	.venv-sam/bin/python tools/translate_template.py template.yaml build/translated.json
	.venv-sam/bin/cfn-lint --regions eu-central-1 -- build/translated.json

build: .venv-sam/installed .venv-lambda/installed
	$(WITH_PYTHON313) $(SAM) build
	.venv-lambda/bin/python tools/check_layer.py .aws-sam/build

# What was built as one file, the same for the same sources: `make reproducible` builds them once more, elsewhere.
ARCHIVE = .venv-lambda/bin/python tools/pack_artifact.py
artifact: build
	@$(ARCHIVE) .aws-sam/build build/shopwire.tar

reproducible: artifact
	rm -rf build/again && mkdir -p build/again && cp -R template.yaml samconfig.toml functions shared build/again
	cd build/again && PATH="$(CURDIR)/.venv-lambda/bin:$$PATH" $(abspath $(SAM)) build >/dev/null
	@$(ARCHIVE) build/again/.aws-sam/build build/again.tar
	cmp build/shopwire.tar build/again.tar

# The bill of materials of what is in the built layer, and whether that is what was locked. docs/licences.md is made of it.
sbom: install .aws-sam/build/template.yaml .venv-supply/installed
	rm -rf build/sbom && .venv-lambda/bin/python -m venv --without-pip build/sbom
	echo "$(CURDIR)/.aws-sam/build/Layer/python" >build/sbom/lib/python3.13/site-packages/layer.pth
	.venv-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json build/sbom/bin/python
	.venv/bin/python -m tools.check_sbom build/sbom.json shared/requirements.txt docs/licences.md $(BILL)

licences:
	@$(MAKE) sbom BILL=--write

# What a release says: its part of the changelog. make notes TAG=v1.2.3
notes:
	$(PYTHON) tools/release_notes.py "$(TAG)" build/notes.md

# Asks for what is known to be unsafe: needs the network. Each lock by itself, since pip-audit refuses a package that comes
# twice, and all of them, whatever is found in the first; one of which nothing can be learned is no good lock (--strict).
audit: .venv-supply/installed
	@failed=; for lock in shared/requirements.txt $(wildcard requirements-*.txt); do \
		echo "$$lock"; \
		.venv-supply/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement "$$lock" \
			|| failed="$$failed $$lock"; \
	done; test -z "$$failed" || { echo "look at:$$failed" >&2; exit 1; }

invoke: install .aws-sam/build/template.yaml
	@test -n "$(EVENT)" || { echo "which one? make invoke EVENT=events/..." >&2; exit 2; }
	@.venv/bin/python -m tools.invoke "$(EVENT)"

.aws-sam/build/template.yaml: template.yaml $(shell find shared functions -type f -not -name '*.pyc' 2>/dev/null) \
		.venv-sam/installed .venv-lambda/installed
	@$(WITH_PYTHON313) $(SAM) build >&2

# The locks hold for Python 3.11 to 3.13 and every platform; what is locked stays until UPGRADE=--upgrade.
LOCK = .venv-supply/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate $(UPGRADE) \
	--custom-compile-command "make lock" --python-version
lock: .venv-supply/installed
	$(LOCK) 3.13 pyproject.toml -o shared/requirements.txt
	$(LOCK) 3.11 pyproject.toml --group dev -c shared/requirements.txt -o requirements-dev.txt
	$(LOCK) 3.11 --group sam -o requirements-sam.txt
	$(LOCK) 3.13 --group lambda -o requirements-lambda.txt
	$(LOCK) 3.11 --group supply -o requirements-supply.txt

clean:
	rm -rf .venv .venv-sam .venv-lambda .venv-supply .aws-sam build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# What `make bench` measures against.
.aws-sam/usual/template.yaml: $(wildcard bench/usual/*.yaml bench/usual/*/*) .venv-sam/installed .venv-lambda/installed
	@$(WITH_PYTHON313) $(SAM) build --template-file bench/usual/template.yaml --build-dir .aws-sam/usual \
		--parameter-overrides Architecture=$(subst aarch64,arm64,$(shell uname -m)) >&2

.venv/installed: requirements-dev.txt pyproject.toml
	$(call NEEDED,$(PYTHON),3.11 or later,PYTHON)
	$(PYTHON) -m venv .venv
	.venv/bin/python $(INSTALL) requirements-dev.txt
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Also where a sam is on the PATH: `make invoke` takes the runtime interface emulator out of it.
.venv-sam/installed: requirements-sam.txt
	$(call NEEDED,$(PYTHON),3.11 or later,PYTHON)
	$(PYTHON) -m venv .venv-sam
	.venv-sam/bin/python $(INSTALL) requirements-sam.txt
	@touch $@

# What Lambda's own image has: Python 3.13 and the runtime interface client.
.venv-lambda/installed: requirements-lambda.txt
	$(call NEEDED,$(PYTHON313),3.13,PYTHON313)
	$(PYTHON313) -m venv .venv-lambda
	.venv-lambda/bin/python $(INSTALL) requirements-lambda.txt
	@touch $@

# What makes the locks, the bill of materials and the audit.
.venv-supply/installed: requirements-supply.txt
	$(call NEEDED,$(PYTHON),3.11 or later,PYTHON)
	$(PYTHON) -m venv .venv-supply
	.venv-supply/bin/python $(INSTALL) requirements-supply.txt
	@touch $@
