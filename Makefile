# orun: build, test, show. `make help` lists the targets.

CARGO   ?= cargo
TARGET  ?= $(shell uname -m)-unknown-linux-musl
PREFIX  ?= /usr/local
MANDIR  ?= $(PREFIX)/share/man
ROUNDS  ?= 100
KERNELS ?= 4.18 5.4 busy
SECONDS_EACH ?= 60
JSON    ?= target/bench-vm.json
FUZZ_TARGETS ?= seccomp_compile config_plan state words cgroup_files init_messages exec_words
export ORUN_COMMIT ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)

BINARY := target/release/orun
PROBE  := target/$(TARGET)/tools/probe
# Tests mount: they get a mount namespace of their own.
PRIVATE := unshare --mount --propagation private

.PHONY: help build demo test test-unit test-behaviour test-command-line test-crash test-old-kernel test-races test-engines test-vm check deny fuzz bench bench-build bench-docs bench-vm install uninstall manual clean deps probe

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the static release binary, target/release/orun
	@rustup target list --installed 2>/dev/null | grep -qx '$(TARGET)' || rustup target add '$(TARGET)'
	$(CARGO) build --release --package orun --target $(TARGET)
	@install -D target/$(TARGET)/release/orun $(BINARY).new && mv $(BINARY).new $(BINARY)
	@ls -l $(BINARY) | awk '{ printf "$(BINARY): %.2f MB\n", $$5 / 1e6 }'

demo: build ## build, and run a real container that shows its isolation
	hack/demo $(BINARY)

deps: ## install the Debian packages that the tests need (as root)
	hack/setup-debian

test: deps build test-unit test-behaviour test-command-line test-engines ## pass all tests (as root; installs what it needs)
	$(MAKE) test-crash CRASH=some

test-unit: ## tests that need no container
	$(CARGO) test --workspace --exclude behaviour

probe:
	$(CARGO) build --profile tools --target $(TARGET) --package behaviour --bin probe

test-behaviour: probe ## real containers, looked at from inside; RUNTIME=runc tests another runtime
	RUNTIME=$${RUNTIME:-$(CURDIR)/$(BINARY)} PROBE=$(CURDIR)/$(PROBE) \
		$(PRIVATE) $(CARGO) test --package behaviour --test suite

test-crash: probe ## the runtime killed, or failing, at each of its system calls (minutes); CRASH=some hits a part
	RUNTIME=$${RUNTIME:-$(CURDIR)/$(BINARY)} PROBE=$(CURDIR)/$(PROBE) CRASH=$${CRASH:-all} \
		$(PRIVATE) $(CARGO) test --package behaviour --test crash

test-command-line: probe ## the same command lines for the runtime and for runc or crun
	RUNTIME=$${RUNTIME:-$(CURDIR)/$(BINARY)} PROBE=$(CURDIR)/$(PROBE) \
		$(PRIVATE) $(CARGO) test --package behaviour --test command_line

test-old-kernel: probe ## the same as on older kernels, which a filter of system calls plays (KERNELS)
	@for kernel in $(KERNELS); do \
		echo "kernel $$kernel"; \
		KERNEL=$$kernel RUNTIME=$${RUNTIME:-$(CURDIR)/$(BINARY)} PROBE=$(CURDIR)/$(PROBE) \
			$(PRIVATE) $(CARGO) test --package behaviour --test suite || exit 1; \
	done

test-races: probe ## each race of tests/suite/races.rs RACE_ROUNDS times (2000)
	RACE_ROUNDS=$${RACE_ROUNDS:-2000} RUNTIME=$${RUNTIME:-$(CURDIR)/$(BINARY)} PROBE=$(CURDIR)/$(PROBE) \
		$(PRIVATE) $(CARGO) test --package behaviour --test suite -- races::

test-engines: ## podman and containerd drive the runtime
	RUNTIME=$${RUNTIME:-$(CURDIR)/$(BINARY)} $(PRIVATE) $(CARGO) test --package behaviour --test engines

test-vm: build probe ## the same in a VM with systemd, only cgroup v2 and AppArmor (hack/vm --help); VM_FILTER=word
	hack/vm.d/tests $(CURDIR)/$(BINARY) $(CURDIR)/$(PROBE) $(VM_FILTER)

check: ## format, lints, tests without root; under a minute
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) test --workspace --exclude behaviour --quiet

deny: ## licences, sources and duplicates of dependencies; needs cargo-deny
	$(CARGO) deny check bans licenses sources

fuzz: ## fuzz each parser and compiler for SECONDS_EACH seconds (60); needs nightly and cargo-fuzz
	@for target in $(FUZZ_TARGETS); do \
		seeds=fuzz/seeds/$$target; \
		test $$target != config_plan || seeds=crates/libcontainer-core/tests/plans; \
		mkdir -p fuzz/corpus/$$target; \
		$(CARGO) +nightly fuzz run --fuzz-dir fuzz --sanitizer none $$target fuzz/corpus/$$target $$seeds -- \
			-max_total_time=$(SECONDS_EACH) -max_len=4096 -dict=fuzz/json.dict -print_final_stats=1 || exit 1; \
	done

bench-build: build
	$(CARGO) build --profile tools --target $(TARGET) --package bench

bench: bench-build ## compare with crun, runc and youki side by side; SCENARIO=docker, SCENARIO=all
	ORUN=$${ORUN:-$(CURDIR)/$(BINARY)} target/$(TARGET)/tools/bench --rounds $(ROUNDS) \
		$(addprefix --scenario ,$(SCENARIO))

bench-docs: bench-build ## measure all scenarios for docs/bench (half an hour, on a quiet machine)
	@mkdir -p docs/bench
	ORUN=$${ORUN:-$(CURDIR)/$(BINARY)} target/$(TARGET)/tools/bench --rounds $(ROUNDS) --scenario all \
		--json docs/bench/results.json --svg docs/bench/results.svg

bench-vm: bench-build ## the same in a VM with only cgroup v2 (hack/vm --help); ratios in JSON=target/bench-vm.json
	hack/vm.d/bench $${ORUN:-$(CURDIR)/$(BINARY)} target/$(TARGET)/tools $(JSON) --rounds $(ROUNDS) \
		$(addprefix --scenario ,$(SCENARIO))

install: ## install the binary, manual and completions below $(DESTDIR)$(PREFIX)
	@test -x $(BINARY) || $(MAKE) build
	install -D $(BINARY) $(DESTDIR)$(PREFIX)/bin/orun
	install -d $(DESTDIR)$(MANDIR)/man8
	install -m 644 docs/man/*.8 $(DESTDIR)$(MANDIR)/man8
	install -D -m 644 docs/completions/orun $(DESTDIR)$(PREFIX)/share/bash-completion/completions/orun
	install -D -m 644 docs/completions/_orun $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_orun
	install -D -m 644 docs/completions/orun.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/orun.fish

uninstall: ## remove what install has installed
	rm -f $(DESTDIR)$(PREFIX)/bin/orun
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man8/,$(notdir $(wildcard docs/man/*.8)))
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/orun
	rm -f $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_orun
	rm -f $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/orun.fish

manual: ## write docs/man and docs/completions anew, from the command line's table
	$(CARGO) run --package manual

clean: ## remove what was built
	$(CARGO) clean
