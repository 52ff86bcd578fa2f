# The commands of the README. `make demo` and `make test` install what is missing first.

PREFIX ?= /usr/local
SWIFT ?= swift
SOURCES = Package.swift Sources Tests Plugins Fuzz/Package.swift $(wildcard Fuzz/Sources/Fuzz*)

.PHONY: demo test test-interop fuzz build install bench format lint dependencies

demo: build
	$(SWIFT) build -c release --product Digits
	@Examples/demo.sh "$$($(SWIFT) build -c release --show-bin-path)"

# In release mode, as users run it: debug numerics are hundreds of times slower.
test: dependencies
	$(SWIFT) build -c release --build-tests
	SWIFT_BACKTRACE=enable=no $(SWIFT) test -c release --skip-build

# With PyTorch, safetensors and NumPy from PyPI, in an environment of their own.
test-interop: dependencies
	scripts/test-interop

# Each parser of files for FUZZ_SECONDS (60).
fuzz: dependencies
	Fuzz/run

build: dependencies
	$(SWIFT) build -c release --product modelreg

# With Swift's own libraries inside: it starts in half the time, and runs where there is no Swift.
STATIC = --static-swift-stdlib --scratch-path .build/static

install: dependencies
	$(SWIFT) build -c release --product modelreg $(STATIC)
	scripts/install "$$($(SWIFT) build -c release $(STATIC) --show-bin-path)/modelreg" "$(DESTDIR)$(PREFIX)"

bench: dependencies
	Benchmarks/run

format:
	$(SWIFT) format -i -r -p $(SOURCES)

lint:
	$(SWIFT) format lint -s -r -p $(SOURCES)

dependencies:
	@scripts/install-dependencies
