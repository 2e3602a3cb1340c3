# make test   everything, in all modules
# make lint   gofmt, go vet, staticcheck
# make bench  benchmarks of the library
# make report  measure beside the peers, and write bench/REPORT.md with its charts
# make grid   the grid of shapes, sizes and losses in that report
# make fuzz   every fuzzer, FUZZTIME each
# make generate  write the assembly again, and the drawing in docs/architecture.md

GO ?= go
FUZZTIME ?= 10s
BENCHTIME ?= 300ms
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: test lint bench report grid fuzz generate

test:
	$(GO) test work

lint:
	@out=$$(gofmt -l .); test -z "$$out" || { echo "gofmt: $$out"; exit 1; }
	$(GO) vet work
	$(GO) run $(STATICCHECK) work

bench:
	$(GO) test -run '^$$' -bench . -benchtime $(BENCHTIME) ./...

report:
	$(GO) run ./bench/cmd/report

grid:
	$(GO) run ./bench/cmd/report --grid --rounds 21 --round 3ms

fuzz:
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]*' --include='*_test.go' . | sed 's/:func /:/' | sort | \
	while IFS=: read -r file name; do \
		dir=$$(dirname "$$file"); echo "$$dir $$name"; \
		case $$dir in ./gateway/s3*) export GOWORK=off;; *) unset GOWORK;; esac; \
		(cd "$$dir" && $(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) .) || exit 1; \
	done

generate:
	cd asm && $(GO) generate ./...
	$(GO) run ./cmd/internal/house
