package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/node/client"
)

// table is rows of cells. Those of the head are empty if it has none.
type table struct {
	Head []string
	Rows [][]string
	Note string // below it
}

func (t *table) add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Text prints the result for people.
func (r *Result) Text(w io.Writer) error {
	fmt.Fprintf(w, "%s\n", r.headline())
	for _, t := range r.tables() {
		fmt.Fprintln(w)
		columns := ui.NewTable(w)
		if len(t.Head) > 0 {
			columns.Row(t.Head...)
		}
		for _, row := range t.Rows {
			columns.Row(row...)
		}
		if err := columns.Flush(); err != nil {
			return err
		}
		if t.Note != "" {
			fmt.Fprintln(w, t.Note)
		}
	}
	fmt.Fprintln(w)
	for _, line := range r.verdict() {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// headline says what was run.
func (r *Result) headline() string {
	s := r.Setup
	control := ""
	if s.Control != "" {
		control = ", control " + s.Control
	}
	if s.Metadata != "" && s.Metadata != "full" {
		control += ", metadata " + s.Metadata
	}
	return fmt.Sprintf("%d nodes, %d shards of which %d may be faulty, scheme %s%s, %s; blobs of %s; %s; %.1f s",
		s.Nodes, s.Shards, s.FaultyShards, s.Scheme, control, s.Backend, s.Sizes, s.loop(), r.Seconds)
}

// loop says how operations followed each other.
func (s Setup) loop() string {
	if s.Rate > 0 {
		return fmt.Sprintf("open loop of %g operations a second", s.Rate)
	}
	return fmt.Sprintf("closed loop of %d workers", s.Concurrency)
}

// maxErrors bounds the errors that are printed: they resemble each other.
const maxErrors = 3

// verdict says in lines what went wrong, or that nothing did.
func (r *Result) verdict() []string {
	var lines []string
	for _, e := range r.Errors[:min(len(r.Errors), maxErrors)] {
		lines = append(lines, "error: "+oneLine(e))
	}
	failed := r.Reads.Errors + r.Writes.Errors
	if more := failed - maxErrors; more > 0 {
		lines = append(lines, fmt.Sprintf("error: and %s more", ui.Count(more)))
	}
	for _, p := range r.Problems {
		lines = append(lines, "problem: "+oneLine(p))
	}
	for _, n := range r.Nodes {
		if len(n.Liars) > 0 {
			lines = append(lines, fmt.Sprintf("%s was given wrong slivers of shards that moved by %s", n.Name, strings.Join(n.Liars, ", ")))
		}
	}
	if r.OK {
		ok := fmt.Sprintf("ok: all of %s acknowledged blobs were read back, every byte right", ui.Count(r.Blobs.Checked-r.Blobs.Inconsistent))
		if failed > 0 {
			ok += "; operations that failed while more shards were faulty than may be: " + ui.Count(failed)
		}
		lines = append(lines, ok)
	}
	return lines
}

// tables are all that is worth a look.
func (r *Result) tables() []table {
	tables := []table{r.operations(), {Rows: r.facts()}}
	for _, t := range []table{steps(r, "write"), steps(r, "read"), r.nodes(), r.slow(), r.flood(), r.changes(), r.challenges(), r.rounds(), r.recovery()} {
		if len(t.Rows) > 0 {
			tables = append(tables, t)
		}
	}
	return tables
}

// changes shows the epochs that began, if shards moved.
func (r *Result) changes() table {
	t := table{
		Head: []string{"epoch", "at", "took", "moved shards", "copied", "minimum", "reads/s", "writes/s"},
		Note: "took: until the owners of a quorum of shards had theirs; minimum: slivers of the shards whose owners before were alive and honest, and metadata for new nodes",
	}
	for _, c := range r.Changes {
		took := "-"
		if c.Took >= 0 {
			took = ui.Duration(seconds(c.Took))
		}
		t.add(fmt.Sprint(c.Epoch), since(c.Seconds), took, fmt.Sprint(c.Moved), ui.Bytes(uint64(c.Copied)), ui.Bytes(uint64(c.Minimum)),
			ui.Digits(c.Reads), ui.Digits(c.Writes))
	}
	return t
}

// challenges shows who has proven what.
func (r *Result) challenges() table {
	t := table{
		Head: []string{"epoch", "node", "challenge", "refused", "reward", "slashed", "fined"},
		Note: "failed: members with n-f shards have passed, and the node has not; it is told when the epoch ends; upset: it was down or healed, or something was done to it in that epoch or the one before; refused: messages and certificates of the node that members or the ledger did not take; slashed: for challenges, fined: for shards that were not handed over",
	}
	for _, c := range r.Challenges {
		what := "open"
		switch {
		case !c.Member:
			what = "no member"
		case !c.Started:
			what = "not started"
		case c.Passed:
			what = "passed"
		case c.Failed:
			what = "failed"
		}
		name := c.Node
		switch {
		case c.Cheats:
			name += " (cheats)"
		case c.Upset:
			name += " (upset)"
		}
		t.add(fmt.Sprint(c.Epoch), name, what, fmt.Sprint(c.Refused), fmt.Sprint(c.Reward), fmt.Sprint(c.Slashed), fmt.Sprint(c.Fined))
	}
	return t
}

// rounds shows what challenges cost those who read and write.
func (r *Result) rounds() table {
	t := table{
		Head: []string{"challenge of epoch", "armed at", "started after", "closed after", "blobs", "drawn", "reads/s", "writes/s"},
		Note: "reads and writes: while the challenge was open; those of drawn blobs wait",
	}
	if r.Rounds == nil {
		return t
	}
	if count, mean := r.waited(); count > 0 {
		t.Note += fmt.Sprintf("; %s of %s reads waited, %s each", ui.Count(count), ui.Count(r.Reads.Count), ui.Duration(mean))
	}
	after := func(s float64) string {
		if s < 0 {
			return "-"
		}
		return ui.Duration(seconds(s))
	}
	for _, c := range r.Rounds.Rounds {
		t.add(fmt.Sprint(c.Epoch), since(c.Seconds), after(c.Started), after(c.Closed), ui.Count(c.Blobs), ui.Count(c.Drawn), ui.Digits(c.Reads), ui.Digits(c.Writes))
	}
	t.add("no challenge is open", "", "", "", "", "", ui.Digits(r.Rounds.Reads), ui.Digits(r.Rounds.Writes))
	return t
}

// waited returns how many reads waited because members were challenged, and for how long on average.
func (r *Result) waited() (count int64, mean time.Duration) {
	sum := 0.0
	for _, b := range r.Steps {
		for _, s := range b.Steps {
			if s.Step == string(client.StepWithheld) {
				count += s.Count
				sum += s.Mean * float64(b.Count)
			}
		}
	}
	return count, time.Duration(sum / float64(max(count, 1)) * float64(time.Millisecond))
}

func (r *Result) operations() table {
	t := table{Head: []string{"", "ops", "errors", "ops/s", "throughput", "p50", "p90", "p99", "max"}}
	for _, row := range []struct {
		name string
		o    load.Operations
	}{{"reads", r.Reads}, {"writes", r.Writes}} {
		l := row.o.Latency
		if row.o.Count+row.o.NotBegun == 0 {
			t.add(row.name, "0", "0", "-", "-", "-", "-", "-", "-")
			continue
		}
		t.add(row.name, ui.Count(row.o.Count), ui.Count(row.o.Errors), ui.Digits(row.o.PerSecond),
			ui.Rate(row.o.Bytes, seconds(r.Seconds)), ms(l.P50), ms(l.P90), ms(l.P99), ms(l.Max))
	}
	if late := r.Reads.NotBegun + r.Writes.NotBegun; late > 0 {
		t.Note = ui.Count(late) + " operations were due and never began: the rate is too high"
	}
	return t
}

// facts are what is said in a line each.
func (r *Result) facts() [][]string {
	b := r.Blobs
	facts := [][]string{
		{"blobs", fmt.Sprintf("%s acknowledged, %s checked at the end, %s unreadable, %s wrong",
			ui.Count(b.Acknowledged), ui.Count(b.Checked), ui.Count(b.Unreadable), ui.Count(b.Wrong))},
	}
	if b.Duplicates > 0 {
		facts = append(facts, []string{"duplicates", ui.Count(b.Duplicates) + " writes of what was there"})
	}
	if b.Inconsistent > 0 {
		facts = append(facts, []string{"inconsistent", fmt.Sprintf("%s blobs, refused by %s reads",
			ui.Count(b.Inconsistent), ui.Count(b.Refused))})
	}
	processor := ui.Digits(r.CPU.Generator) + " s in clients"
	wire := fmt.Sprintf("clients sent %s and received %s", ui.Bytes(r.Bytes.ClientSent), ui.Bytes(r.Bytes.ClientReceived))
	if known := r.known(); known > 0 {
		of := "nodes"
		if known < len(r.Nodes) {
			of = fmt.Sprintf("%d of %d nodes", known, len(r.Nodes))
		}
		processor += fmt.Sprintf(", %s s in %s", ui.Digits(r.CPU.Nodes), of)
		wire += fmt.Sprintf(", %s received %s from each other", of, ui.Bytes(r.Bytes.NodesReceived))
	}
	if r.CPU.Ledger > 0 {
		processor += fmt.Sprintf(", %s s in validators", ui.Digits(r.CPU.Ledger))
	}
	if r.Flood != nil {
		processor += fmt.Sprintf(", %s s in strangers", ui.Digits(r.Flood.CPU))
	}
	facts = append(facts, []string{"processor", processor}, []string{"wire", wire})
	if r.Setup.Network != nil {
		facts = append(facts, []string{"network", r.Setup.Network.String()})
	}
	if l := r.Links; l != nil {
		facts = append(facts, []string{"links", fmt.Sprintf("%s in %s connections, %s losses, %s resets; %s s of processor time",
			ui.Bytes(l.Bytes), ui.Count(l.Connections), ui.Count(l.Losses), ui.Count(l.Resets), ui.Digits(l.CPU))})
	}
	if len(r.Faults) > 0 {
		facts = append(facts, []string{"faults", r.faultList()})
	}
	if f := r.Flood; f != nil {
		back := after(f.Back)
		if f.Back < 0 {
			back = "never"
		}
		facts = append(facts, []string{"under flood", fmt.Sprintf("%s of %s reads/s, %s of %s writes/s; a write and a read after its end took %s",
			ui.Digits(f.Reads.During), ui.Digits(f.Reads.Before), ui.Digits(f.Writes.During), ui.Digits(f.Writes.Before), back)})
	}
	return facts
}

// known counts the nodes whose figures are known.
func (r *Result) known() (count int) {
	for _, n := range r.Nodes {
		if n.Figures != nil {
			count++
		}
	}
	return count
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
			counts[f.Action] += len(f.Nodes) + f.Clients
		}
		var parts []string
		for _, action := range order {
			parts = append(parts, fmt.Sprintf("%s %d times", action, counts[action]))
		}
		return strings.Join(parts, ", ")
	}
	var parts []string
	for _, f := range r.Faults {
		parts = append(parts, fmt.Sprintf("%.1f s: %s", f.Seconds, f))
	}
	return strings.Join(parts, "; ")
}

// maxRows bounds what is listed one by one.
const maxRows = 20

// nodes has a row for each node.
func (r *Result) nodes() table {
	t := table{Head: []string{"node", "shards", "at the end", "restarts", "processor", "from nodes", "restored"}}
	for _, n := range r.Nodes[:min(len(r.Nodes), maxRows)] {
		state := n.State
		if n.Missing > 0 {
			state += fmt.Sprintf(", lacks %s slivers", ui.Count(n.Missing))
		}
		row := []string{n.Name, ui.Count(n.Shards), state, "-", "-", "-", "-"}
		if f := n.Figures; f != nil {
			row = append(row[:3], ui.Count(f.Restarts), ui.Duration(seconds(f.CPU)), ui.Bytes(f.Received), ui.Bytes(f.Restored))
		}
		t.add(row...)
	}
	if more := len(r.Nodes) - maxRows; more > 0 {
		t.Note = fmt.Sprintf("and %d more nodes", more)
	}
	return t
}

// slow has a row for each way in which clients were slow.
func (r *Result) slow() table {
	t := table{Head: []string{"slowloris", "connections", "cut off", "not cut off", "refused", "longest held"}}
	for _, c := range r.Slowloris {
		t.add(string(c.Kind), ui.Count(c.Opened), ui.Count(c.Cut), ui.Count(c.Open), ui.Count(c.Refused), ui.Duration(seconds(c.Longest)))
	}
	return t
}

// flood has a row for each kind of stranger.
func (r *Result) flood() table {
	t := table{Head: []string{"flood", "connections", "cut off", "held to the end", "refused", "longest held"}}
	if r.Flood != nil {
		for _, c := range r.Flood.Connections {
			t.add(string(c.Kind), ui.Count(c.Opened), ui.Count(c.Cut), ui.Count(c.Open), ui.Count(c.Refused), ui.Duration(seconds(c.Longest)))
		}
	}
	return t
}

// recovery has a row for each run of a node that was wiped or started again, or for
// each cause if these are too many.
func (r *Result) recovery() table {
	t := table{Head: []string{"recovery", "blobs", "blobs/s", "slivers", "restored", "received", "per byte", "1D code", "first", "last", "healthy"}}
	if r.Recovery.Slivers == 0 && len(r.Recovery.Nodes) == 0 {
		return t
	}
	row := func(name string, n NodeRecovery) {
		rate := "-"
		if n.BlobsRate > 0 {
			rate = ui.Digits(n.BlobsRate)
		}
		t.add(name, ui.Count(n.Blobs), rate, ui.Count(n.Slivers), ui.Bytes(n.RestoredBytes), ui.Bytes(n.SymbolBytes+n.ProofBytes),
			times(n.Recovery.Ratio()), times(n.Recovery.OneDimRatio()), after(n.First), after(n.Last), after(n.HealthyAt))
	}
	var runs []NodeRecovery
	for _, n := range r.Recovery.Nodes {
		if n.Cause != cluster.CauseStart {
			runs = append(runs, n)
		}
	}
	if len(runs) <= maxRows {
		for _, n := range runs {
			row(fmt.Sprintf("%s, %s at %.1f s", n.Node, n.Cause, n.At), n)
		}
	} else {
		for _, cause := range []string{cluster.CauseWipe, cluster.CauseRestart} {
			if n, count := merged(runs, cause); count > 0 {
				row(fmt.Sprintf("%d %ss, the slowest", count, cause), n)
			}
		}
	}
	if n, count := merged(r.Recovery.Nodes, cluster.CauseStart); count > 0 {
		n.First, n.Last, n.HealthyAt = -1, -1, -1 // from the start of the process, which is no news
		row("writes that others missed", n)
	}
	row("all nodes", NodeRecovery{Recovery: r.Recovery.Recovery, First: -1, Last: -1, HealthyAt: -1})
	if !r.Recovery.Healthy {
		t.Note = "recovery is not complete"
		if r.Blobs.Incomplete > 0 {
			t.Note += fmt.Sprintf(": %s times a node lacked something of a blob that was checked", ui.Count(r.Blobs.Incomplete))
		}
	}
	return t
}

// merged sums up the runs with one cause; their times are those of the slowest.
func merged(runs []NodeRecovery, cause string) (sum NodeRecovery, count int) {
	sum.First, sum.Last, sum.HealthyAt = -1, -1, -1
	for _, n := range runs {
		if n.Cause != cause {
			continue
		}
		count++
		sum.Add(n.Recovery)
		sum.First, sum.Last, sum.HealthyAt = max(sum.First, n.First), max(sum.Last, n.Last), max(sum.HealthyAt, n.HealthyAt)
	}
	return sum, count
}

// since says when something was, from the start of the run.
func since(s float64) string {
	if s < 0 {
		return ui.Duration(seconds(-s)) + " before"
	}
	return ui.Duration(seconds(s))
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
	const most = 200
	return shortened(cli.Brief(strings.ReplaceAll(text, "\n", "; ")), most)
}

// shortened cuts a text after so many bytes.
func shortened(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
