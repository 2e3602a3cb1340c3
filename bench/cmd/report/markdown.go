package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// document is a Markdown file in the making.
type document struct{ strings.Builder }

func (d *document) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *document) paragraph(format string, args ...any) { d.line("\n"+format, args...) }

// table writes a table. Columns whose name begins with ">" are aligned to the right.
func (d *document) table(columns []string, rows [][]string) {
	d.line("")
	rule := make([]string, len(columns))
	names := make([]string, len(columns))
	for i, name := range columns {
		rule[i] = "---"
		if right, found := strings.CutPrefix(name, ">"); found {
			name, rule[i] = right, "--:"
		}
		names[i] = name
	}
	for _, row := range append([][]string{names, rule}, rows...) {
		d.line("| %s |", strings.Join(row, " | "))
	}
}

func (d *document) chart(name, text string) {
	d.paragraph("![%s](report/%s.png)", text, name)
}

// report writes REPORT.md into dir. What a person has to say about the figures is
// taken from report/NOTES.md, if that is there.
func (r *Results) report(dir string) error {
	d := new(document)
	d.line("# RedStuff beside its peers")
	m := r.Machine
	d.paragraph("Written by `make report`; figures in [report/results.json](report/results.json), charts as PNG and SVG in [report/](report/).")
	method := fmt.Sprintf("%d rounds of %v, each running all operations of a comparison in turn, in one process, in %d passes over all comparisons; each figure is of its fastest round, since what else a machine does can only slow a round down", r.Settings.Rounds, r.Settings.Round, max(1, r.Settings.Passes))
	if r.Processor {
		method += "; of work on one core, the time on the processor counts, because others used the machine meanwhile"
	}
	d.table([]string{"", ""}, [][]string{
		{"machine", fmt.Sprintf("%s, %d cores, %s of memory, %s", m.CPU, m.Cores, m.Memory, m.OS)},
		{"backends", strings.Join(m.Backends, ", ") + ": the first is used unless another is named"},
		{"Go", m.Go}, {"revision", m.Revision}, {"date", m.Date},
		{"method", method},
	})
	d.paragraph("Throughput counts bytes of original data, and 1 GB is 10⁹ bytes. Peers: klauspost/reedsolomon 1.14.2 (`WithLeopardGF16`, the same bytes out), " +
		"celestiaorg/rsmt2d 0.15.1, zeebo/blake3 0.2.4, golang.org/x/crypto 0.48.0. The times of walrus-core (Rust, one thread) were measured earlier on this kind of machine, not in this run.")

	grid, err := readGrid(filepath.Join(dir, "report"))
	if err != nil {
		return err
	}
	r.mustShow(d)
	d.gridSection(grid)
	r.onedim(d)
	r.twodim(d)
	r.hashing(d)
	r.instructionSets(d)
	r.manyCores(d)
	r.resident(d)
	r.whereTimeGoes(d)

	notes, err := os.ReadFile(filepath.Join(dir, "report", "NOTES.md"))
	switch {
	case err == nil:
		d.WriteString("\n" + string(notes))
	case !os.IsNotExist(err):
		return err
	}
	return os.WriteFile(filepath.Join(dir, "REPORT.md"), []byte(d.String()), 0o644)
}

func (r *Results) mustShow(d *document) {
	d.paragraph("## What it must show")
	var rows [][]string
	group, counts := "", map[string]int{}
	for _, l := range r.lines() {
		if l.group != group {
			group = l.group
			rows = append(rows, []string{"**" + group + "**", "", "", "", "", "", "", ""})
		}
		counts[l.verdict]++
		verdict := l.verdict
		if verdict == short {
			verdict = "**short**"
		}
		rows = append(rows, []string{l.part, timeName(l.oursNs), timeName(l.peerNs) + " " + l.against,
			digits(l.ratio) + "×", digits(l.medians) + "×", fmt.Sprintf("%g×", l.least), fmt.Sprintf("%g×", l.aim), verdict})
	}
	d.paragraph("%d lines reach their aim, %d more what they must, and %d fall short of it.", counts[metAim], counts[metLeast], counts[short])
	d.table([]string{"work", ">ours", ">peer", ">ratio", ">of medians", ">at least", ">aim", "verdict"}, rows)
	d.paragraph("The ratio is that of the fastest rounds, and beside it that of the median ones. On several cores klauspost's best setting counts: as it is (its Leopard codes run on one goroutine), " +
		"with the shards cut into one range a core (split), or into ranges of 4 KiB (split-4K). RedStuff encodes, decodes and recovers blob after blob in the same memory here; the tables below also have encoding and decoding with fresh memory.")
	d.chart("goals", "Ratios of all lines beside what they must reach")
}
