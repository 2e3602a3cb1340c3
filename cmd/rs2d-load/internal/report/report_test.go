package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/node/fault/flood"
)

// sample is a result with something in every part.
func sample() *Result {
	r := &Result{
		Setup:   Setup{Nodes: 4, Shards: 16, FaultyShards: 5, Scheme: "blake3", Sizes: "1MiB", Concurrency: 8, Schedule: []string{"kill 1@1s"}},
		Seconds: 3,
		Reads:   load.Operations{Count: 1500, Bytes: 300_000_000, PerSecond: 500, Latency: load.Latency{P50: 1.5, P90: 3, P99: 20, Max: 1234}},
		Writes:  load.Operations{Count: 100, Errors: 2, NotBegun: 7},
		Blobs:   load.Blobs{Acknowledged: 98, Checked: 98, Inconsistent: 3, Refused: 9, Duplicates: 4},
		Faults: []Fault{{Seconds: 1, Action: "kill", Nodes: []string{"alpha"}}, {Seconds: 2, Action: "wipe"}, {Seconds: 2.5, Action: "slowloris", Clients: 30},
			{Seconds: 2.6, Action: "hostile", Nodes: []string{"gamma", "beta"}, Kinds: []string{"drip", "list"}}, {Seconds: 2.7, Action: "flood", Clients: 600, Kinds: []string{"idle"}}},
		Nodes: []Node{
			{Name: "alpha", Shards: 4, State: Down},
			{Name: "beta", Shards: 12, State: "healing", Missing: 5, Figures: &Figures{Restarts: 2, CPU: 1.5, Received: 3 << 20}},
		},
		Slowloris: []flood.Counts{{Kind: flood.Silent, Opened: 60, Cut: 57, Open: 3, Refused: 2, Longest: 5.5}},
		Flood: &Flood{
			Connections: []flood.Counts{{Kind: flood.Idle, Opened: 6000, Cut: 4000, Open: 2000, Refused: 7, Longest: 1.5}},
			Reads:       Borne{Before: 100, During: 80}, Writes: Borne{Before: 50, During: 20}, Back: 0.25,
		},
		Challenges: []Challenge{
			{Epoch: 3, Node: "gamma", Member: true, Started: true, Failed: true, Cheats: true, Refused: 12, Reward: 34, Slashed: 56},
			{Epoch: 3, Node: "delta", Started: true, Fined: 78},
		},
		Rounds: &Rounds{Rounds: []Round{{Epoch: 3, Seconds: 1, Started: 0.5, Closed: -1, Blobs: 200, Drawn: 113, Reads: 17}}, Reads: 23, Writes: 29},
		Errors: []string{"write: <b>&\nbroken"},
		OK:     true,
	}
	healed := cluster.Recovery{Blobs: 50, Slivers: 400, RestoredBytes: 1 << 20, SymbolBytes: 1 << 19, OneDimBytes: 10 << 20}
	r.Recovery = RecoverySummary{Recovery: healed, Ratio: 0.5, OneDimRatio: 10, Healthy: true, Nodes: []NodeRecovery{
		{Recovery: healed, Node: "beta", Cause: "wipe", At: 2, First: 0.1, Last: 0.5, HealthyAt: -1, Ratio: 0.5, OneDimRatio: 10},
	}}
	r.Setup.Command = "rs2d-load --local 4 --kill '<1@1s>'"
	r.Reads.Spread = []load.Bin{{Most: 1, Count: 1000}, {Most: 2, Count: 400}, {Most: 1234, Count: 100}}
	r.Steps = []load.Breakdown{
		{Kind: "write", Bytes: 1 << 20, Count: 98, Total: 40, Steps: []load.StepTime{{Step: "encode", Mean: 12.5}, {Step: "upload", Mean: 25}}},
		{Kind: "read", Bytes: 1 << 20, Count: 1500, Total: 2, Steps: []load.StepTime{{Step: "withheld", Mean: 0.5, Count: 3}, {Step: "slivers", Mean: 1.5, Count: 1500}}},
	}
	r.Use = []NodeUse{{Node: "alpha"}, {Node: "beta"}, {Node: "nobody"}}
	for i := range 10 {
		for n := range r.Use[:2] {
			r.Use[n].Points = append(r.Use[n].Points, UsePoint{Seconds: float64(i) / 2, Usage: cluster.Usage{CPU: float64(i) / 4, Memory: 50 << 20}, Up: true})
		}
	}
	for i := range 10 {
		at := float64(i) / 3
		r.Series = append(r.Series, load.Point{Seconds: at, Reads: load.SeriesCounts{MBps: 100 + at, P50: 1, P99: 10 + at}})
		r.Healing = append(r.Healing, HealingPoint{Seconds: at, Received: int64(i) << 20, Restored: int64(i) << 19})
	}
	return r
}

func TestText(t *testing.T) {
	var out strings.Builder
	if err := sample().Text(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"4 nodes, 16 shards of which 5 may be faulty", "closed loop of 8 workers",
		"reads   1,500  0", "100 MB/s", "1.50 ms", "1.23 s", "7 operations were due and never began",
		"1.0 s: kill alpha; 2.0 s: wipe: no node left for it; 2.5 s: slowloris, 30 clients",
		"2.6 s: hostile gamma drip, beta list; 2.7 s: flood of 600 strangers, idle",
		"80.0 of 100 reads/s, 20.0 of 50.0 writes/s; a write and a read after its end took 250 ms",
		"idle   6,000        4,000    2,000            7        1.50 s",
		"alpha  4       down                      -", "beta   12      healing, lacks 5 slivers  2         1.50 s     3.0 MiB",
		"silent     60           57       3            2        5.50 s", "0 s in 1 of 2 nodes",
		"3 blobs, refused by 9 reads", "4 writes of what was there",
		"3      gamma (cheats)  failed     12       34      56", "3      delta           no member  0        0       0        78", "500 ms", "200    113", "no challenge is open", "3 of 1,500 reads waited, 250 ms each", "beta, wipe at 2.0 s", "0.50×", "10.00×", "100 ms",
		"mean write of at most  ops  all      encode   upload", "1.0 MiB                98   40.0 ms  12.5 ms  25.0 ms",
		"error: write: <b>&; broken", "ok: all of 95 acknowledged blobs", "than may be: 2",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("without %q:\n%s", want, out.String())
		}
	}
}

// TestManyRuns has a row for each cause instead of each run.
func TestManyRuns(t *testing.T) {
	r := sample()
	r.Recovery.Nodes = nil
	for i := range maxRows + 2 {
		r.Recovery.Nodes = append(r.Recovery.Nodes, NodeRecovery{
			Recovery: cluster.Recovery{Slivers: 2, RestoredBytes: 1 << 10, SymbolBytes: 1 << 9},
			Node:     fmt.Sprint("node-", i), Cause: cluster.CauseRestart, At: 1, First: -1, Last: float64(i), HealthyAt: -1,
		})
	}
	r.Recovery.Nodes[0].Cause = cluster.CauseStart
	want := [][]string{
		{"21 restarts, the slowest", "0", "-", "42", "21 KiB", "10 KiB", "0.50×", "-", "-", "21.0 s", "-"},
		{"writes that others missed", "0", "-", "2", "1.0 KiB", "512 B", "0.50×", "-", "-", "-", "-"},
		{"all nodes", "50", "-", "400", "1.0 MiB", "512 KiB", "0.50×", "10.00×", "-", "-", "-"},
	}
	if got := r.recovery().Rows; !reflect.DeepEqual(got, want) {
		t.Errorf("%q", got)
	}
}

// TestRecoveryRate is of blobs from the first sliver to the last.
func TestRecoveryRate(t *testing.T) {
	for name, test := range map[string]struct {
		n    NodeRecovery
		want float64
	}{
		"a thousand in two seconds": {NodeRecovery{Recovery: cluster.Recovery{Blobs: 1000}, First: 1, Last: 3}, 500},
		"all at once":               {NodeRecovery{Recovery: cluster.Recovery{Blobs: 1}, First: 1, Last: 1}, 0},
		"nothing":                   {NodeRecovery{First: -1, Last: -1}, 0},
	} {
		if got := test.n.Rate(); got != test.want {
			t.Errorf("%s: %v blobs/s, want %v", name, got, test.want)
		}
	}
}

// TestChangesBeforeTheClock says of an epoch that began before the run how long before.
func TestChangesBeforeTheClock(t *testing.T) {
	r := sample()
	r.Changes = []Change{{Epoch: 2, Seconds: -1.5, Took: 0.1}, {Epoch: 3, Seconds: 8.5, Took: 0.1}}
	rows := r.changes().Rows
	if got := []string{rows[0][1], rows[1][1]}; got[0] != "1.50 s before" || got[1] != "8.50 s" {
		t.Errorf("epochs began at %q", got)
	}
}

func TestManyFaultsAreCounted(t *testing.T) {
	r := sample()
	r.Faults = nil
	for range 200 {
		r.Faults = append(r.Faults, Fault{Seconds: 1, Action: "crash", Nodes: []string{"beta"}})
	}
	if got := r.faultList(); got != "crash 200 times" {
		t.Error(got)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	data, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var back Result
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, sample()) {
		t.Errorf("%+v", back)
	}
}

func TestHTML(t *testing.T) {
	for name, r := range map[string]*Result{"sample": sample(), "nothing happened": {}} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			if err := r.HTML(&out); err != nil {
				t.Fatal(err)
			}
			page := out.String()
			if strings.Contains(page, "<b>&") || strings.Contains(page, "NaN") || strings.Contains(page, "Inf") {
				t.Error("not escaped, or not a number")
			}
			if strings.Contains(page, "src=") || strings.Contains(page, "href=") {
				t.Error("needs other files")
			}
			charts := strings.Count(page, "<svg")
			if want := map[string]int{"sample": 16, "nothing happened": 1}[name]; charts != want {
				t.Errorf("%d charts, want %d", charts, want)
			}
			marks := 0 // of charts over time; and the end of the load, in that of recovery
			if name == "sample" {
				marks = 5*len(r.Faults) + 1 + 2*4 // each of a node's four charts has what was done to it
			}
			if got := strings.Count(page, `class="m"`); got != marks {
				t.Errorf("%d marks, want %d", got, marks)
			}
			if strings.Contains(page, "Not every promise") == r.OK {
				t.Error("says wrongly if all is well")
			}
			if want := map[string]int{"sample": 11, "nothing happened": 3}[name]; strings.Count(page, "<table") != want {
				t.Errorf("%d tables, want %d", strings.Count(page, "<table"), want)
			}
			if name == "sample" && !strings.Contains(page, "--kill &#39;&lt;1@1s&gt;&#39;") {
				t.Error("without the command line")
			}
			all := (drawing{r}).charts()
			for _, n := range (drawing{r}).nodeRows() {
				all = append(all, n.Charts...)
			}
			for _, kind := range []string{"write", "read"} {
				if err := wellFormed(stepBars(r, kind)); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
			for _, c := range all {
				if err := wellFormed(c.svg()); err != nil {
					t.Errorf("%s: %v", c.title, err)
				}
			}
		})
	}
}

// TestLabels joins those of marks that are close to each other.
func TestLabels(t *testing.T) {
	c := chart{end: 10, marks: []mark{{9, "last"}, {1, "first"}, {1.01, "second"}, {11, "beyond"}}}
	svg := c.svg()
	for text, want := range map[string]int{"first; second<": 1, ">last<": 2, ">second<": 1, "beyond": 0} {
		if got := strings.Count(svg, text); got != want {
			t.Errorf("%q is there %d times, want %d:\n%s", text, got, want, svg)
		}
	}
}

// wellFormed reads XML to its end.
func wellFormed(text string) error {
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestTicks(t *testing.T) {
	tests := []struct {
		name   string
		lo, hi float64
		log    bool
		want   []float64
	}{
		{"seconds", 0, 20, false, []float64{0, 5, 10, 15, 20}},
		{"decades", 0.1, 100, true, []float64{0.1, 1, 10, 100}},
		{"nothing", 0, 0, false, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ticks(test.lo, test.hi, test.log); !slices.Equal(got, test.want) {
				t.Errorf("%v, want %v", got, test.want)
			}
		})
	}
}

func TestShort(t *testing.T) {
	for _, test := range []struct {
		borne Borne
		want  bool
	}{{Borne{100, 50}, false}, {Borne{100, 49}, true}, {Borne{0, 0}, false}, {Borne{1, 0}, true}} {
		if got := test.borne.Short(); got != test.want {
			t.Errorf("%+v is short: %v, want %v", test.borne, got, test.want)
		}
	}
}
