// Package report says what a run of load against a cluster gave: as JSON, as a table,
// and as a page with charts.
package report

import (
	"fmt"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
)

// Result is all that a run gave.
type Result struct {
	Setup   Setup   `json:"setup"`
	Seconds float64 `json:"seconds"` // from the start to the end of the last operation

	Reads  load.Operations `json:"reads"`
	Writes load.Operations `json:"writes"`
	Blobs  load.Blobs      `json:"blobs"`

	CPU  CPU  `json:"cpu_seconds"`
	Wire Wire `json:"wire_bytes"`

	Faults   []Fault         `json:"faults"`
	Recovery RecoverySummary `json:"recovery"`
	Series   []load.Point    `json:"series"`
	Healing  []HealingPoint  `json:"healing"`

	Errors   []string `json:"errors"`   // of operations, the first few
	Problems []string `json:"problems"` // why OK is false
	OK       bool     `json:"ok"`       // every acknowledged blob was read back right, and no node died by itself
}

// Setup is what was run.
type Setup struct {
	Nodes        int      `json:"nodes"`
	Shards       int      `json:"shards"`
	FaultyShards int      `json:"faulty_shards"` // f: how many may be faulty at once
	Scheme       string   `json:"scheme"`
	Local        bool     `json:"local"` // nodes were started on this machine
	TLS          bool     `json:"tls"`
	Sizes        string   `json:"sizes"`
	ReadShare    float64  `json:"read_share"`
	Duplicates   float64  `json:"duplicate_share"`
	Inconsistent float64  `json:"inconsistent_share"`
	Concurrency  int      `json:"concurrency"`
	Rate         float64  `json:"rate"` // operations a second, 0 for a closed loop
	Verify       bool     `json:"verify"`
	Check        string   `json:"check"` // that the client makes when it reads
	Seed         uint64   `json:"seed"`
	Backend      string   `json:"backend"`
	CPUs         int      `json:"cpus"`
	Schedule     []string `json:"schedule"`
}

// CPU is processor time in seconds, of a run from its first blobs to its end.
type CPU struct {
	Generator float64 `json:"generator"` // this process: clients, and making and comparing blobs
	Nodes     float64 `json:"nodes"`     // all node processes, 0 if they are not local
}

// Wire is bytes on connections, TLS included.
type Wire struct {
	ClientSent     int64 `json:"client_sent"`
	ClientReceived int64 `json:"client_received"`
	NodesReceived  int64 `json:"nodes_received"` // from other nodes, 0 if they are not local
}

// Fault is an event of the schedule that was carried out.
type Fault struct {
	Seconds float64 `json:"s"` // from the start
	Action  string  `json:"action"`
	Nodes   []int   `json:"nodes"`
}

// String describes the fault in a few words.
func (f Fault) String() string {
	if len(f.Nodes) == 0 {
		return f.Action + ": no node left for it"
	}
	text := f.Action
	for i, n := range f.Nodes {
		if i > 0 {
			text += ","
		}
		text += fmt.Sprintf(" %d", n)
	}
	return text
}

// RecoverySummary is what nodes recovered: those that were wiped or restarted, and all
// together.
type RecoverySummary struct {
	cluster.Recovery
	Ratio       float64        `json:"ratio"`         // bytes of symbols and proofs received for each byte restored
	OneDimRatio float64        `json:"one_dim_ratio"` // what a one-dimensional code would have received
	Healthy     bool           `json:"healthy"`       // all nodes that were to be, at the end
	Nodes       []NodeRecovery `json:"nodes"`
}

// NodeRecovery is what one node recovered in one life. Times are in seconds from the
// start of its process, negative for what did not happen. They are exact to about 0.05.
type NodeRecovery struct {
	cluster.Recovery
	Node        int     `json:"node"`
	Cause       string  `json:"cause"` // why its process was started: start, restart or wipe
	At          float64 `json:"s"`     // when, from the start of the run
	First       float64 `json:"first_s"`
	Last        float64 `json:"last_s"`
	HealthyAt   float64 `json:"healthy_s"`
	Ratio       float64 `json:"ratio"`
	OneDimRatio float64 `json:"one_dim_ratio"`
}

// HealingPoint is the state of all nodes at one time.
type HealingPoint struct {
	Seconds  float64 `json:"s"`
	Received int64   `json:"received_bytes"` // from other nodes so far
	Restored int64   `json:"restored_bytes"` // so far; counted at the end of each pass
}
