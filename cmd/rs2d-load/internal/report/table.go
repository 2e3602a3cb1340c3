package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// Text prints the result for people.
func (r *Result) Text(w io.Writer) error {
	s := r.Setup
	fmt.Fprintf(w, "%d nodes, %d shards of which %d may be faulty, scheme %s, %s; blobs of %s; %s; %.1f s\n\n",
		s.Nodes, s.Shards, s.FaultyShards, s.Scheme, s.Backend, s.Sizes, s.loop(), r.Seconds)
	t := ui.NewTable(w)
	t.Row("", "ops", "errors", "ops/s", "throughput", "p50", "p90", "p99", "max")
	for _, row := range []struct {
		name string
		o    load.Operations
	}{{"reads", r.Reads}, {"writes", r.Writes}} {
		l := row.o.Latency
		t.Row(row.name, ui.Count(row.o.Count), ui.Count(row.o.Errors), ui.Digits(row.o.PerSecond),
			ui.Rate(row.o.Bytes, seconds(r.Seconds)), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.Max))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if late := r.Reads.NotBegun + r.Writes.NotBegun; late > 0 {
		fmt.Fprintf(w, "\n%s operations were due and never began: the rate is too high\n", ui.Count(late))
	}
	fmt.Fprintln(w)
	t = ui.NewTable(w)
	for _, row := range r.facts() {
		t.Row(row[0], row[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := r.recoveryTable(w); err != nil {
		return err
	}
	for _, e := range r.Errors {
		fmt.Fprintf(w, "error: %s\n", oneLine(e))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "problem: %s\n", oneLine(p))
	}
	if r.OK {
		fmt.Fprintf(w, "\nok: all of %s acknowledged blobs were read back, every byte right\n", ui.Count(r.Blobs.Checked-r.Blobs.Inconsistent))
	}
	return nil
}

// loop says how operations followed each other.
func (s Setup) loop() string {
	if s.Rate > 0 {
		return fmt.Sprintf("open loop of %g operations a second", s.Rate)
	}
	return fmt.Sprintf("closed loop of %d workers", s.Concurrency)
}

// facts are what is said in a line each.
func (r *Result) facts() [][2]string {
	b := r.Blobs
	facts := [][2]string{
		{"blobs", fmt.Sprintf("%s acknowledged, %s checked at the end, %s unreadable, %s wrong",
			ui.Count(b.Acknowledged), ui.Count(b.Checked), ui.Count(b.Unreadable), ui.Count(b.Wrong))},
	}
	if b.Duplicates > 0 {
		facts = append(facts, [2]string{"duplicates", ui.Count(b.Duplicates) + " writes of what was there"})
	}
	if b.Inconsistent > 0 {
		facts = append(facts, [2]string{"inconsistent", fmt.Sprintf("%s blobs, refused by %s reads",
			ui.Count(b.Inconsistent), ui.Count(b.Refused))})
	}
	processor := ui.Digits(r.CPU.Generator) + " s in clients"
	wire := fmt.Sprintf("clients sent %s and received %s", ui.Bytes(r.Wire.ClientSent), ui.Bytes(r.Wire.ClientReceived))
	if r.Setup.Local {
		processor += fmt.Sprintf(", %s s in nodes", ui.Digits(r.CPU.Nodes))
		wire += fmt.Sprintf(", nodes received %s from each other", ui.Bytes(r.Wire.NodesReceived))
	}
	facts = append(facts, [2]string{"processor", processor}, [2]string{"wire", wire})
	if n := len(r.Faults); n > 0 {
		facts = append(facts, [2]string{"faults", r.faultList()})
	}
	return facts
}

// faultList names the faults, or counts them if they are many.
func (r *Result) faultList() string {
	if len(r.Faults) > 12 {
		counts := make(map[string]int)
		var order []string
		for _, f := range r.Faults {
			if counts[f.Action] == 0 {
				order = append(order, f.Action)
			}
			counts[f.Action] += len(f.Nodes)
		}
		var parts []string
		for _, action := range order {
			parts = append(parts, fmt.Sprintf("%s %d times", action, counts[action]))
		}
		return strings.Join(parts, ", ")
	}
	var parts []string
	for _, f := range r.Faults {
		parts = append(parts, fmt.Sprintf("%s at %.1f s", f, f.Seconds))
	}
	return strings.Join(parts, "; ")
}

// maxRows bounds the lives that are listed one by one.
const maxRows = 20

func (r *Result) recoveryTable(w io.Writer) error {
	if r.Recovery.Slivers == 0 && len(r.Recovery.Nodes) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := ui.NewTable(w)
	t.Row("recovery", "slivers", "restored", "received", "per byte", "1D code", "first", "last", "healthy")
	row := func(name string, n NodeRecovery) {
		t.Row(name, ui.Count(n.Slivers), ui.Bytes(n.RestoredBytes), ui.Bytes(n.SymbolBytes+n.ProofBytes),
			times(n.Ratio), times(n.OneDimRatio), after(n.First), after(n.Last), after(n.HealthyAt))
	}
	rows := 0
	for _, n := range r.Recovery.Nodes {
		if n.Cause == cluster.CauseStart {
			continue // it recovered single writes that it had missed
		}
		if rows++; rows <= maxRows {
			row(fmt.Sprintf("node-%d, %s at %.1f s", n.Node, n.Cause, n.At), n)
		}
	}
	if rows > maxRows {
		t.Row(fmt.Sprintf("and %d more", rows-maxRows))
	}
	row("all nodes", NodeRecovery{
		Recovery: r.Recovery.Recovery, Ratio: r.Recovery.Ratio, OneDimRatio: r.Recovery.OneDimRatio,
		First: -1, Last: -1, HealthyAt: -1,
	})
	if err := t.Flush(); err != nil {
		return err
	}
	if !r.Recovery.Healthy {
		_, err := fmt.Fprintf(w, "recovery is not complete: %s times a node lacked something of a blob that was checked\n", ui.Count(r.Blobs.Incomplete))
		return err
	}
	return nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func ms(v float64) string { return ui.Duration(time.Duration(v * float64(time.Millisecond))) }

func times(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f×", v)
}

func after(s float64) string {
	if s < 0 {
		return "-"
	}
	return ui.Duration(seconds(s))
}

// oneLine shortens a text to one line.
func oneLine(text string) string {
	const most = 300
	text = strings.ReplaceAll(text, "\n", "; ")
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
