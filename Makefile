# The commands of the README. `make demo` and `make test` install what is missing first.

PREFIX ?= /usr/local
SWIFT ?= swift
SOURCES = Package.swift Sources Tests Plugins Fuzz/Package.swift $(wildcard Fuzz/Sources/Fuzz*)

.PHONY: demo test test-interop test-remote test-python test-pages pictures wheel torture fuzz sanitize build install bench format lint dependencies

demo: build
	$(SWIFT) build -c release --product Digits
	@DEMO_KEEP="$(CURDIR)/.build/demo.db" Examples/demo.sh "$$($(SWIFT) build -c release --show-bin-path)"
	@echo
	@echo "# To see it in a browser, and open http://127.0.0.1:7332/:"
	@echo "$$($(SWIFT) build -c release --show-bin-path)/modelreg serve --registry .build/demo.db"

# In release mode, as users run it: debug numerics are hundreds of times slower.
test: dependencies
	$(SWIFT) build -c release --build-tests
	SWIFT_BACKTRACE=enable=no $(SWIFT) test -c release --skip-build

# With PyTorch, safetensors and NumPy from PyPI, in an environment of their own.
test-interop: dependencies
	scripts/test-interop

# Against Debian's docker-registry on loopback: open to all, with passwords, with tokens.
test-remote: dependencies
	scripts/test-remote

# The Python package, from its wheel, with the real libraries from PyPI.
test-python: dependencies
	scripts/test-python

# Every page in headless Chromium, at three widths, light and dark; pictures are kept in .build/pages.
test-pages: dependencies
	scripts/test-pages

# The two of the README.
pictures: test-pages
	mkdir -p docs/pictures
	cp .build/pages/model-820.png docs/pictures/model.png
	cp .build/pages/parameter-820.png docs/pictures/parameter.png

# One wheel for every Python from 3.9 on, with the library and the command in it: dist/modelreg-*.whl.
wheel: dependencies
	scripts/build-wheel

# TORTURE_RUNS (1000) faults, failing reads and power cuts each, and the other campaigns, by TORTURE_SEED (1); see docs/reliability.md.
torture: build
	Tests/Torture/run

# Each reader of files, rows and what users write for FUZZ_SECONDS (60).
fuzz: dependencies
	Fuzz/run

# AddressSanitizer over the fuzzers, ThreadSanitizer over tests.
sanitize: dependencies
	scripts/sanitize

build: dependencies
	$(SWIFT) build -c release --product modelreg

# From the objects of `build`, with all libraries inside: it starts sooner, and runs where there is no Swift.
install: build
	scripts/link "$$($(SWIFT) build -c release --show-bin-path)" .build/installed/modelreg
	scripts/install .build/installed/modelreg "$(DESTDIR)$(PREFIX)"

bench: dependencies
	Benchmarks/run

format:
	$(SWIFT) format -i -r -p $(SOURCES)

lint:
	$(SWIFT) format lint -s -r -p $(SOURCES)

dependencies:
	@scripts/install-dependencies
