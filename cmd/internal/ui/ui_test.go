package ui

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

func TestUnits(t *testing.T) {
	tests := []struct{ name, got, want string }{
		{"bytes", Bytes(33), "33 B"},
		{"binary units", Bytes(int64(3 << 19)), "1.5 MiB"},
		{"thousands", Count(1234567), "1,234,567"},
		{"microseconds", Duration(1234 * time.Nanosecond), "1.23 µs"},
		{"milliseconds", Duration(56789 * time.Microsecond), "56.8 ms"},
		{"seconds", Duration(7 * time.Second), "7.00 s"},
		{"minutes", Duration(125 * time.Second), "2m5s"},
		{"rate", Rate(33_000_000, 100*time.Millisecond), "330 MB/s"},
		{"fast", Rate(33_000_000, 10*time.Millisecond), "3.30 GB/s"},
		{"slow", Rate(1234, time.Second), "1.23 kB/s"},
		{"rate in no time", Rate(1, 0), "-"},
		{"ratio", Ratio(22, 7), "3.14×"},
		{"ratio to nothing", Ratio(1, 0), "-"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.got != test.want {
				t.Errorf("%q, want %q", test.got, test.want)
			}
		})
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	table := NewTable(&out)
	table.Row("a", "bb", "c")
	table.Row("aaa", "b", "c")
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "a    bb  c\naaa  b   c\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWait(t *testing.T) {
	p := NewProgress(&bytes.Buffer{})
	got, err := Wait(t.Context(), p, "", func() (int, error) { return 7, nil })
	if got != 7 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	failed := errors.New("failed")
	if _, err := Wait(t.Context(), p, "", func() (int, error) { return 0, failed }); err != failed {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := make(chan struct{})
	defer close(never)
	_, err = Wait(ctx, p, "", func() (int, error) { <-never; return 0, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestPatience shows nothing of work that is done soon.
func TestPatience(t *testing.T) {
	var out bytes.Buffer
	p := &Progress{w: &out, show: true}
	bar := p.Bar("reading", 100)
	bar.Add(10)
	bar.Add(90)
	bar.Done()
	if _, err := Wait(t.Context(), p, "thinking", func() (int, error) { return 0, nil }); err != nil {
		t.Fatal(err)
	}
	if out.Len() != 0 {
		t.Errorf("%q", out.String())
	}
	w := &patient{w: &out, from: time.Now().Add(-time.Second)}
	if _, err := w.Write([]byte("late")); err != nil || out.String() != "late" {
		t.Errorf("after patience: %q, %v", out.String(), err)
	}
}
