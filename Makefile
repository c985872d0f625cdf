# One target per task. `make run` and `make test` need Python 3.11+ and nothing else. `make build` and `make invoke`
# need Python 3.13 too, the version that Lambda runs. Everything is installed below this folder, from locks with hashes.

# Runs each candidate instead of only finding it, because a version manager leaves a shim even for a missing version.
PYTHON ?= $(shell for p in python3.11 python3 python3.13 python3.12; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PYTHON313 ?= $(shell for p in python3.13 $(HOME)/.pyenv/versions/3.13.*/bin/python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
SAM ?= $(or $(shell command -v sam),.venv-sam/bin/sam)

export SAM_CLI_TELEMETRY := 0
# `sam build` needs python3.13 on the PATH.
WITH_PYTHON313 = PATH="$(CURDIR)/.venv-lambda/bin:$$PATH"

# $(call NEEDED,<python>,<condition of its version>,<the condition in words>,<variable>)
NEEDED = @found=$$($(1) -c 'import sys; v = sys.version_info[:2]; print("ok" if v $(2) else "%d.%d" % v)' 2>/dev/null); \
	test "$$found" = ok || { echo "$(if $(1),$(4)=$(1) is $${found:+Python }$${found:-no Python},no Python was found), and\
 Python $(3) is needed: install it, or pass its path as $(4)=..." >&2; exit 1; }
NEEDED_311 = $(call NEEDED,$(PYTHON),>= (3$(COMMA) 11),3.11 or later,PYTHON)
NEEDED_313 = $(call NEEDED,$(PYTHON313),== (3$(COMMA) 13),3.13,PYTHON313)
COMMA := ,

.PHONY: install run test check bench simulate mutants fuzz soak pictures events expected schema opencart build artifact reproducible sbom licences notes audit \
	invoke validate deployed lock clean
.DELETE_ON_ERROR:

install: .venv/installed

run: .venv/runs
	@exec .venv/bin/shopwire dev $(ARGS)

# Python keeps the compiled tests. Otherwise each worker spends 6 s on pytest's changes of their assertions.
test: install
	PYTHONDONTWRITEBYTECODE= .venv/bin/pytest -n auto --dist worksteal $(ARGS)

check: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy shared cli local functions bench tools
	.venv/bin/lint-imports
	.venv/bin/python tools/check_words.py
	.venv/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	.venv/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv/bin/zizmor --offline --quiet --persona auditor .github

# Tests the deployed stack STACK with AWS's usual credentials (docs/deploy.md). With SMOKE=1 it runs only the tests that
# no customer notices. --confcutdir excludes tests/conftest.py, which keeps all other tests away from AWS accounts.
deployed: install
	@test -n "$(STACK)" || { echo "STACK is missing: make deployed STACK=<stack name>" >&2; exit 2; }
	SHOPWIRE_STACK="$(STACK)" .venv/bin/pytest --confcutdir=tests/deployed tests/deployed \
		$(if $(SMOKE),-m "not sends") $(ARGS)

# Measures every figure next to its baseline. For a quick look: make bench ARGS=--quick
bench: install .aws-sam/build/template.yaml .aws-sam/usual/template.yaml
	@.venv/bin/python -m bench $(ARGS)

WEBHOOKS ?= 20000
SEED ?= 1
simulate: install
	@.venv/bin/shopwire simulate --webhooks $(WEBHOOKS) --seed $(SEED) $(ARGS)

# Runs the simulation's shops over HTTP against `shopwire dev`, in real time.
soak: install
	@.venv/bin/python -m shopwire_simulation.soak $(ARGS)

# Plants bugs in the code one by one. The simulation must find each of them.
mutants: install
	@.venv/bin/python -m shopwire_simulation.mutants $(ARGS)

# Sends hostile input to everything that strangers reach, for SECONDS per target, and keeps in build/fuzz what reached
# new code. The smallest input of a finding is in build/fuzz/findings.
SECONDS ?= 60
fuzz: .venv-fuzz/installed
	@PYTHONPATH=shared:local:. .venv-fuzz/bin/python -m tools.fuzz --seconds $(SECONDS) $(ARGS)

# Takes the README's pictures of the inspector, from a `shopwire dev` that it starts and stops.
pictures: install
	@.venv/bin/python -m tests.browser.pictures

# Writes the sample events of `make invoke` from the platforms' samples.
events: install
	@.venv/bin/python -m tools.make_events

# Writes the expected result of each sample beside it. Check the difference before you commit it.
expected: install
	@.venv/bin/python -m tools.make_expected

# Writes the JSON Schema of the generic format from its models.
schema: install
	@.venv/bin/python -m tools.make_schema

# Builds the installable zips of the OpenCart module: build/opencart3 and build/opencart4.
opencart: install
	@.venv/bin/python -m tools.make_opencart

# Checks the template as written, then as SAM translates it, because some errors are visible only there (for example two
# resources with the same name). Then the template of the firewall.
validate: .venv-sam/installed
	$(SAM) validate --lint
	.venv-sam/bin/python tools/translate_template.py template.yaml build/translated.json
	.venv-sam/bin/cfn-lint --regions eu-central-1 -- build/translated.json
	.venv-sam/bin/cfn-lint --regions us-east-1 -- docs/firewall.yaml

build: .venv-sam/installed .venv-lambda/installed
	$(WITH_PYTHON313) $(SAM) build
	.venv-lambda/bin/python tools/check_layer.py .aws-sam/build

# Packs the build, the stages' parameters and the lock of SAM into one file, and prints its SHA-256. `make reproducible`
# builds the same sources in another folder and compares the files.
ARCHIVE = .venv-lambda/bin/python tools/pack_artifact.py
DEPLOYED_BESIDE = samconfig.toml requirements-sam.txt
artifact: build
	@$(ARCHIVE) .aws-sam/build build/shopwire.tar $(DEPLOYED_BESIDE)

reproducible: artifact
	rm -rf build/again && mkdir -p build/again && cp -R template.yaml samconfig.toml functions shared build/again
	cd build/again && PATH="$(CURDIR)/.venv-lambda/bin:$$PATH" $(abspath $(SAM)) build >/dev/null
	@$(ARCHIVE) build/again/.aws-sam/build build/again.tar $(DEPLOYED_BESIDE)
	cmp build/shopwire.tar build/again.tar

# Writes the bill of materials of the built layer and checks it against the lock and docs/licences.md.
sbom: install .aws-sam/build/template.yaml .venv-supply/installed
	rm -rf build/sbom && .venv-lambda/bin/python -m venv --without-pip build/sbom
	echo "$(CURDIR)/.aws-sam/build/Layer/python" >build/sbom/lib/python3.13/site-packages/layer.pth
	.venv-supply/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file build/sbom.json build/sbom/bin/python
	.venv/bin/python -m tools.check_sbom build/sbom.json shared/requirements.txt docs/licences.md $(BILL)

# Writes docs/licences.md from the bill of materials.
licences:
	@$(MAKE) sbom BILL=--write

# Writes the release notes from CHANGELOG.md: make notes TAG=v1.2.3
notes:
	$(PYTHON) tools/release_notes.py "$(TAG)" build/notes.md

# Looks up known vulnerabilities of all locked packages. This needs the network. Each lock has a run of its own, because
# pip-audit rejects a package that is listed twice. A finding in one lock does not stop the next run. With --strict, a
# package that pip-audit cannot look up is a failure.
audit: .venv-supply/installed
	@failed=; for lock in shared/requirements.txt $(wildcard requirements-*.txt); do \
		echo "$$lock"; \
		.venv-supply/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off --requirement "$$lock" \
			|| failed="$$failed $$lock"; \
	done; test -z "$$failed" || { echo "pip-audit failed for:$$failed" >&2; exit 1; }

invoke: install .aws-sam/build/template.yaml
	@test -n "$(EVENT)" || { echo "EVENT is missing: make invoke EVENT=events/<file>" >&2; exit 2; }
	@.venv/bin/python -m tools.invoke "$(EVENT)"

.aws-sam/build/template.yaml: template.yaml $(shell find shared functions -type f -not -name '*.pyc' 2>/dev/null) \
		.venv-sam/installed .venv-lambda/installed
	@$(WITH_PYTHON313) $(SAM) build >&2

# The locks are valid for Python 3.11 to 3.13 on every operating system. Locked versions change only with
# UPGRADE=--upgrade.
LOCK = .venv-supply/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate $(UPGRADE) \
	--custom-compile-command "make lock" --python-version
lock: .venv-supply/installed
	$(LOCK) 3.13 pyproject.toml -o shared/requirements.txt
	$(LOCK) 3.11 pyproject.toml --group run -c shared/requirements.txt -o requirements-run.txt
	$(LOCK) 3.11 pyproject.toml --group dev -c shared/requirements.txt -c requirements-run.txt -o requirements-dev.txt
	$(LOCK) 3.11 --group sam -o requirements-sam.txt
	$(LOCK) 3.13 --group lambda -o requirements-lambda.txt
	$(LOCK) 3.11 --group supply -o requirements-supply.txt
	$(LOCK) 3.11 pyproject.toml --group fuzz -c shared/requirements.txt -o requirements-fuzz.txt

clean:
	rm -rf .venv .venv-sam .venv-lambda .venv-supply .venv-fuzz .aws-sam build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache

# Builds the baseline functions of `make bench`.
.aws-sam/usual/template.yaml: $(wildcard bench/usual/*.yaml bench/usual/*/*) .venv-sam/installed .venv-lambda/installed
	@$(WITH_PYTHON313) $(SAM) build --template-file bench/usual/template.yaml --build-dir .aws-sam/usual \
		--parameter-overrides Architecture=$(subst aarch64,arm64,$(shell uname -m)) >&2

.venv/runs: requirements-run.txt pyproject.toml
	$(NEEDED_311)
	@$(PYTHON) tools/install.py .venv requirements-run.txt "what running needs (170 MB, about 30 s, only once)" --editable
	@touch $@

.venv/installed: .venv/runs requirements-dev.txt
	@$(PYTHON) tools/install.py .venv requirements-dev.txt "what testing needs too (540 MB, about 1 min, only once)"
	@# Tests start the code in hundreds of processes. Where PYTHONDONTWRITEBYTECODE is set, each would compile it again.
	@.venv/bin/python -m compileall -q shared cli local functions
	@touch $@

# Also needed if a `sam` is on the PATH, because `make invoke` uses the runtime interface emulator of this environment.
.venv-sam/installed: requirements-sam.txt
	$(NEEDED_311)
	@$(PYTHON) tools/install.py .venv-sam requirements-sam.txt "the AWS SAM command line (only once)"
	@touch $@

# The contents of Lambda's own image: Python 3.13 and the runtime interface client.
.venv-lambda/installed: requirements-lambda.txt
	$(NEEDED_313)
	@$(PYTHON313) tools/install.py .venv-lambda requirements-lambda.txt "what Lambda's own image has (only once)"
	@touch $@

.venv-fuzz/installed: requirements-fuzz.txt
	$(NEEDED_311)
	@$(PYTHON) tools/install.py .venv-fuzz requirements-fuzz.txt "what fuzzing needs (only once)"
	@touch $@

# The tools for the locks, the bill of materials and the audit.
.venv-supply/installed: requirements-supply.txt
	$(NEEDED_311)
	@$(PYTHON) tools/install.py .venv-supply requirements-supply.txt "the tools for locks, bill of materials and audit (only once)"
	@touch $@
