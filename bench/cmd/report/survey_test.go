package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/ceiling"
	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/gf"
)

func TestSurvey(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every work on every backend")
	}
	v, err := takeSurvey(measure.Settings{Rounds: 1, Round: time.Microsecond}, false)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "this.json")
	if err := v.write(path); err != nil {
		t.Fatal(err)
	}
	read, err := readSurvey(path)
	if err != nil {
		t.Fatal(err)
	}
	page := comparePage([]*Survey{read, read})
	for _, w := range surveyWorks() {
		for _, b := range gf.Backends() {
			if m := read.find(w.name, b); m == nil || m.Ns <= 0 || m.Bytes <= 0 {
				t.Errorf("%s on %s: %+v", w.name, b, m)
			}
		}
		if w.name != butterflyName && !strings.Contains(page, "### "+w.name+"\n") {
			t.Errorf("the page says nothing of %s", w.name)
		}
	}
}

func TestCompare(t *testing.T) {
	fast := &Survey{
		Machine:  Machine{CPU: "Fast"},
		Ceilings: []ceiling.Ceiling{{Set: "avx2", Work: "load", Rate: 128}, {Set: "avx2", Work: "store", Rate: 64}, {Set: "avx2", Work: "affine", Rate: 64}},
		Measured: []Surveyed{{butterflyName, "avx2+gfni", 1.25, 128}, {"encode", "avx2+gfni", 1000, 64000}, {"node", "avx2+gfni", 8, 64}},
	}
	slow := &Survey{
		Machine:  Machine{CPU: "Slow"},
		Measured: []Surveyed{{butterflyName, "generic", 100, 128}, {"encode", "avx2+gfni", 4000, 64000}},
	}
	page := comparePage([]*Survey{fast, slow})
	for _, want := range []string{
		"| avx2 | load | 128 | – |",                // ceilings, where they are known
		"| avx2+gfni | 1.25 (80 % of store) | – |", // the tightest of them
		"| generic | – | 100 |",
		"| avx2+gfni | 64.0 GB/s | 16.0 GB/s (0.25×) |",
		"| avx2+gfni | 8.00 ns | – |",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not have %q:\n%s", want, page)
		}
	}
}

func TestReadSurveyTellsOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.json")
	for _, content := range []string{"", "[]", "{}", `{"measured": []}`} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readSurvey(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("reading %q gives error %v, want one that names the file", content, err)
		}
	}
}
