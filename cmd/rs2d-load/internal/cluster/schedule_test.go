package cluster

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseEvent(t *testing.T) {
	tests := []struct {
		text string
		want Event // zero for an error
	}{
		{"3@5s", Event{Kill, "", 3, 5 * time.Second, 0}},
		{"1@0s/100ms", Event{Kill, "", 1, 0, 100 * time.Millisecond}},
		{"2@1m30s", Event{Kill, "", 2, 90 * time.Second, 0}},
		{"1:drip@5s", Event{}}, // there are no kinds of kill
		{"", Event{}},
		{"3", Event{}},
		{"@5s", Event{}},
		{"0@5s", Event{}},
		{"-1@5s", Event{}},
		{"99999999@5s", Event{}},
		{"3@", Event{}},
		{"3@5", Event{}},
		{"3@-5s", Event{}},
		{"3@5s/", Event{}},
		{"3@5s/0s", Event{}},
		{"3@5s/1ns", Event{}},
		{"3@5s@6s", Event{}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseEvent(Kill, test.text)
			if got != test.want || (err == nil) != (test.want != Event{}) {
				t.Fatalf("%v, %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), "--kill "+test.text) {
				t.Errorf("does not name the flag: %v", err)
			}
		})
	}
}

// TestPartitions has nodes come back after the time they are cut off for, if the run lasts
// so long.
func TestPartitions(t *testing.T) {
	e, err := ParseEvent(Partition, "2@3s/4s")
	if err != nil || e.String() != "2@3s/4s" {
		t.Fatalf("%v, %v", e, err)
	}
	for _, text := range []string{"2@3s", "2@3s/", "2@3s/1ns", "2:x@3s/4s"} {
		if _, err := ParseEvent(Partition, text); err == nil || !strings.Contains(err.Error(), "--partition "+text) {
			t.Errorf("%s: %v, want an error that names the flag", text, err)
		}
	}
	late := Event{Partition, "", 1, 6 * time.Second, 10 * time.Second}
	kill := Event{Kill, "", 1, 5 * time.Second, 0}
	want := []Event{e, kill, late, {Rejoin, "", 2, 7 * time.Second, 0}}
	if got := Expand([]Event{late, e, kill}, 10*time.Second); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestParseKinds(t *testing.T) {
	for _, test := range []struct {
		action Action
		text   string
		want   Event  // zero for an error
		says   string // the error
	}{
		{Hostile, "2@5s", Event{Hostile, "", 2, 5 * time.Second, 0}, ""},
		{Hostile, "1:drip@3s/1s", Event{Hostile, "drip", 1, 3 * time.Second, time.Second}, ""},
		{Hostile, "1:@3s", Event{}, "the kinds are list, drip, invent"},
		{Hostile, "1:idle@3s", Event{}, "the kinds are list, drip, invent"},
		{Flood, "600:far-body@1s", Event{Flood, "far-body", 600, time.Second, 0}, ""},
		{Flood, "600:rain@1s", Event{}, "the kinds are client-drip-body, drip-body, far-body"},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseEvent(test.action, test.text)
			if got != test.want || (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, %v, want %v, %q", got, err, test.want, test.says)
			}
			if err == nil && got.String() != test.text {
				t.Errorf("text %q, want %q", got, test.text)
			}
		})
	}
	for _, kind := range HostileKinds() {
		if hostile[kind].Faults == 0 {
			t.Errorf("%s does nothing", kind)
		}
	}
}

func TestEventText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Event{
			Action: Wipe, Count: rapid.IntRange(1, maxCount).Draw(t, "count"),
			At: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "at")),
		}
		if rapid.Bool().Draw(t, "again") {
			e.Every = time.Duration(rapid.Int64Range(int64(time.Millisecond), int64(time.Hour)).Draw(t, "every"))
		}
		got, err := ParseEvent(Wipe, e.String())
		if err != nil || got != e {
			t.Fatalf("%v: %v, %v", e, got, err)
		}
	})
}

func TestExpand(t *testing.T) {
	got := Expand([]Event{
		{Kill, "", 2, 300 * time.Millisecond, 0},
		{Crash, "", 1, 100 * time.Millisecond, 150 * time.Millisecond},
		{Wipe, "", 1, time.Second, 0},
	}, 500*time.Millisecond)
	want := []Event{
		{Crash, "", 1, 100 * time.Millisecond, 0},
		{Crash, "", 1, 250 * time.Millisecond, 0},
		{Kill, "", 2, 300 * time.Millisecond, 0},
		{Crash, "", 1, 400 * time.Millisecond, 0},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestChoose(t *testing.T) {
	all := []bool{true, true, true, true}
	tests := []struct {
		name    string
		event   Event
		states  []State
		serving []bool
		want    []int // in any order
	}{
		{"untouched first", Event{Action: Kill, Count: 2}, []State{Restored, Untouched, Restored, Untouched}, all, []int{1, 3}},
		{"not twice", Event{Action: Kill, Count: 3}, []State{Dead, Lying, Untouched, Restored}, all, []int{2, 3}},
		{"serving only", Event{Action: Wipe, Count: 4}, make([]State, 4), []bool{true, false, false, true}, []int{0, 3}},
		{"the dead return", Event{Action: Restore, Count: 9}, []State{Dead, Untouched, Lying, Restored}, []bool{false, true, true, true}, []int{0, 2}},
		{"the dead return first", Event{Action: Restore, Count: 1}, []State{Untouched, Lying, Dead, Restored}, []bool{true, true, false, true}, []int{2}},
		{"nobody left", Event{Action: Restore, Count: 1}, make([]State, 4), all, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(20) {
				got := choose(test.event, test.states, test.serving, rand.New(rand.NewPCG(seed, 0)))
				slices.Sort(got)
				if !slices.Equal(got, test.want) {
					t.Fatalf("seed %d: %v, want %v", seed, got, test.want)
				}
			}
		})
	}
}

func TestCrashesHitEveryNode(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	states, hit := make([]State, 4), make(map[int]bool)
	for range 100 {
		for _, i := range choose(Event{Action: Crash, Count: 1}, states, []bool{true, true, true, true}, rng) {
			states[i], hit[i] = Restored, true
		}
	}
	if len(hit) != 4 {
		t.Errorf("hit only %v", hit)
	}
}

func TestRecoveryRatios(t *testing.T) {
	var r Recovery
	if r.Ratio() != 0 || r.OneDimRatio() != 0 {
		t.Error("nothing restored, and yet a ratio")
	}
	r.Add(Recovery{RestoredBytes: 60, SymbolBytes: 50, ProofBytes: 10, OneDimBytes: 600})
	r.Add(Recovery{RestoredBytes: 40, SymbolBytes: 60, OneDimBytes: 400})
	if r.Ratio() != 1.2 || r.OneDimRatio() != 10 {
		t.Errorf("%g, %g", r.Ratio(), r.OneDimRatio())
	}
}

func TestFreeAddresses(t *testing.T) {
	addresses, err := freeAddresses(20)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(addresses)
	if n := len(slices.Compact(addresses)); n != 20 {
		t.Errorf("%d different addresses of 20", n)
	}
}
