// Package report says what a run of load against a cluster gave: as JSON, as a table,
// and as a page with charts.
package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/network"
	"github.com/redstuff-go/redstuff/node/fault/flood"
)

// Result is all that a run gave.
type Result struct {
	Setup   Setup   `json:"setup"`
	Seconds float64 `json:"seconds"` // from the start to the end of the last operation

	Reads  load.Operations `json:"reads"`
	Writes load.Operations `json:"writes"`
	Blobs  load.Blobs      `json:"blobs"`

	CPU   CPU        `json:"cpu_seconds"`
	Bytes ByteCounts `json:"wire_bytes"`

	Nodes      []Node           `json:"nodes"`
	Faults     []Fault          `json:"faults"`
	Slowloris  []flood.Counts   `json:"slowloris,omitempty"` // by the way to be slow
	Flood      *Flood           `json:"flood,omitempty"`
	Changes    []Change         `json:"changes,omitempty"` // of epochs
	Challenges []Challenge      `json:"challenges,omitempty"`
	Rounds     *Rounds          `json:"challenge_rounds,omitempty"` // that the challenges had
	Links      *cluster.LinkUse `json:"links,omitempty"`            // what emulated links carried
	Recovery   RecoverySummary  `json:"recovery"`
	Steps      []load.Breakdown `json:"steps"` // where the time of operations went, by kind and size
	Series     []load.Point     `json:"series"`
	Healing    []HealingPoint   `json:"healing"`
	Use        []NodeUse        `json:"node_series,omitempty"` // of nodes that tell what they use

	Errors   []string `json:"errors"`   // of operations, the first few
	Problems []string `json:"problems"` // why OK is false
	OK       bool     `json:"ok"`       // there are no problems
}

// Setup is what was run.
type Setup struct {
	Nodes        int      `json:"nodes"`
	Shards       int      `json:"shards"`
	FaultyShards int      `json:"faulty_shards"` // f: how many may be faulty at once
	Scheme       string   `json:"scheme"`
	Metadata     string   `json:"metadata"`          // what nodes keep of it
	Control      string   `json:"control,omitempty"` // of local nodes: fixed, embedded or comet
	Local        bool     `json:"local"`             // nodes were started on this machine
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

	Command   string    `json:"command"`   // the command line
	Started   time.Time `json:"started"`   // when the first operation began
	Version   string    `json:"version"`   // of the program, and of Go
	Processor string    `json:"processor"` // of this machine

	Network *network.Profile `json:"network,omitempty"` // of emulated links
}

// CPU is processor time in seconds, of a run from its first blobs to its end.
type CPU struct {
	Generator float64 `json:"generator"` // this process: clients, and making and comparing blobs
	Nodes     float64 `json:"nodes"`     // the processes of all nodes whose figures are known
	Ledger    float64 `json:"ledger"`    // the validators of local nodes; a ledger in this process counts among clients
}

// ByteCounts is bytes on connections, TLS included.
type ByteCounts struct {
	ClientSent     int64 `json:"client_sent"`
	ClientReceived int64 `json:"client_received"`
	NodesReceived  int64 `json:"nodes_received"` // by nodes whose figures are known, from other nodes
}

// States of nodes beside those of package api.
const (
	Down   = "down"   // does not answer
	Killed = "killed" // on the schedule
	Lying  = "lying"  // on the schedule, or slow, or silent
	Gone   = "gone"   // left, or was replaced, on the schedule

	Leaving = "leaving" // on the schedule, and keeps shards for others yet
)

// Node is one node of the committee.
type Node struct {
	Name    string   `json:"name"`
	Shards  int      `json:"shards"`
	State   string   `json:"state"`             // at the end: one of those above, or of package api
	Missing int64    `json:"missing"`           // slivers that it knew it lacked at the end
	Liars   []string `json:"liars,omitempty"`   // nodes that gave it wrong slivers of shards that moved
	Figures *Figures `json:"figures,omitempty"` // not there if nobody told them
}

// Figures is what the processes of a node did during the run.
type Figures struct {
	Restarts int     `json:"restarts"`
	CPU      float64 `json:"cpu_seconds"`
	Received int64   `json:"received_bytes"` // from other nodes, TLS included
	Sent     int64   `json:"sent_bytes"`     // to other nodes, on connections that it made
	Restored int64   `json:"restored_bytes"` // of slivers recovered
}

// Fault is an event of the schedule that was carried out.
type Fault struct {
	Seconds float64  `json:"s"` // from the start
	Action  string   `json:"action"`
	Nodes   []string `json:"nodes"`             // by name
	Kinds   []string `json:"kinds,omitempty"`   // of each node, of hostile; of strangers, of flood
	Clients int      `json:"clients,omitempty"` // that came, of slowloris and flood
}

// Change is what became of the beginning of an epoch.
type Change struct {
	Epoch   uint32  `json:"epoch"`
	Seconds float64 `json:"s"`      // from the start of the run
	Took    float64 `json:"took_s"` // until the owners of a quorum of shards had theirs; negative if they had not
	Moved   int     `json:"moved_shards"`
	Given   int     `json:"given_shards"`  // of those that moved: their owners before were alive and honest
	Minimum int64   `json:"minimum_bytes"` // of the slivers of all blobs in the shards that were given, and of metadata for nodes that were new
	Copied  int64   `json:"copied_bytes"`  // by all nodes, until the next epoch
	Reads   float64 `json:"reads_per_s"`   // while it took, or until the next epoch if it was not settled
	Writes  float64 `json:"writes_per_s"`
}

// Challenge is what became of a node in the challenge of an epoch.
type Challenge struct {
	Epoch   uint32 `json:"epoch"`
	Node    string `json:"node"`
	Member  bool   `json:"member"`  // who has left may be fined still
	Started bool   `json:"started"` // there was a round
	Passed  bool   `json:"passed"`
	Failed  bool   `json:"failed"`  // others with n-f shards have passed, and the epoch has ended
	Cheats  bool   `json:"cheats"`  // now, or misbehaves otherwise
	Lacks   bool   `json:"lacks"`   // it had lost half of its slivers, or all, as long as the challenge was open
	Upset   bool   `json:"upset"`   // it was down, healed, or something was done to it
	Refused int64  `json:"refused"` // messages of the node that others did not take
	Reward  uint64 `json:"reward"`  // of the epoch, once it has ended
	Slashed uint64 `json:"slashed"` // for challenges that it failed
	Fined   uint64 `json:"fined"`   // for shards that it did not hand over, or did not get, since the epoch before
}

// Rounds are the courses of challenges, and what was read and written beside them.
type Rounds struct {
	Rounds []Round `json:"rounds"`
	Reads  float64 `json:"reads_per_s"` // of the load, while no challenge was open
	Writes float64 `json:"writes_per_s"`
}

// Round is the course of a challenge.
type Round struct {
	Epoch   uint32  `json:"epoch"`
	Seconds float64 `json:"s"`         // from the start until it was armed
	Started float64 `json:"started_s"` // from then on, negative if it did not
	Closed  float64 `json:"closed_s"`
	Blobs   uint64  `json:"blobs"` // of the list
	Drawn   uint64  `json:"drawn_blobs"`
	Reads   float64 `json:"reads_per_s"` // from when it was armed until it was closed
	Writes  float64 `json:"writes_per_s"`
}

// MostCopied is how many times the least bytes nodes may copy.
const MostCopied = 1.2

// Flood is how nodes bore strangers.
type Flood struct {
	Connections []flood.Counts `json:"connections"` // by kind, to all nodes
	CPU         float64        `json:"cpu_seconds"` // processor time of the strangers
	Reads       Borne          `json:"reads"`
	Writes      Borne          `json:"writes"`
	Back        float64        `json:"back_s"` // from the flood's end to the end of a write and a read, negative if they failed
}

// Borne is the rate of operations without a flood and with it.
type Borne struct {
	Before float64 `json:"before_per_s"` // from the start to the first strangers
	During float64 `json:"during_per_s"` // from then to the end
}

// LeastShare is the share of their rate that operations keep under a flood.
const LeastShare = 0.5

// Short reports whether operations fell below LeastShare of their rate.
func (b Borne) Short() bool { return b.During < LeastShare*b.Before }

// BackWithin is how long after a flood nodes may take to serve as before, in seconds.
const BackWithin = 10

// String describes the fault in a few words.
func (f Fault) String() string {
	switch {
	case f.Clients > 0 && len(f.Kinds) > 0:
		return fmt.Sprintf("%s of %d strangers, %s", f.Action, f.Clients, strings.Join(f.Kinds, ", "))
	case f.Clients > 0:
		return fmt.Sprintf("%s, %d clients", f.Action, f.Clients)
	case len(f.Nodes) == 0:
		return f.Action + ": no node left for it"
	}
	text := f.Action
	for i, n := range f.Nodes {
		if i > 0 {
			text += ","
		}
		text += " " + n
		if i < len(f.Kinds) {
			text += " " + f.Kinds[i]
		}
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

// NodeRecovery is what one node recovered in one run. Times are in seconds from the
// start of its process, negative for what did not happen. They are exact to about 0.05.
type NodeRecovery struct {
	cluster.Recovery
	Node        string  `json:"node"`  // its name
	Cause       string  `json:"cause"` // why its process was started: start, restart or wipe
	At          float64 `json:"s"`     // when, from the start of the run
	First       float64 `json:"first_s"`
	Last        float64 `json:"last_s"`
	HealthyAt   float64 `json:"healthy_s"`
	BlobsRate   float64 `json:"blobs_per_s"` // from the first sliver to the last; 0 if nothing was recovered, or all at once
	Ratio       float64 `json:"ratio"`
	OneDimRatio float64 `json:"one_dim_ratio"`
}

// Rate returns the blobs of which something was recovered a second, see BlobsRate.
func (n *NodeRecovery) Rate() float64 {
	if n.First < 0 || n.Last <= n.First {
		return 0
	}
	return float64(n.Blobs) / (n.Last - n.First)
}

// NodeUse is what a node used over time, all its processes together.
type NodeUse struct {
	Node   string     `json:"node"` // its name
	Points []UsePoint `json:"points"`
}

// UsePoint is what a node had used at one time.
type UsePoint struct {
	Seconds float64 `json:"s"`
	cluster.Usage
	Received int64 `json:"received_bytes"` // from other nodes
	Restored int64 `json:"restored_bytes"` // of slivers
	Up       bool  `json:"up"`             // its process runs
}

// HealingPoint is the state of all nodes at one time.
type HealingPoint struct {
	Seconds  float64 `json:"s"`
	Received int64   `json:"received_bytes"` // from other nodes so far
	Restored int64   `json:"restored_bytes"` // so far; counted at the end of each pass
}
