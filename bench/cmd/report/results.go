package main

import (
	"encoding/json"
	"os"
	"slices"

	"github.com/redstuff-go/redstuff/bench/internal/measure"
	"github.com/redstuff-go/redstuff/bench/internal/peer"
)

// Key names a measurement.
type Key struct {
	Work  string `json:"work"`          // what is done
	Code  string `json:"code"`          // the code it is done with: "667+333", "n=1000"
	Size  int    `json:"size"`          // bytes of a shard, a blob or a message
	Cores int    `json:"cores"`         // how many cores it may use
	Who   string `json:"who"`           // the engine
	How   string `json:"how,omitempty"` // what else tells it from others
}

// What is done.
const (
	encode1D    = "encode 1D"
	decode1D    = "decode 1D"
	encode2D    = "encode 2D"
	fresh2D     = "encode 2D, fresh memory"
	id2D        = "id 2D"
	stream2D    = "stream 2D"
	decode2D    = "decode 2D"
	freshDecode = "decode 2D, fresh memory"
	recover2D   = "recover 2D"
	help2D      = "help 2D"
	hashLeaves  = "hash leaves"
	hashNodes   = "hash nodes"
	extend      = "extend square"
	repair      = "repair square"
	redstuff    = "redstuff"
	klauspost   = "klauspost"
	walrusCore  = "walrus-core"
	checkNone   = "none"
	checkStrict = "strict"
)

// Measurement is one operation's result.
type Measurement struct {
	Key
	measure.Result
}

// Memory is the peak of resident memory of one operation, in a process of its own.
type Memory struct {
	Work   string `json:"work"`
	Size   int    `json:"size"`
	Peak   int    `json:"peak"`   // bytes resident at the most
	Base   int    `json:"base"`   // bytes resident with the blob in memory, before
	Output int    `json:"output"` // bytes of the result
}

// Settings say how long to measure.
type Settings struct {
	measure.Settings
	// Passes over all comparisons share the rounds.
	Passes int
}

// Results are what a run of the report measured.
type Results struct {
	Machine  Machine
	Settings Settings
	// Processor says that the rounds of work on one core are times of the processor.
	Processor bool
	Measured  []Measurement
	Memory    []Memory
	Profiles  []Profile
}

// find returns the measurement of that key, or nil.
func (r *Results) find(k Key) *Measurement {
	for i := range r.Measured {
		if r.Measured[i].Key == k {
			return &r.Measured[i]
		}
	}
	return nil
}

// fastest returns the measurement that took the least time of those found, or nil.
func (r *Results) fastest(keys ...Key) *Measurement {
	var best *Measurement
	for _, k := range keys {
		if m := r.find(k); m != nil && (best == nil || m.Best() < best.Best()) {
			best = m
		}
	}
	return best
}

// scaling returns the measurements of a work on 1, 2, … cores.
func (r *Results) scaling(key Key) []Measurement {
	var list []Measurement
	for _, m := range r.Measured {
		k := m.Key
		k.Cores = 0
		if k == key {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b Measurement) int { return a.Cores - b.Cores })
	return list
}

// slower returns how much slower this machine is than the one on which walrus-core was
// measured, by the fastest and by the median rounds of what klauspost's codec took on both.
// It is 1 where that was not measured here.
func (r *Results) slower() (best, median float64) {
	m := r.find(Key{encode1D, "667+333", 1 << 10, 1, klauspost, ""})
	if m == nil {
		return 1, 1
	}
	there := float64(peer.Yardstick.Nanoseconds())
	return m.Best() / there, m.Median() / there
}

// walrus returns the time that walrus-core would take here for a blob of size bytes at
// n = 1000, nanoseconds, or 0 if nobody measured it.
func (r *Results) walrus(work, how string, size int) float64 {
	best, _ := r.slower()
	return best * walrus(work, how, size)
}

// walrus returns the time that walrus-core took for a blob of size bytes at
// n = 1000 where it was measured, nanoseconds, or 0 if nobody measured it.
func walrus(work, how string, size int) float64 {
	known := peer.Walrus.Encode
	switch {
	case work == id2D:
		known = peer.Walrus.ID
	case work == decode2D && how == "primary, "+checkStrict:
		known = peer.Walrus.DecodeStrict
	case work == decode2D && how == "primary, "+checkNone:
		known = peer.Walrus.DecodeNone
	case work == decode2D && how == "secondary, "+checkNone:
		known = peer.Walrus.DecodeSecondary
	case work == decode2D:
		return 0
	case work == recover2D:
		if size == 32<<20 && how == withProofs {
			return float64(peer.Walrus.RecoverPair.Nanoseconds())
		}
		return 0
	}
	return float64(known[size].Nanoseconds())
}

func readResults(path string) (*Results, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Results)
	return r, json.Unmarshal(data, r)
}

func (r *Results) write(path string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
