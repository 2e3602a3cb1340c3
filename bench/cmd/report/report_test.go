package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/bench/internal/peer"
	"github.com/redstuff-go/redstuff/bench/internal/work"
	"github.com/redstuff-go/redstuff/commit"
)

// invented returns results as a run would have them, with made-up times, without
// the measurements that drop names.
func invented(drop func(Key) bool) *Results {
	r := &Results{Machine: thisMachine(), Settings: Settings{Passes: 1, Settings: measure.Settings{Rounds: 2, Round: time.Millisecond}}}
	for i, c := range plan() {
		for k, p := range c.ops {
			if drop(p.key) {
				continue
			}
			ns := float64(1000 * (1 + i) * (1 + k))
			result := measure.Result{Bytes: int64(p.key.Size), Rounds: []float64{ns, 2 * ns}}
			r.Measured = append(r.Measured, Measurement{p.key, result})
		}
	}
	r.Memory = []Memory{{Work: id2D, Size: 1 << 20, Peak: 3 << 20, Base: 2 << 20}}
	return r
}

func TestReportIsWhole(t *testing.T) {
	for _, test := range []struct {
		name string
		drop func(Key) bool
	}{
		{"everything", func(Key) bool { return false }},
		{"no peers", func(k Key) bool { return k.Who != redstuff }},
		{"one dimension", func(k Key) bool { return !strings.HasPrefix(k.Code, "667") }},
		{"nothing", func(Key) bool { return true }},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			drawn := filepath.Join(dir, "report")
			if err := os.Mkdir(drawn, 0o755); err != nil {
				t.Fatal(err)
			}
			results := invented(test.drop)
			path := filepath.Join(drawn, "results.json")
			if err := results.write(path); err != nil {
				t.Fatal(err)
			}
			read, err := readResults(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := (charts{read, drawn}).drawAll(); err != nil {
				t.Fatal(err)
			}
			if err := writeReport(read, dir); err != nil {
				t.Fatal(err)
			}
			if test.name != "everything" {
				return
			}
			text, err := os.ReadFile(filepath.Join(dir, "REPORT.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range regexp.MustCompile(`\]\((report/[^)]*)\)`).FindAllStringSubmatch(string(text), -1) {
				if _, err := os.Stat(filepath.Join(dir, link[1])); err != nil {
					t.Errorf("the report links to what is not there: %v", err)
				}
			}
			if lines, goals := len(read.lines()), len(goals(read.Machine.Cores)); lines != goals {
				t.Errorf("%d of %d goals have a line", lines, goals)
			}
		})
	}
}

// Every comparison that is quick to make must run.
func TestPlanRuns(t *testing.T) {
	r := &run{Results: new(Results)}
	for _, c := range plan() {
		for _, p := range c.ops {
			if p.key.Size > 1<<10 || strings.HasPrefix(p.key.Code, "32768") || strings.HasPrefix(p.key.Code, codeName(manyShards)) {
				c.ops = nil
				break
			}
		}
		if err := r.compare(measure.Settings{Rounds: 1, Round: 1}, c); err != nil {
			t.Errorf("%s: %v", c.title, err)
		}
	}
	if len(r.Measured) < 50 {
		t.Errorf("only %d measurements were tried", len(r.Measured))
	}
}

func TestProfileNamesFunctions(t *testing.T) {
	var arena work.Arena
	functions, err := profileOp(hashes()[0].ops[0], &arena)
	if err != nil {
		t.Fatal(err)
	}
	hashing := 0.0 // the rest is the race detector's, if it is there
	for _, f := range functions {
		if strings.HasPrefix(f.Name, "internal/lanehash.") {
			hashing += f.Share
		}
	}
	if hashing < 0.1 {
		t.Errorf("hashing spends its time in %v", functions)
	}
}

func TestKeysAreUnique(t *testing.T) {
	seen := map[Key]string{}
	for _, c := range plan() {
		for _, p := range c.ops {
			if other, found := seen[p.key]; found {
				t.Errorf("%+v is measured in %q and %q", p.key, other, c.title)
			}
			seen[p.key] = c.title
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{bytesName(1), "1 B"}, {bytesName(64 << 10), "64 KiB"}, {bytesName(1 << 30), "1 GiB"},
		{timeName(12.34), "12.3 ns"}, {timeName(1234), "1.23 µs"}, {timeName(2.5e9), "2.50 s"},
		{rateName(5.927e9), "5.93 GB/s"}, {rateName(27e6), "27.0 MB/s"}, {rateName(3), "3.00 B/s"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}

// What was measured on another machine counts as much longer here as klauspost's codec takes
// longer here.
func TestScaled(t *testing.T) {
	const took = 2 * peer.Yardstick // on this machine
	ours := Key{encode2D, codeName(manyShards), 32 << 20, 1, redstuff, commit.BLAKE3.String()}
	r := &Results{Machine: Machine{Cores: 2}, Measured: []Measurement{
		{Key{encode1D, "667+333", 1 << 10, 1, klauspost, ""}, measure.Result{Rounds: []float64{float64(took)}}},
		{ours, measure.Result{Rounds: []float64{float64(peer.Budget[32<<20][0])}}},
	}}
	lines := r.lines()
	if len(lines) != 2 {
		t.Fatalf("%d lines; want two, against walrus-core and against the budget", len(lines))
	}
	for i, want := range []float64{2 * float64(peer.Walrus.Encode[32<<20]), 2 * float64(peer.Budget[32<<20][0])} {
		if l := lines[i]; l.peerNs != want || l.verdict != metAim {
			t.Errorf("%s: the peer takes %v, %s; want %v, %s", l.group, l.peerNs, l.verdict, want, metAim)
		}
	}
}
