package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/fault/flood"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Control planes.
const (
	ControlFixed    = "fixed"    // a committee's file
	ControlEmbedded = "embedded" // a ledger in this process, on which storage is registered
	ControlComet    = "comet"    // the same on a validator beside each node
)

// Options say what cluster to start. All must be set, but for Plaintext, OpenFiles and
// Profile, and Validator with any other control plane than ControlComet.
type Options struct {
	Control       string
	Validator     string // program that runs a validator
	Nodes, Shards int
	Scheme        commit.Scheme
	Metadata      committee.Form
	Dir           string                           // for keys, stores and logs; it exists
	Program       string                           // that runs a node
	Args          func(c NodeConfig) []string      // of its command line
	StrangersArgs func(c StrangersConfig) []string // of the process that floods come from
	Plaintext     bool                             // HTTP without TLS
	HealInterval  time.Duration                    // between looks at what others have
	HealDelay     time.Duration                    // before what a node missed is looked at
	OpenFiles     uint64                           // limit of each node; the system's if 0
	Epoch         time.Duration                    // how long each is; one that outlasts the run if 0
	Challenges    ledger.ChallengeMode             // in each epoch
	Missing       float64                          // share of the blobs without which a node is to fail; the ledger's if 0
	MostNodes     int                              // that there are at once, those that join included
	BlobEpochs    uint32                           // for which blobs are stored
	Profile       string                           // directory for profiles of the nodes; none if empty
	LinksArgs     []string                         // of the command line of the process that emulates links; none if nil
}

// Cluster is the nodes and their keys. It is safe for concurrent use.
type Cluster struct {
	options   Options
	control   control.Control
	ledger    *ledgerAccess // nil if there is none
	committee *committee.Committee
	writer    *identity.Key
	intruder  *identity.Key // of slow clients and such as announce much

	churn       *churn // nil if there is no ledger
	links       *links // nil if there are none
	slowClients *flood.Flood
	strangers   *Strangers

	mu    sync.Mutex
	nodes []*member
	ended bool
}

// member is one node with all its processes.
type member struct {
	name      string
	key       committee.PublicKey
	config    NodeConfig
	log       string
	validator *validator // nil if it has none
	process   *process   // the latest
	state     State
	runs      []ProcessRun // those before
	cause     string       // of the latest process
}

// State is what was done to a node last.
type State int

const (
	Untouched State = iota
	Restored        // misbehaved or was dead, and does its work again
	Lying           // misbehaves
	Dead            // was killed
	Leaving         // gives its shards to others
	Gone            // has left, or was replaced, and does not come back
)

// Causes of a node's process to be started.
const (
	CauseStart   = "start"
	CauseRestart = "restart"
	CauseWipe    = "wipe"
)

// ProcessRun is what one node process did.
type ProcessRun struct {
	Node    string        // its name
	Cause   string        // why it was started
	Began   time.Time     // when its process was started
	Healthy time.Time     // when it first lacked nothing; zero if it did not come to that
	CPU     time.Duration // known when it has ended
	Stats   Stats
	Refused map[uint32]int64 // messages that others did not take, by the epochs of challenges

	Validator time.Duration // processor time of all the node's validators that have ended, in the latest run
}

// Start starts the nodes, and waits until all serve.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	addresses, err := freeAddresses(o.Nodes)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, writer: identity.GenerateKey(), intruder: identity.GenerateKey()}
	spread := committee.Spread(o.Shards, o.Nodes)
	var members []committee.Member
	var registrations []genesis.Node
	path := filepath.Join(o.Dir, "committee.toml")
	if o.LinksArgs != nil {
		if c.links, err = startLinks(o.Program, o.LinksArgs, filepath.Join(o.Dir, "links.log")); err != nil {
			return nil, err
		}
	}
	for i := range o.Nodes {
		name := fmt.Sprintf("node-%d", i)
		dir := filepath.Join(o.Dir, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		key := identity.GenerateKey()
		text := key.Reveal()
		m := &member{
			name: name, key: key.Public(),
			config: NodeConfig{
				Committee: path, Key: filepath.Join(dir, "key"), Store: filepath.Join(dir, "store"),
				Plaintext: o.Plaintext, HealInterval: o.HealInterval, HealDelay: o.HealDelay, OpenFiles: o.OpenFiles,
			},
			log: filepath.Join(dir, "log"),
		}
		if o.Profile != "" {
			m.config.Profile = filepath.Join(o.Profile, name+".pprof")
		}
		if err := link(c, &m.config, addresses[i]); err != nil {
			return nil, errors.Join(err, c.links.stop())
		}
		if err := os.WriteFile(m.config.Key, text, 0o600); err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, m)
		members = append(members, identity.NewMember(name, addresses[i], key, spread[i]))
		registrations = append(registrations, genesis.NewNode(name, addresses[i], key))
	}
	if err := c.plan(ctx, path, members, registrations); err != nil {
		c.Stop()
		return nil, err
	}
	if err := c.prepareFloods(path); err != nil {
		c.Stop()
		return nil, err
	}
	if c.ledger != nil {
		c.churn = newChurn(c)
	}
	for i := range c.nodes {
		if err = c.run(i, CauseStart); err != nil {
			break
		}
	}
	if err == nil {
		err = await(ctx, c.nodes, func(p *process) <-chan struct{} { return p.ready })
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// plan makes the control plane, and writes the committee to a file: with a ledger, for
// those alone who only flood it.
func (c *Cluster) plan(ctx context.Context, path string, members []committee.Member, registrations []genesis.Node) (err error) {
	o := &c.options
	system := committee.System{Network: "load", Shards: o.Shards, Scheme: o.Scheme, Metadata: o.Metadata}
	if c.committee, err = committee.New(system, 1, members); err != nil {
		return err
	}
	if o.Control != ControlFixed {
		if c.ledger, err = startLedger(ctx, *o, c.links, c.nodes, registrations, c.writer, c.intruder); err != nil {
			return err
		}
		c.control = c.ledger.views
		c.committee = c.control.View().Current
		sortByCommittee(c.nodes, c.committee)
	}
	file, err := fixed.New(c.committee, fixed.Client{Name: "load", TLSKey: c.writer.TLSPublic()},
		fixed.Client{Name: "intruder", TLSKey: c.intruder.TLSPublic()})
	if err != nil {
		return err
	}
	if c.control == nil {
		c.control = file
	}
	text, err := file.MarshalText()
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// await waits for all nodes' latest processes.
func await(ctx context.Context, nodes []*member, what func(*process) <-chan struct{}) error {
	for _, m := range nodes {
		select {
		case <-what(m.process):
		case <-m.process.ended:
			return fmt.Errorf("%s: %w%s", m.name, m.process.died(), tail(m.log))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// tail returns the last line of a log.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	const most = 2048
	if _, err := f.Seek(-most, io.SeekEnd); err != nil {
		_, _ = f.Seek(0, io.SeekStart) // it is short
	}
	data, _ := io.ReadAll(io.LimitReader(f, most))
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if last := lines[len(lines)-1]; last != "" {
		return ": " + last
	}
	return ""
}

// Control returns the control plane of the committee.
func (c *Cluster) Control() control.Control { return c.control }

// Registrar returns what registers blobs on the ledger, or nil if there is none.
func (c *Cluster) Registrar() (client.Registrar, error) {
	if c.ledger == nil {
		return nil, nil
	}
	return c.ledger.registrar(c.options.Scheme, c.options.BlobEpochs)
}

// Writer returns the key of a client that may write.
func (c *Cluster) Writer() *identity.Key { return c.writer }

// SlowClients returns the slow clients of all nodes.
func (c *Cluster) SlowClients() *flood.Flood { return c.slowClients }

// Strangers returns the floods of all nodes.
func (c *Cluster) Strangers() *Strangers { return c.strangers }

// prepareFloods says how slow clients and strangers come to the nodes of the committee's
// file.
func (c *Cluster) prepareFloods(path string) error {
	o := &c.options
	c.slowClients = flood.New(flood.Config{Targets: targets(c.committee, c.intruder, o.Plaintext)})
	config := StrangersConfig{Committee: path, Key: filepath.Join(o.Dir, "intruder.key"), Plaintext: o.Plaintext}
	if o.Profile != "" {
		config.Profile = filepath.Join(o.Profile, "strangers.pprof")
	}
	c.strangers = &Strangers{program: o.Program, args: o.StrangersArgs(config), log: filepath.Join(o.Dir, "strangers.log")}
	return os.WriteFile(config.Key, c.intruder.Reveal(), 0o600)
}

// run starts a node's next process, and its validator if that does not run. c.mu is held,
// or nobody else knows c.
func (c *Cluster) run(i int, cause string) error {
	m := c.nodes[i]
	if m.validator != nil {
		if err := m.validator.start(); err != nil {
			return err
		}
	}
	if m.process != nil {
		m.runs = append(m.runs, m.current())
	}
	p, err := start(c.options.Program, c.options.Args(m.config), m.log)
	if err != nil {
		return err
	}
	m.process, m.cause = p, cause
	return nil
}

// current tells of the node's latest process.
func (m *member) current() ProcessRun {
	stats, healthy, cpu := m.process.status()
	return ProcessRun{Node: m.name, Cause: m.cause, Began: m.process.began, Healthy: healthy, CPU: cpu, Stats: stats, Refused: m.process.refusedIn()}
}

// kill ends a node and its validator without a warning.
func (m *member) kill() {
	m.process.kill()
	if m.validator != nil {
		m.validator.process.kill()
	}
}

// Kill ends a node's process without a warning, and its validator's.
func (c *Cluster) Kill(i int) error {
	return c.change(i, Dead, func(m *member) error {
		m.kill()
		return nil
	})
}

// Wipe kills a node, removes its store, and starts it again.
func (c *Cluster) Wipe(i int) error {
	return c.change(i, Restored, func(m *member) error {
		m.process.kill()
		if err := os.RemoveAll(m.config.Store); err != nil {
			return err
		}
		return c.run(i, CauseWipe)
	})
}

// Crash kills a node, with its validator, and starts it again.
func (c *Cluster) Crash(i int) error {
	return c.change(i, Restored, func(m *member) error {
		m.kill()
		return c.run(i, CauseRestart)
	})
}

// Restore starts a node that is dead, and ends misbehaviour of one that is not.
func (c *Cluster) Restore(i int) error {
	return c.change(i, Restored, func(m *member) error {
		if m.state == Dead {
			return c.run(i, CauseRestart)
		}
		return m.process.order(Order{})
	})
}

// Misbehave lets a node misbehave. Slow clients leave it alone from now on: there are
// lies that bear them for ever.
func (c *Cluster) Misbehave(i int, o Order) error {
	c.slowClients.Exclude(i)
	return c.change(i, Lying, func(m *member) error { return m.process.order(o) })
}

// change does something to a node that leaves it in the given state.
func (c *Cluster) change(i int, to State, f func(*member) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return context.Canceled
	}
	m := c.nodes[i]
	if err := f(m); err != nil {
		return fmt.Errorf("%s: %w", m.name, err)
	}
	m.state = to
	return nil
}

// Nodes returns what was done to each node last, and whether it serves.
func (c *Cluster) Nodes() (states []State, serving []bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.nodes {
		states = append(states, m.state)
		serving = append(serving, m.process.running())
	}
	return states, serving
}

// Runs returns what all node processes did so far.
func (c *Cluster) Runs() []ProcessRun {
	c.mu.Lock()
	defer c.mu.Unlock()
	var runs []ProcessRun
	for _, m := range c.nodes {
		latest := m.current()
		if m.validator != nil {
			latest.Validator = m.validator.cpu()
		}
		runs = append(append(runs, m.runs...), latest)
	}
	return runs
}

// Died lists the nodes whose processes ended although nobody made them.
func (c *Cluster) Died() (all []error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.nodes {
		if err := m.process.died(); err != nil {
			all = append(all, fmt.Errorf("%s %w%s", m.name, err, tail(m.log)))
		}
		if m.validator == nil {
			continue
		}
		if err := m.validator.process.died(); err != nil {
			all = append(all, fmt.Errorf("validator of %s %w%s", m.name, err, tail(m.validator.log)))
		}
	}
	return all
}

// AwaitHealthy waits until all nodes that are not dead, and do not lie, lack nothing
// that they know of, and reports whether that came before the context's end.
func (c *Cluster) AwaitHealthy(ctx context.Context) bool {
	for tick := time.NewTicker(statsEvery); ; {
		if c.healthy() {
			tick.Stop()
			return true
		}
		select {
		case <-ctx.Done():
			tick.Stop()
			return false
		case <-tick.C:
		}
	}
}

func (c *Cluster) healthy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.nodes {
		if m.state == Dead || m.state == Lying || m.state == Leaving || m.state == Gone {
			continue
		}
		if stats, _, _ := m.process.status(); !m.process.running() || !stats.Healthy {
			return false
		}
	}
	return true
}

// Stop ends all nodes, and waits for them. Nothing can be done to them any more.
func (c *Cluster) Stop() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	if c.churn != nil {
		c.churn.end()
	}
	if c.slowClients != nil { // it came that far
		c.slowClients.Stop()
		_ = c.strangers.Stop() // whoever wants their counts has stopped them
	}
	var all sync.WaitGroup
	for _, m := range c.nodes {
		if m.process != nil {
			all.Go(m.process.stop)
		}
		if m.validator != nil && m.validator.process != nil {
			all.Go(m.validator.process.stop)
		}
	}
	all.Wait()
	if c.ledger != nil && c.ledger.server != nil {
		c.ledger.server.stop()
	}
	_ = c.links.stop() // whoever wants its counts has ended it
}
