package load

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestCorrected is Gil Tene's example: a server that takes 1 ms, and halts for about as
// long as it worked. Half of the time an operation would have had to wait.
func TestCorrected(t *testing.T) {
	h := newHistogram(3)
	for range 10_500 {
		record(h, time.Millisecond)
	}
	record(h, 10*time.Second)
	if got := summary(h).P99; math.Abs(got-1) > 0.01 {
		t.Errorf("99 %% as measured: %g ms", got)
	}
	got := summary(Corrected(h))
	for _, q := range []struct {
		name      string
		got, want float64
	}{{"50 %", got.P50, 1}, {"90 %", got.P90, 8_000}, {"99 %", got.P99, 9_800}, {"max", got.Max, 10_000}} {
		if math.Abs(q.got/q.want-1) > 0.02 {
			t.Errorf("%s: %g ms, want %g", q.name, q.got, q.want)
		}
	}
}

// TestCorrectedAsHdrHistogram compares with what the library does for values one by
// one, for a known interval.
func TestCorrectedAsHdrHistogram(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(1, 2000), 1, 50).Draw(t, "values")
		h, want := newHistogram(3), newHistogram(3)
		for _, v := range values {
			record(h, time.Duration(v)*time.Microsecond)
		}
		interval := max(h.ValueAtQuantile(50), 1)
		for _, v := range values {
			if err := want.RecordCorrectedValue(v, interval); err != nil {
				t.Fatal(err)
			}
		}
		if got := Corrected(h); !got.Equals(want) {
			t.Fatalf("%v, want %v", got.Distribution(), want.Distribution())
		}
	})
}

func TestNothingMeasured(t *testing.T) {
	if got := summary(Corrected(newHistogram(3))); got != (Latency{}) {
		t.Errorf("%v", got)
	}
}

// TestOpenLoopCountsFromWhenDue: an operation that begins late has waited.
func TestOpenLoopCountsFromWhenDue(t *testing.T) {
	start := time.Now().Add(-10 * time.Second)
	r := newRecorder(start, 10*time.Second, true)
	now := time.Now()
	r.done(Read, now.Add(-5*time.Second), now.Add(-time.Second), outcome{bytes: 1_000_000})
	r.notBegun(Read, now.Add(-8*time.Second), now)
	r.done(Write, now.Add(-time.Second), now.Add(-time.Second), outcome{err: errors.New("broken")})
	reads := r.operations(Read)
	if reads.Count != 1 || reads.NotBegun != 1 || reads.Bytes != 1_000_000 || reads.Errors != 0 {
		t.Errorf("%+v", reads)
	}
	if math.Abs(reads.Latency.P50-5000) > 50 || math.Abs(reads.Latency.Max-8000) > 50 || math.Abs(reads.Measured.Max-1000) > 50 {
		t.Errorf("%+v, %+v", reads.Latency, reads.Measured)
	}
	if math.Abs(reads.MBps-0.1) > 0.01 {
		t.Errorf("%g MB/s", reads.MBps)
	}
	writes := r.operations(Write)
	if writes.Errors != 1 || writes.PerSecond != 0 || len(r.messages) != 1 {
		t.Errorf("%+v, %q", writes, r.messages)
	}
}

// TestApart: what is spent on making and comparing blobs is no latency.
func TestApart(t *testing.T) {
	r := newRecorder(time.Now(), time.Second, false)
	began := time.Now().Add(-3 * time.Second)
	r.done(Write, began, began, outcome{apart: 2 * time.Second, encoding: 500 * time.Millisecond})
	got := r.operations(Write)
	if math.Abs(got.Measured.Max-1000) > 50 || math.Abs(got.Latency.Max-1000) > 50 || got.EncodingMs != 500 {
		t.Errorf("%+v", got)
	}
}

// TestRate counts what ended between two times, also where they were before the start.
func TestRate(t *testing.T) {
	s := newSeries(5 * time.Second) // in spans of 100 ms
	for i := range 20 {
		s.add(time.Duration(i)*100*time.Millisecond, time.Millisecond, 1, i%2 == 1)
	}
	for _, test := range []struct {
		from, to time.Duration
		want     float64
	}{
		{0, time.Second, 5},
		{500 * time.Millisecond, 1500 * time.Millisecond, 5},
		{time.Second, 3 * time.Second, 2.5},
		{-5 * time.Second, time.Second, 5},
		{-5 * time.Second, -time.Second, 0},
		{time.Second, time.Second, 0},
		{10 * time.Second, 20 * time.Second, 0},
	} {
		if got := s.rate(test.from, test.to); got != test.want {
			t.Errorf("from %v to %v: %v a second, want %v", test.from, test.to, got, test.want)
		}
	}
}

func TestSeriesIsBounded(t *testing.T) {
	reads, writes := newSeries(5*time.Second), newSeries(5*time.Second)
	reads.add(250*time.Millisecond, time.Millisecond, 10_000_000, false)
	reads.add(260*time.Millisecond, 3*time.Millisecond, 0, true)
	writes.add(time.Hour, time.Millisecond, 1, false)
	writes.add(-time.Second, time.Millisecond, 1, false)
	all := points(reads, writes)
	if len(all) != maxPoints {
		t.Fatalf("%d points", len(all))
	}
	p := all[2]
	if math.Abs(p.Seconds-0.25) > 1e-9 || p.Reads.Count != 2 || p.Reads.Errors != 1 || p.Reads.MBps != 100 || p.Reads.P99 < 2.9 {
		t.Errorf("%+v", p)
	}
	if all[0].Writes.Count != 1 || all[maxPoints-1].Writes.Count != 1 || all[50] != (Point{Seconds: all[50].Seconds}) {
		t.Errorf("%+v, %+v, %+v", all[0], all[50], all[maxPoints-1])
	}
}
