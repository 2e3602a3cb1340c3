package rs2d

import (
	"bytes"
	"errors"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

// TestChanges changes a blob between the first time that it is read and the second.
func TestChanges(t *testing.T) {
	c := newCode(t, 70, WithWorkers(1))
	const size = 200
	row := c.Params().S * size
	for _, test := range []struct {
		name    string
		changes func(blob []byte)
		want    error
	}{
		{"nothing", func([]byte) {}, nil},
		{"a bit", func(blob []byte) { blob[row-size] ^= 1 }, ErrChanged},
		{"the last byte", func(blob []byte) { blob[len(blob)-1]++ }, ErrChanged},
		{"rows swapped", func(blob []byte) {
			first := bytes.Clone(blob[:row])
			copy(blob, blob[row:2*row])
			copy(blob[row:], first)
		}, ErrChanged},
		{"all zero", func(blob []byte) { clear(blob) }, ErrChanged},
	} {
		for _, sink := range []Sink{Discard, &memorySink{slivers: make(map[SliverRef][]byte)}} {
			for _, memory := range []int64{1, parityBytes} {
				blob := pattern(c.Params().P*row-3*size, 5)
				encoder := c.NewEncoder()
				begun := false
				// It changes once the first columns are read, and so after all rows.
				_, err := encoder.EncodeTo(t.Context(), sink, bytes.NewReader(blob), int64(len(blob)), MaxMemory(memory),
					Progress(func(int64, int64) {
						if !begun {
							begun = true
							test.changes(blob)
						}
					}))
				if !errors.Is(err, test.want) {
					t.Errorf("%s, memory of %d: %v, want %v", test.name, memory, err, test.want)
				}
				// The encoder is as good as new.
				want, err := c.ID(blob)
				if err != nil {
					t.Fatal(err)
				}
				meta, err := encoder.EncodeTo(t.Context(), Discard, bytes.NewReader(blob), int64(len(blob)))
				if err != nil {
					t.Fatal(err)
				}
				if id, err := meta.ID(c.hasher); err != nil || id != want {
					t.Errorf("%s: then id %v (%v), want %v", test.name, id, err, want)
				}
			}
		}
	}
}

// TestSteady: nobody looks whether a source changes that is said to be the same.
func TestSteady(t *testing.T) {
	c := newCode(t, 70, WithWorkers(1))
	const length = 200_000
	blob := pattern(length, 5)
	begun := false
	meta, err := c.EncodeTo(t.Context(), Discard, bytes.NewReader(blob), int64(len(blob)), MaxMemory(1), Steady(), Progress(func(int64, int64) {
		if !begun {
			begun = true
			clear(blob)
		}
	}))
	if err != nil {
		t.Fatalf("error %v, want none", err)
	}
	for what, blob := range map[string][]byte{"first": pattern(length, 5), "then": blob} {
		id, err := c.ID(blob)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := meta.ID(c.hasher); err != nil || got == id {
			t.Errorf("id %v (%v), which is that of what was %s there", got, err, what)
		}
	}
}

// TestWitnessRows has every row of parity be chosen at times.
func TestWitnessRows(t *testing.T) {
	const n = 7 // of which 4 are of parity, and 2 chosen
	p, err := commit.NewParams(n)
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLayout(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	chosen := make(map[int]bool)
	for range 100 {
		var w witness
		w.begin(&l, l.size)
		if len(w.rows) != witnessRows || w.rows[0] == w.rows[1] {
			t.Fatalf("rows %v of parity are chosen", w.rows)
		}
		for _, row := range w.rows {
			if row < 0 || row >= l.N-l.P {
				t.Fatalf("row %d of parity is chosen of %d", row, l.N-l.P)
			}
			chosen[row] = true
		}
	}
	if len(chosen) != l.N-l.P {
		t.Errorf("%d rows of parity are ever chosen, want %d", len(chosen), l.N-l.P)
	}
}
