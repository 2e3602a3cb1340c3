package ui

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"sync"
	"sync/atomic"
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
	p := &Progress{w: &out, show: true, after: time.Hour}
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
	w := &delayed{w: &out, from: time.Now().Add(-time.Second)}
	if _, err := w.Write([]byte("late")); err != nil || out.String() != "late" {
		t.Errorf("after its time: %q, %v", out.String(), err)
	}
}

// TestBar shows the share done, how many bytes of all, the rate, and the time that has
// passed and that is left.
func TestBar(t *testing.T) {
	want := regexp.MustCompile(`reading +[0-9]+% \|█* *\| \([0-9.]+( [kMGT]iB)?/1\.0 TiB, [0-9.]+ [kMGT]iB/s\) \[[0-9hms]+:[0-9hms]+\]`)
	const total = 1 << 40
	for _, test := range []struct {
		name string
		show func(p *Progress) (add, stop func())
	}{
		{"added", func(p *Progress) (add, stop func()) {
			bar := p.Bar("reading", total)
			return func() { bar.Add(1 << 30) }, bar.Done
		}},
		{"watched", func(p *Progress) (add, stop func()) {
			var done atomic.Int64
			return func() { done.Add(1 << 30) }, p.Watch("reading", total, done.Load)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := &screen{want: want, seen: make(chan struct{})}
			add, stop := test.show(&Progress{w: out, show: true})
			defer stop()
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for late := time.After(20 * time.Second); ; {
				select {
				case <-tick.C:
					add()
				case <-out.seen:
					return
				case <-late:
					t.Fatalf("shown: %q, want %v", out.last(), want)
				}
			}
		})
	}
}

// screen closes seen once what it was waiting for was written to it.
type screen struct {
	want *regexp.Regexp
	seen chan struct{}

	mu   sync.Mutex
	text string
	once sync.Once
}

func (s *screen) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(data) > len("\r\r") {
		s.text = string(data)
	}
	if s.want.Match(data) {
		s.once.Do(func() { close(s.seen) })
	}
	return len(data), nil
}

func (s *screen) last() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text
}
