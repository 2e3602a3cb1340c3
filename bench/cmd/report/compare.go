package main

import (
	"fmt"
	"os"
	"slices"
)

// compareCommand is the command line of `report compare`.
type compareCommand struct {
	Files []string `arg:"" type:"existingfile" help:"Surveys, which 'report -o FILE.json' writes, one a machine."`
	Out   string   `short:"o" type:"path" help:"File that gets the page, in Markdown. Without it the page goes to standard output."`
}

// Run writes one page about several machines.
func (c *compareCommand) Run() error {
	var surveys []*Survey
	for _, path := range c.Files {
		v, err := readSurvey(path)
		if err != nil {
			return err
		}
		surveys = append(surveys, v)
	}
	page := comparePage(surveys)
	if c.Out == "" {
		_, err := os.Stdout.WriteString(page)
		return err
	}
	return os.WriteFile(c.Out, []byte(page), 0o644)
}

// comparePage lays surveys side by side: machines, their ceilings, and every work on every
// instruction set.
func comparePage(surveys []*Survey) string {
	d := new(document)
	d.line("# Processors side by side")
	d.paragraph("Written by `report compare` from surveys of one core each, which `report -o FILE.json` takes. Ratios between machines are of runs at different times.")
	var rows [][]string
	for i, v := range surveys {
		m := v.Machine
		rows = append(rows, []string{fmt.Sprint(i + 1), m.CPU, m.OS, m.Go, m.Revision, m.Date, fmt.Sprintf("%d × %v", v.Settings.Rounds, v.Settings.Round)})
	}
	d.table([]string{">", "processor", "system", "Go", "revision", "date", "rounds"}, rows)

	d.paragraph("## What one core can do at most")
	d.paragraph("Bytes a nanosecond, of loops that do nothing else, in the first cache.")
	columns := []string{"instruction set", "work"}
	type key struct{ set, work string }
	var keys []key
	for i, v := range surveys {
		columns = append(columns, fmt.Sprintf(">%d", i+1))
		for _, c := range v.Ceilings {
			if k := (key{c.Set, c.Work}); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	rows = nil
	for _, k := range keys {
		row := []string{k.set, k.work}
		for _, v := range surveys {
			row = append(row, orDash(v.rateOf(k.set, k.work)))
		}
		rows = append(rows, row)
	}
	d.table(columns, rows)

	var works, backends []string
	for _, v := range surveys {
		for _, m := range v.Measured {
			if !slices.Contains(works, m.Work) {
				works = append(works, m.Work)
			}
			if !slices.Contains(backends, m.Backend) {
				backends = append(backends, m.Backend)
			}
		}
	}
	d.paragraph("## Butterflies beside those ceilings")
	d.paragraph("Nanoseconds of a butterfly of 128 bytes, and what part of the rate that is which the tightest of the ceilings allows.")
	columns[0], columns = "backend", slices.Delete(columns, 1, 2)
	rows = nil
	for _, b := range backends {
		row := []string{b}
		for _, v := range surveys {
			row = append(row, v.besideBound(b))
		}
		rows = append(rows, row)
	}
	d.table(columns, rows)

	d.paragraph("## Works")
	d.paragraph("Throughput of original data, or the time of one node, and in brackets how many times the speed of the first machine on the same backend.")
	for _, w := range works {
		if w == butterflyName {
			continue
		}
		d.paragraph("### %s", w)
		rows = nil
		for _, b := range backends {
			row := []string{b}
			for _, v := range surveys {
				row = append(row, v.cell(w, b, surveys[0]))
			}
			rows = append(rows, row)
		}
		d.table(columns, rows)
	}
	return d.String()
}

func orDash(rate float64) string {
	if rate == 0 {
		return "–"
	}
	return digits(rate)
}

func (v *Survey) besideBound(backend string) string {
	m := v.find(butterflyName, backend)
	if m == nil {
		return "–"
	}
	text := digits(m.Ns)
	if bound, by := v.butterflyBound(backend); bound > 0 {
		text += fmt.Sprintf(" (%.0f %% of %s)", 100*bound/m.Ns, by)
	}
	return text
}

// cell writes a work on a backend, beside the first machine.
func (v *Survey) cell(work, backend string, first *Survey) string {
	m := v.find(work, backend)
	if m == nil {
		return "–"
	}
	text := rateName(float64(m.Bytes) / m.Ns * 1e9)
	if m.Bytes <= 64 {
		text = timeName(m.Ns)
	}
	if f := first.find(work, backend); f != nil && v != first {
		text += " (" + digits(f.Ns/m.Ns) + "×)"
	}
	return text
}
