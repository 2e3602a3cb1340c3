package cluster

import (
	"time"

	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/heal"
)

// Order tells a node process how to behave from now on: one line of JSON on its
// standard input. The input's end is the order to end, so that no node outlives the
// process that started it.
type Order struct {
	Faults fault.Kind    `json:"faults"`
	Delay  time.Duration `json:"delay"` // before answers, with fault.Slow and fault.SlowList
	Rate   int64         `json:"rate"`  // bytes a second, with fault.Drip and fault.DripSymbols
	Cheat  Action        `json:"cheat,omitempty"`
}

// Stats is what a node process says of itself, in lines of JSON on its standard
// output. The first one says that it serves.
type Stats struct {
	Healthy  bool      `json:"healthy"`  // it lacks nothing that it knows of
	Received int64     `json:"received"` // bytes on connections to other nodes
	Sent     int64     `json:"sent"`
	Copied   int64     `json:"copied"`  // bytes of shards that moved to it
	Lies     int64     `json:"lies"`    // nodes that gave it wrong slivers of these
	Cleared  uint64    `json:"cleared"` // the last epoch in which it had nothing of shards that it lost
	Recovery Recovery  `json:"recovery"`
	Usage    Usage     `json:"usage"`
	Refused  Refused   `json:"refused"`
	First    time.Time `json:"first"` // when the first sliver was recovered, zero if none was
	Last     time.Time `json:"last"`
}

// Recovery counts what healing took and gave.
type Recovery struct {
	Blobs         int64 `json:"blobs"`
	Slivers       int64 `json:"slivers"`
	RestoredBytes int64 `json:"restored_bytes"` // of these slivers
	SymbolBytes   int64 `json:"symbol_bytes"`   // received, with their frames
	ProofBytes    int64 `json:"proof_bytes"`
	MetadataBytes int64 `json:"metadata_bytes"`
	OneDimBytes   int64 `json:"one_dim_bytes"` // what a one-dimensional code would have received
	Lies          int64 `json:"lies"`
	Failed        int64 `json:"failed"` // attempts at slivers that did not succeed
}

// recovery takes over what a healer counted.
func recovery(r heal.Report) Recovery {
	return Recovery{
		Blobs: r.Blobs, Slivers: r.Slivers, RestoredBytes: r.Restored, SymbolBytes: r.SymbolBytes,
		ProofBytes: r.ProofBytes, MetadataBytes: r.MetadataBytes, OneDimBytes: r.WholeBlob, Lies: r.Lies, Failed: r.Failed,
	}
}

// Add adds what another one counts.
func (r *Recovery) Add(o Recovery) {
	r.Blobs += o.Blobs
	r.Slivers += o.Slivers
	r.RestoredBytes += o.RestoredBytes
	r.SymbolBytes += o.SymbolBytes
	r.ProofBytes += o.ProofBytes
	r.MetadataBytes += o.MetadataBytes
	r.OneDimBytes += o.OneDimBytes
	r.Lies += o.Lies
	r.Failed += o.Failed
}

// Ratio returns the bytes of symbols and proofs received for each byte restored, and 0
// if nothing was.
func (r Recovery) Ratio() float64 { return ratio(r.SymbolBytes+r.ProofBytes, r.RestoredBytes) }

// OneDimRatio returns what a one-dimensional code would have received for each byte
// restored, and 0 if nothing was.
func (r Recovery) OneDimRatio() float64 { return ratio(r.OneDimBytes, r.RestoredBytes) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
