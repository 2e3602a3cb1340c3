package measure

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/bench/internal/work"
)

func TestStatistics(t *testing.T) {
	for _, test := range []struct {
		name         string
		rounds       []float64
		best, median float64
	}{
		{"one", []float64{5}, 5, 5},
		{"two", []float64{4, 2}, 2, 3},
		{"five", []float64{10, 1, 3, 2, 100}, 1, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Result{Bytes: 30, Rounds: test.rounds}
			if got := r.Best(); got != test.best {
				t.Errorf("best %v, want %v", got, test.best)
			}
			if got := r.Median(); got != test.median {
				t.Errorf("median %v, want %v", got, test.median)
			}
			if got, want := r.Throughput(), 30/test.best*1e9; got != want {
				t.Errorf("throughput %v, want %v", got, want)
			}
		})
	}
}

func TestRunTakesTurnsAndResets(t *testing.T) {
	runs, resets := [2]int{}, 0
	ops := []*work.Op{
		{Bytes: 1, Run: func() error { runs[0]++; return nil }, Period: 2, Reset: func() error { resets++; return nil }},
		{Bytes: 2, Run: func() error { runs[1]++; return nil }},
	}
	results, err := Run(Settings{Rounds: 3, Round: time.Microsecond}, ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if len(result.Rounds) != 3 || result.Bytes != int64(i+1) {
			t.Errorf("operation %d: %+v", i, result)
		}
		if runs[i] < 5 {
			t.Errorf("operation %d ran %d times", i, runs[i])
		}
	}
	if want := (runs[0] - 1) / 2; resets != want {
		t.Errorf("%d resets in %d runs, want %d", resets, runs[0], want)
	}
}

func TestRunStopsAtErrors(t *testing.T) {
	broken := errors.New("broken")
	runs := 0
	op := &work.Op{Run: func() error {
		if runs++; runs == 4 {
			return broken
		}
		return nil
	}}
	if _, err := Run(Settings{Rounds: 100}, []*work.Op{op}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestOnProcessor(t *testing.T) {
	for _, test := range []struct {
		name      string
		processor []float64
		want      float64
	}{
		{"told", []float64{1, 3, 2}, 2},
		{"not told", []float64{0, 0, 0}, 20},
		{"not measured", nil, 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Result{Rounds: []float64{10, 20, 30}, Processor: test.processor}
			r.OnProcessor()
			if got := r.Median(); got != test.want {
				t.Errorf("median %v, want %v", got, test.want)
			}
		})
	}
}

func TestAppend(t *testing.T) {
	r := Result{Bytes: 30, Rounds: []float64{5, 4, 6}, Processor: []float64{3, 3, 3}, Allocs: 1, Alloc: 100}
	r.Append(&Result{Bytes: 30, Rounds: []float64{2}, Processor: []float64{1}, Allocs: 5, Alloc: 500})
	want := Result{Bytes: 30, Rounds: []float64{5, 4, 6, 2}, Processor: []float64{3, 3, 3, 1}, Allocs: 2, Alloc: 200}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("%+v, want %+v", r, want)
	}
}
