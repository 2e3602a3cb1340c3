// Package scrape follows nodes that somebody else runs, by the metrics and the health
// at their admin addresses.
package scrape

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/cluster"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Every is the time between two looks at the nodes: what happens is known no better.
const Every = 500 * time.Millisecond

// timeout of a look at one node.
const timeout = 2 * time.Second

// Watch follows nodes. It is safe for concurrent use.
type Watch struct {
	client http.Client

	mu    sync.Mutex
	nodes []*watched
}

// watched is one node, with what it had counted before it was watched.
type watched struct {
	address string
	up      bool
	base    sample
	last    sample
	current cluster.ProcessRun // but for its figures
	runs    []cluster.ProcessRun
}

// New looks at the nodes with these admin addresses for the first time. All must answer,
// and be members of the committee, each once.
func New(ctx context.Context, c *committee.Committee, addresses []string) (*Watch, error) {
	w := &Watch{client: http.Client{Timeout: timeout}}
	known := make(map[int]bool)
	for _, address := range addresses {
		var h api.Health
		err := w.get(ctx, address, "/health", func(r io.Reader) error { return json.NewDecoder(r).Decode(&h) })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		member, ok := c.FindName(h.Name)
		if !ok || known[member] {
			return nil, fmt.Errorf("%s: is %s, which is no member of the committee, or there twice", address, h.Name)
		}
		known[member] = true
		n := &watched{address: address}
		if n.base, err = w.look(ctx, address); err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		n.last, n.up = n.base, true
		n.current = cluster.ProcessRun{Node: h.Name, Cause: cluster.CauseStart, Began: time.Now()}
		w.nodes = append(w.nodes, n)
	}
	return w, nil
}

// Run looks at the nodes again and again until the context ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.Look(ctx)
		}
	}
}

// Look looks at all nodes once.
func (w *Watch) Look(ctx context.Context) {
	var all sync.WaitGroup
	for _, n := range w.nodes {
		all.Go(func() {
			s, err := w.look(ctx, n.address)
			if ctx.Err() != nil {
				return // which says nothing of the node
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			n.note(s, err, time.Now())
		})
	}
	all.Wait()
}

// note takes over what a look gave.
func (n *watched) note(s sample, err error, now time.Time) {
	n.up = err == nil
	if !n.up {
		return
	}
	if s[processStart] != n.last[processStart] { // its counts begin anew
		n.runs = append(n.runs, n.run())
		n.base, n.last = nil, nil
		seconds := s[processStart]
		n.current = cluster.ProcessRun{Node: n.current.Node, Cause: cluster.CauseRestart, Began: time.UnixMicro(int64(seconds * 1e6))}
	}
	run := &n.current
	if s[healSlivers] > n.last[healSlivers] {
		if run.Stats.First.IsZero() {
			run.Stats.First = now
		}
		run.Stats.Last = now
	}
	run.Stats.Healthy = s[healthy] > 0
	if run.Stats.Healthy && run.Healthy.IsZero() {
		run.Healthy = now
	}
	n.last = s
}

// run tells of the node's latest process.
func (n *watched) run() cluster.ProcessRun {
	l := n.current
	since := func(name string) int64 { return int64(n.last[name] - n.base[name]) }
	l.CPU = time.Duration((n.last[cpuSeconds] - n.base[cpuSeconds]) * float64(time.Second))
	l.Stats.Received, l.Stats.Sent = since(peerReceived), since(peerSent)
	l.Stats.Recovery = cluster.Recovery{
		Blobs: since(healBlobs), Slivers: since(healSlivers), RestoredBytes: since(healRestored), SymbolBytes: since(healReceived),
		MetadataBytes: since(healMetadata), OneDimBytes: since(healWholeBlob), Lies: since(healBadSources),
	}
	return l
}

// Runs returns what all node processes did since the first look.
func (w *Watch) Runs() []cluster.ProcessRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	var runs []cluster.ProcessRun
	for _, n := range w.nodes {
		runs = append(append(runs, n.runs...), n.run())
	}
	return runs
}

// AwaitHealthy waits until all nodes that answer lack nothing that they know of, and
// reports whether that came before the context's end.
func (w *Watch) AwaitHealthy(ctx context.Context) bool {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for !w.healthy() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func (w *Watch) healthy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		if n.up && n.last[healthy] == 0 {
			return false
		}
	}
	return true
}

// Names of metrics.
const (
	processStart   = "process_start_time_seconds"
	cpuSeconds     = "process_cpu_seconds_total"
	peerReceived   = "redstuff_peer_received_bytes_total"
	peerSent       = "redstuff_peer_sent_bytes_total"
	healBlobs      = "redstuff_heal_blobs_total"
	healSlivers    = "redstuff_heal_slivers_total"
	healRestored   = "redstuff_heal_restored_bytes_total"
	healReceived   = "redstuff_heal_received_bytes_total"
	healMetadata   = "redstuff_heal_metadata_bytes_total"
	healWholeBlob  = "redstuff_heal_whole_blob_bytes_total"
	healBadSources = "redstuff_heal_bad_sources_total"
	healthy        = "redstuff_healthy"
)

// sample is the values of all metrics without labels.
type sample map[string]float64

func (w *Watch) look(ctx context.Context, address string) (s sample, err error) {
	err = w.get(ctx, address, "/metrics", func(r io.Reader) error {
		s, err = parse(r)
		return err
	})
	return s, err
}

// get asks an admin address.
func (w *Watch) get(ctx context.Context, address, path string, take func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	const most = 16 << 20
	return take(io.LimitReader(resp.Body, most))
}

// errNoNode: there is no node behind an address.
var errNoNode = errors.New("not the metrics of a node")

// parse reads the text format of Prometheus.
func parse(r io.Reader) (sample, error) {
	s := make(sample)
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			if _, ok := s[healthy]; lines.Err() == nil && !ok {
				return nil, errNoNode
			}
			return s, lines.Err()
		}
		name, value, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(name, "#") || strings.Contains(name, "{") {
			continue
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			s[name] = v
		}
	}
}
