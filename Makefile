# make test   everything, in all modules
# make lint   gofmt, go vet, staticcheck
# make bench  benchmarks of the library
# make report  measure beside the peers, and write bench/REPORT.md with its charts
# make grid   the grid of shapes, sizes and losses in that report
# make fuzz   every fuzzer, FUZZTIME each
# make release VERSION=v0.1.0  tag all modules, once go install works with the tags; DRY=1 tags nothing
# make generate  write the assembly again, the drawing in docs/architecture.md, and man pages and shell completion

GO ?= go
FUZZTIME ?= 10s
BENCHTIME ?= 300ms
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: test lint bench report grid fuzz generate release

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
	@.ci/fuzz $(FUZZTIME)

PROGRAMS = rs2d rs2d-node rs2d-ledger rs2d-gateway rs2d-load

generate:
	cd asm && $(GO) generate ./...
	$(GO) run ./cmd/internal/house
	mkdir -p deploy/man deploy/completion
	for p in $(PROGRAMS); do \
		$(GO) run ./cmd/$$p --man >deploy/man/$$p.1 && \
		for s in bash zsh fish; do $(GO) run ./cmd/$$p --completion $$s >deploy/completion/$$p.$$s || exit 1; done || exit 1; \
	done

release:
	DRY=$(DRY) deploy/release $(VERSION)
