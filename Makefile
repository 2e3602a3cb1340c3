# make test   everything, in all modules
# make lint   gofmt, go vet, staticcheck
# make bench  benchmarks of the library
# make fuzz   every fuzzer, FUZZTIME each
# make generate  write the assembly again

GO ?= go
FUZZTIME ?= 10s
BENCHTIME ?= 300ms
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Modules of go.work, as paths to match their packages.
MODULES := $(shell $(GO) list -m -f '{{.Dir}}/...')

.PHONY: test lint bench fuzz generate

test:
	$(GO) test work

lint:
	@out=$$(gofmt -l .); test -z "$$out" || { echo "gofmt: $$out"; exit 1; }
	$(GO) vet $(MODULES)
	$(GO) run $(STATICCHECK) $(MODULES)

bench:
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./...

fuzz:
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' . | sed 's/:func /:/' | sort | \
	while IFS=: read -r file name; do \
		dir=$$(dirname "$$file"); echo "$$dir $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" || exit 1; \
	done

generate:
	cd asm && $(GO) generate ./...
