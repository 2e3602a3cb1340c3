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

// writeReport writes REPORT.md into dir. What a person has to say about the figures is
// taken from report/NOTES.md, if that is there.
func writeReport(r *Results, dir string) error {
	d := new(document)
	d.line("# RedStuff beside its peers")
	m := r.Machine
	d.paragraph("Written by `make report`; figures in [report/results.json](report/results.json), charts as PNG and SVG in [report/](report/).")
	method := fmt.Sprintf("%d rounds of %v, each running all operations of a comparison in turn, in one process, in %d passes over all comparisons; each figure is of its fastest round, since what else a machine does can only slow a round down", r.Settings.Rounds, r.Settings.Round, max(1, r.Settings.Passes))
	if r.Processor {
		method += "; of work on one core, the time on the processor counts, because others used the machine meanwhile"
	}
	best, _ := r.slower()
	d.table([]string{"", ""}, [][]string{
		{"machine", fmt.Sprintf("%s, %d cores, %s of memory, %s", m.CPU, m.Cores, m.Memory, m.OS)},
		{"backends", strings.Join(m.Backends, ", ") + ": the first is used unless another is named"},
		{"Go", m.Go}, {"revision", m.Revision}, {"date", m.Date},
		{"method", method},
	})
	d.paragraph("Throughput counts bytes of original data, and 1 GB is 10⁹ bytes. Peers: klauspost/reedsolomon 1.14.2 (`WithLeopardGF16`, the same bytes out), "+
		"celestiaorg/rsmt2d 0.15.1, zeebo/blake3 0.2.4, golang.org/x/crypto 0.48.0. The times of walrus-core (Rust, one thread) and the budget were measured and set on another machine, an AMD EPYC (Zen 4) on which klauspost's encode of 667+333 shards of 1 KiB takes 112 µs; "+
		"here they are multiplied by what that takes here, which is %.2f times as long. Bounds are those of a core of that machine.", best)

	grid, err := readGrid(filepath.Join(dir, "report"))
	if err != nil {
		return err
	}
	t := tables{r, d}
	t.mustShow()
	d.gridSection(grid)
	t.onedim()
	t.twodim()
	t.hashing()
	t.instructionSets()
	t.manyCores()
	t.resident()
	t.whereTimeGoes()

	notes, err := os.ReadFile(filepath.Join(dir, "report", "NOTES.md"))
	switch {
	case err == nil:
		d.WriteString("\n" + string(notes))
	case !os.IsNotExist(err):
		return err
	}
	return os.WriteFile(filepath.Join(dir, "REPORT.md"), []byte(d.String()), 0o644)
}
