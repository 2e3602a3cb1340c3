package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/load"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/rs2d"
)

type runCmd struct {
	Local      int            `placeholder:"N" help:"Start N nodes on this machine." group:"Cluster"`
	Shards     int            `short:"n" default:"100" help:"Number of shards that the local nodes share." group:"Cluster"`
	Control    string         `enum:"fixed,embedded,comet" default:"embedded" help:"Control plane of local nodes: embedded, a ledger in this process, on which blobs are registered; comet, the same ledger on a validator beside each node, which dies with it; or fixed, a committee's file." group:"Cluster"`
	Comet      string         `placeholder:"FILE" help:"The program that runs a validator, for --control comet; by default rs2d-comet beside this program or in PATH, or else what go build makes of it in a clone of the project." group:"Cluster"`
	Epoch      time.Duration  `placeholder:"TIME" help:"How long an epoch of the ledger of local nodes is: by default longer than any run." group:"Cluster"`
	Challenges string         `enum:"auto,off,light,full" default:"auto" help:"Whether local nodes have to prove in each epoch what they store: off; light, some blobs; full, all; auto is light if nodes cheat, and else off. Needs --epoch." group:"Cluster"`
	Missing    float64        `default:"0.5" help:"Share of the blobs without which a local node is to fail a light challenge: the less, the more blobs are challenged." group:"Cluster"`
	Scheme     commit.Scheme  `default:"blake3" help:"Hash of the commitments of local nodes: blake3 or walrus." group:"Cluster"`
	Metadata   committee.Form `default:"full" help:"What local nodes keep of the metadata of blobs: full, all of it; or coded, a part." group:"Cluster"`
	Dir        string         `placeholder:"DIR" help:"Where stores of local nodes are; a new temporary directory by default." group:"Cluster"`
	Keep       bool           `help:"Leave stores and logs of local nodes where they are." group:"Cluster"`
	Plaintext  bool           `help:"Speak HTTP without TLS." group:"Cluster"`
	OpenFiles  uint64         `placeholder:"N" help:"Let each local node open so many files and connections only, as ulimit -n does." group:"Cluster"`
	Net        string         `placeholder:"lan|wan|lossy|FILE" help:"Put an emulated link between every two processes: lan, wan (five regions of the world), lossy, or a TOML file, see docs/load.md." group:"Cluster"`
	Committee  string         `placeholder:"FILE" help:"Put the load on this committee, instead of --local." group:"Cluster"`
	Key        string         `placeholder:"FILE" help:"Key of a client that may write to --committee; default client.key beside it." group:"Cluster"`
	Admin      []string       `placeholder:"HOST:PORT" help:"Admin addresses of nodes of --committee, in any order: their processor time, bytes and recovery are reported." group:"Cluster"`

	Duration     time.Duration `default:"10s" help:"How long operations begin." group:"Load"`
	Size         string        `default:"1MiB" help:"Lengths of blobs: SIZE, uniform:LEAST-MOST, or lognormal:MEDIAN,SIGMA." group:"Load"`
	MaxSize      string        `default:"64MiB" placeholder:"SIZE" help:"Longest blob; default 64MiB." group:"Load"`
	Reads        float64       `default:"0.5" help:"Share of reads among operations." group:"Load"`
	Duplicates   float64       `default:"0" help:"Share of writes that write a blob again." group:"Load"`
	Inconsistent float64       `default:"0" help:"Share of writes of wrongly encoded blobs, which nobody is to read." group:"Load"`
	Concurrency  int           `short:"c" default:"8" help:"Operations at once." group:"Load"`
	Rate         float64       `default:"0" help:"Operations a second that begin whatever became of others; by default each of --concurrency workers begins one when its last one ends." group:"Load"`
	Verify       bool          `default:"true" negatable:"" help:"Compare every byte that is read." group:"Load"`
	Check        string        `default:"strict" enum:"strict,systematic,none" help:"What the client makes sure of when it reads: strict, systematic, or none, which verifies slivers only." group:"Load"`
	Preload      int           `default:"16" help:"Blobs to store before the clock starts." group:"Load"`
	Seed         uint64        `placeholder:"NUMBER" help:"Of blobs, of what is done to them, and of who is hit; default 1 with --local, and drawn by chance with --committee, which may have the blobs of an earlier run." group:"Load"`
	OpTimeout    time.Duration `default:"30s" help:"For one operation, and as long again as a challenge may take that has a read wait." group:"Load"`

	Kill    []string `placeholder:"COUNT@TIME" help:"kill -9 so many nodes at that time of the run, such as 3@5s. COUNT@TIME/EVERY does it again and again. Both here and below." group:"Faults, of --local"`
	Restart []string `placeholder:"COUNT@TIME" help:"Start nodes that were killed, and let others that misbehave be honest again." group:"Faults, of --local"`
	Wipe    []string `placeholder:"COUNT@TIME" help:"Kill, remove the store, and start again." group:"Faults, of --local"`
	Crash   []string `placeholder:"COUNT@TIME" help:"Kill and start again, but never while more than f shards would be down." group:"Faults, of --local"`
	Slow    []string `placeholder:"COUNT@TIME" help:"Wait half a second before every answer." group:"Faults, of --local"`
	Stall   []string `placeholder:"COUNT@TIME" help:"Never answer." group:"Faults, of --local"`
	Drip    []string `placeholder:"COUNT@TIME" help:"Answer a byte at a time." group:"Faults, of --local"`
	Refuse  []string `placeholder:"COUNT@TIME" help:"Answer 503." group:"Faults, of --local"`
	Corrupt []string `placeholder:"COUNT@TIME" help:"Flip bits in slivers and symbols." group:"Faults, of --local"`
	Swap    []string `placeholder:"COUNT@TIME" help:"Answer from another blob, with valid proofs." group:"Faults, of --local"`
	Forget  []string `placeholder:"COUNT@TIME" help:"Acknowledge writes falsely, and keep nothing." group:"Faults, of --local"`

	Evict []string `placeholder:"COUNT@TIME" help:"Silently drop half of the slivers, and go on as if all were there. This and the next two need --epoch: nodes that cheat are to fail the challenges of the epochs." group:"Faults, of --local"`
	Proxy []string `placeholder:"COUNT@TIME" help:"Keep nothing, and ask others when asked." group:"Faults, of --local"`
	Lazy  []string `placeholder:"COUNT@TIME" help:"Acknowledge writes, and keep nothing of them." group:"Faults, of --local"`

	Partition []string `placeholder:"COUNT@TIME/DURATION" help:"Cut so many nodes off from the others and from clients, together, for some time. Needs --net." group:"Faults, of --local"`

	Join    []string `placeholder:"COUNT@TIME" help:"So many new nodes come, with stake: they own shards from the epoch on that follows the next selection of a committee. Needs --epoch." group:"Epochs, of --local"`
	Leave   []string `placeholder:"COUNT[:lying]@TIME" help:"Withdraw the stake of so many nodes, which give their shards to others and end. 1:lying@5s gives wrong slivers. Needs --epoch." group:"Epochs, of --local"`
	Replace []string `placeholder:"COUNT@TIME" help:"kill -9 so many nodes, remove their disks for ever, and let new ones come with stake. Needs --epoch." group:"Epochs, of --local"`

	Hostile   []string `placeholder:"COUNT[:KIND]@TIME" help:"Keep others from recovery: list blobs one by one and slowly (list), send symbols drop by drop (drip), or list blobs that do not exist (invent). Nodes take turns if there is no kind, as in 3@5s; 1:drip@5s has one. The run fails if honest nodes do not recover." group:"Faults, of --local"`
	Flood     []string `placeholder:"COUNT[:KIND]@TIME" help:"So many strangers come from one address and keep a connection to every node until the load ends: with a request now and then (idle), announcing a terabyte (far-body), or silent (silent), by turns; 600:idle@10s has one kind. docs/load.md lists more. The run fails if reads or writes fall below half of what they were before, which takes a second of load or more." group:"Faults, of --local"`
	Slowloris []string `placeholder:"COUNT@TIME" help:"So many clients come, which keep a connection to every node and are as slow as can be: silent, with half a handshake, header or body, or leaving answers unread." group:"Faults, of --local"`

	HealInterval time.Duration `default:"5s" help:"How often local nodes look for what they lack." group:"Recovery"`
	HealDelay    time.Duration `default:"1s" help:"How long a write may take before local nodes that missed it recover it." group:"Recovery"`
	Settle       time.Duration `default:"30s" help:"How long nodes may take to recover after the run." group:"Recovery"`
	CheckTimeout time.Duration `default:"60s" help:"For reading all acknowledged blobs back, after that." group:"Recovery"`

	JSON bool   `name:"json" help:"Print one JSON object instead of text." group:"Output"`
	HTML string `name:"html" placeholder:"FILE" help:"Write a page with charts." group:"Output"`

	Profile string `placeholder:"DIR" help:"Write processor profiles there: load.pprof of the clients, node-0.pprof and so on of local nodes, strangers.pprof of a flood. Those of nodes that are killed are lost." group:"Output"`
}

// Help is shown below the flags' list.
func (c *runCmd) Help() string {
	return `Latencies are corrected for coordinated omission. Recovery: received bytes of symbols and proofs for each byte of slivers restored, beside what a one-dimensional code would have received: a whole blob.

JSON: setup, seconds, reads and writes (count, errors, not_begun, bytes, per_s, mb_per_s, latency_ms, service_latency_ms, encoding_ms), blobs, cpu_seconds, wire_bytes, nodes, faults, slowloris, flood, changes, recovery, series, healing, errors, problems, ok. docs/load.md says what they are.`
}

// events parses the schedule of faults.
func (c *runCmd) events() ([]cluster.Event, error) {
	var events []cluster.Event
	for _, f := range []struct {
		action cluster.Action
		texts  []string
	}{
		{cluster.Kill, c.Kill}, {cluster.Restore, c.Restart}, {cluster.Wipe, c.Wipe}, {cluster.Crash, c.Crash},
		{cluster.Slow, c.Slow}, {cluster.Stall, c.Stall}, {cluster.Drip, c.Drip}, {cluster.Refuse, c.Refuse},
		{cluster.Partition, c.Partition},
		{cluster.Corrupt, c.Corrupt}, {cluster.Swap, c.Swap}, {cluster.Forget, c.Forget},
		{cluster.Evict, c.Evict}, {cluster.Proxy, c.Proxy}, {cluster.Lazy, c.Lazy},
		{cluster.Join, c.Join}, {cluster.Leave, c.Leave}, {cluster.Replace, c.Replace},
		{cluster.Hostile, c.Hostile}, {cluster.Slowloris, c.Slowloris}, {cluster.Flood, c.Flood},
	} {
		for _, text := range f.texts {
			e, err := cluster.ParseEvent(f.action, text)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
	}
	return events, nil
}

// Bounds of flags, so that a slip of the finger does not take the machine down.
const (
	maxLocal       = 200
	maxConcurrency = 4096
	maxRate        = 1e6
	maxTime        = 24 * time.Hour
	leastOpenFiles = 64
	leastEpoch     = time.Second
	leastMissing   = 0.0001      // a basis point
	floodApart     = time.Second // of load before a flood, and with it
)

// validate checks what the parser cannot.
func (c *runCmd) validate(events []cluster.Event) error {
	switch {
	case (c.Local == 0) == (c.Committee == ""):
		return errors.New("give either --local N or --committee FILE")
	case c.Comet != "" && (c.Local == 0 || c.Control != cluster.ControlComet):
		return errors.New("--comet is for --local nodes with --control comet")
	case c.Local != 0 && len(c.Admin) > 0:
		return errors.New("--admin is for --committee: of local nodes all is known")
	case c.Committee != "" && len(events) > 0:
		return errors.New("faults need --local: other people's nodes are left alone")
	case c.Net != "" && c.Local == 0:
		return errors.New("--net is for --local nodes: other people's have a network")
	case c.Local < 0 || c.Local > maxLocal:
		return fmt.Errorf("--local %d: at most %d nodes", c.Local, maxLocal)
	case c.Local > c.Shards:
		return fmt.Errorf("--local %d: there are only %d shards", c.Local, c.Shards)
	case c.OpenFiles != 0 && (c.OpenFiles < leastOpenFiles || c.Local == 0):
		return fmt.Errorf("--open-files %d: at least %d, and of --local nodes", c.OpenFiles, leastOpenFiles)
	case c.Concurrency < 1 || c.Concurrency > maxConcurrency:
		return fmt.Errorf("--concurrency %d: from 1 to %d", c.Concurrency, maxConcurrency)
	case !(c.Rate >= 0 && c.Rate <= maxRate):
		return fmt.Errorf("--rate %g: from 0 to %g", c.Rate, float64(maxRate))
	case c.Inconsistent > 0 && c.Check != "strict":
		return errors.New("--inconsistent needs --check strict: without it some readers are content with such blobs")
	case c.Preload < 1:
		return fmt.Errorf("--preload %d: at least 1, or there is nothing to read", c.Preload)
	}
	if c.Epoch != 0 && (c.Local == 0 || c.Control == cluster.ControlFixed || c.Epoch < leastEpoch) {
		return fmt.Errorf("--epoch %v: at least %v, and of --local nodes with a ledger", c.Epoch, leastEpoch)
	}
	if c.challengeMode(events) != ledger.ChallengesOff && (c.Epoch == 0 || c.Plaintext) {
		return errors.New("--challenges needs --epoch, and no --plaintext: members know each other by their keys")
	}
	if !(c.Missing >= leastMissing && c.Missing <= 1) {
		return fmt.Errorf("--missing %g: a share from %g to 1", c.Missing, leastMissing)
	}
	if most := c.mostNodes(events); most > c.Shards || most > maxLocal {
		return fmt.Errorf("with those that join there would be %d nodes, and there are %d shards", most, c.Shards)
	}
	for _, e := range events {
		if e.Action == cluster.Partition && c.Net == "" {
			return errors.New("--partition needs --net: there are no links to cut")
		}
		if cluster.IsCheat(e.Action) && c.Epoch == 0 {
			return fmt.Errorf("--%s needs --epoch: nodes are challenged in each epoch", e.Action)
		}
		if churns(e.Action) && c.Epoch == 0 {
			return fmt.Errorf("--%s needs --epoch: nodes come and go when an epoch begins", e.Action)
		}
		if e.At >= c.Duration {
			return fmt.Errorf("--%s %s: the run ends at %v, see --duration", e.Action, e, c.Duration)
		}
		if e.Action == cluster.Flood && (e.At < floodApart || c.Duration-e.At < floodApart) {
			return fmt.Errorf("--%s %s: there is to be load for at least %v before it and after it, to compare", e.Action, e, floodApart)
		}
	}
	for _, share := range []struct {
		flag  string
		value float64
	}{{"reads", c.Reads}, {"duplicates", c.Duplicates}, {"inconsistent", c.Inconsistent}, {"duplicates and --inconsistent", c.Duplicates + c.Inconsistent}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("--%s: a share is from 0 to 1", share.flag)
		}
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{
		{"duration", c.Duration}, {"op-timeout", c.OpTimeout}, {"heal-interval", c.HealInterval},
		{"heal-delay", c.HealDelay}, {"settle", c.Settle}, {"check-timeout", c.CheckTimeout},
	} {
		if d.value < time.Millisecond || d.value > maxTime {
			return fmt.Errorf("--%s %v: from 1ms to %v", d.flag, d.value, maxTime)
		}
	}
	return nil
}

// challengeMode returns which blobs local nodes have to prove.
func (c *runCmd) challengeMode(events []cluster.Event) (mode ledger.ChallengeMode) {
	if c.Challenges != "auto" {
		_ = mode.UnmarshalText([]byte(c.Challenges)) // the parser knows which there are
	} else if slices.ContainsFunc(events, func(e cluster.Event) bool { return cluster.IsCheat(e.Action) }) {
		mode = ledger.ChallengesLight
	}
	return mode
}

// churns reports whether an action lets nodes come or go.
func churns(a cluster.Action) bool {
	return a == cluster.Join || a == cluster.Leave || a == cluster.Replace
}

// mostNodes returns how many nodes there are with those that join.
func (c *runCmd) mostNodes(events []cluster.Event) int {
	most := c.Local
	for _, e := range cluster.Expand(events, c.Duration) {
		if e.Action == cluster.Join || e.Action == cluster.Replace {
			most += e.Count
		}
	}
	return most
}

// blobEpochs returns for how many epochs blobs are stored, so that none ends in the run.
func (c *runCmd) blobEpochs() uint32 {
	if c.Epoch == 0 {
		return 5
	}
	return uint32((startTimeout+preloadTimeout+c.Duration+c.Settle+c.CheckTimeout)/c.Epoch) + 3 // fewer epochs begin where challenges take long
}

// checks are the values of --check.
var checks = map[string]rs2d.Check{
	"strict": rs2d.CheckStrict, "systematic": rs2d.CheckSystematic, "none": rs2d.CheckNone,
}

// sizes parses the distribution of lengths, for a code that holds blobs of up to most
// bytes.
func (c *runCmd) sizes(most uint64) (load.Sizes, error) {
	limit, err := humanize.ParseBytes(c.MaxSize)
	if err != nil {
		return load.Sizes{}, fmt.Errorf("--max-size %s: not a number of bytes", c.MaxSize)
	}
	s, err := load.ParseSizes(c.Size, min(limit, most))
	if err != nil {
		return s, fmt.Errorf("--size %w", err)
	}
	return s, nil
}
