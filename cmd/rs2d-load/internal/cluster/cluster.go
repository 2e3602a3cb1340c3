package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/cmd/rs2d-load/internal/slowloris"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Options say what cluster to start. All must be set, but for Plaintext and Profile.
type Options struct {
	Nodes, Shards int
	Scheme        commit.Scheme
	Dir           string                      // for keys, stores and logs; it exists
	Program       string                      // that runs a node
	Args          func(c NodeConfig) []string // of its command line
	Plaintext     bool                        // HTTP without TLS
	HealInterval  time.Duration               // between looks at what others have
	HealDelay     time.Duration               // before what a node missed is looked at
	Profile       string                      // directory for profiles of the nodes; none if empty
}

// Cluster is the nodes and their keys. It is safe for concurrent use.
type Cluster struct {
	options   Options
	control   *fixed.Control
	committee *committee.Committee
	writer    *identity.Key
	siege     *slowloris.Siege

	mu    sync.Mutex
	nodes []*member
	ended bool
}

// member is one node with all its lives.
type member struct {
	config NodeConfig
	log    string
	life   *process // the latest
	state  State
	lives  []Life // those before
	cause  string // of the latest life
}

// State is what was done to a node last.
type State int

const (
	Untouched State = iota
	Restored        // misbehaved or was dead, and does its work again
	Lying           // misbehaves
	Dead            // was killed
)

// Causes of a node's life.
const (
	CauseStart   = "start"
	CauseRestart = "restart"
	CauseWipe    = "wipe"
)

// Life is what one node process did.
type Life struct {
	Node    int
	Cause   string        // why it was started
	Began   time.Time     // when its process was started
	Healthy time.Time     // when it first lacked nothing; zero if it did not come to that
	CPU     time.Duration // known when it has ended
	Stats   Stats
}

// Start starts the nodes, and waits until all serve.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	addresses, err := freeAddresses(o.Nodes)
	if err != nil {
		return nil, err
	}
	c := &Cluster{options: o, writer: identity.GenerateKey()}
	spread := committee.Spread(o.Shards, o.Nodes)
	var members []committee.Member
	path := filepath.Join(o.Dir, "committee.toml")
	for i := range o.Nodes {
		name := fmt.Sprintf("node-%d", i)
		dir := filepath.Join(o.Dir, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		key := identity.GenerateKey()
		text, err := key.MarshalText()
		if err != nil {
			return nil, err
		}
		m := &member{
			config: NodeConfig{
				Committee: path, Key: filepath.Join(dir, "key"), Store: filepath.Join(dir, "store"),
				Plaintext: o.Plaintext, HealInterval: o.HealInterval, HealDelay: o.HealDelay,
			},
			log: filepath.Join(dir, "log"),
		}
		if o.Profile != "" {
			m.config.Profile = filepath.Join(o.Profile, name+".pprof")
		}
		if err := os.WriteFile(m.config.Key, text, 0o600); err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, m)
		members = append(members, identity.NewMember(name, addresses[i], key, spread[i]))
	}
	system := committee.System{Network: "load", Shards: o.Shards, Scheme: o.Scheme}
	if c.committee, err = committee.New(system, 1, members); err != nil {
		return nil, err
	}
	if c.control, err = fixed.New(c.committee, fixed.Client{Name: "load", TLSKey: c.writer.TLSPublic()}); err != nil {
		return nil, err
	}
	c.siege = slowloris.New(c.committee, c.writer, o.Plaintext)
	text, err := c.control.MarshalText()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, err
	}
	for i := range c.nodes {
		if err = c.run(i, CauseStart); err != nil {
			break
		}
	}
	if err == nil {
		err = c.await(ctx, func(p *process) <-chan struct{} { return p.ready })
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// await waits for all nodes' latest processes.
func (c *Cluster) await(ctx context.Context, what func(*process) <-chan struct{}) error {
	for i, m := range c.nodes {
		select {
		case <-what(m.life):
		case <-m.life.ended:
			return fmt.Errorf("node-%d: %w%s", i, m.life.died(), tail(m.log))
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

// Ports outside the range from which systems choose those of outgoing connections:
// the address of a node that is dead stays free.
const firstPort, lastPort = 10000, 29999

// freeAddresses returns addresses on loopback that nobody listens on.
func freeAddresses(n int) ([]string, error) {
	var addresses []string
	port := firstPort + rand.IntN(lastPort-firstPort)
	for tried := 0; len(addresses) < n; tried++ {
		if tried > lastPort-firstPort {
			return nil, errors.New("no free ports on 127.0.0.1")
		}
		if port++; port > lastPort {
			port = firstPort
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		addresses = append(addresses, l.Addr().String())
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	return addresses, nil
}

// Control returns the control plane of the committee.
func (c *Cluster) Control() *fixed.Control { return c.control }

// Writer returns the key of a client that may write.
func (c *Cluster) Writer() *identity.Key { return c.writer }

// Siege returns the slow clients of all nodes.
func (c *Cluster) Siege() *slowloris.Siege { return c.siege }

// run starts a node's next life. c.mu is held, or nobody else knows c.
func (c *Cluster) run(i int, cause string) error {
	m := c.nodes[i]
	if m.life != nil {
		m.lives = append(m.lives, m.current(i))
	}
	life, err := start(c.options.Program, c.options.Args(m.config), m.log)
	if err != nil {
		return err
	}
	m.life, m.cause = life, cause
	return nil
}

// current returns the node's latest life.
func (m *member) current(i int) Life {
	stats, healthy, cpu := m.life.life()
	return Life{Node: i, Cause: m.cause, Began: m.life.began, Healthy: healthy, CPU: cpu, Stats: stats}
}

// Kill ends a node's process without a warning.
func (c *Cluster) Kill(i int) error {
	return c.change(i, Dead, func(m *member) error {
		m.life.kill()
		return nil
	})
}

// Wipe kills a node, removes its store, and starts it again.
func (c *Cluster) Wipe(i int) error {
	return c.change(i, Restored, func(m *member) error {
		m.life.kill()
		if err := os.RemoveAll(m.config.Store); err != nil {
			return err
		}
		return c.run(i, CauseWipe)
	})
}

// Crash kills a node and starts it again.
func (c *Cluster) Crash(i int) error {
	return c.change(i, Restored, func(m *member) error {
		m.life.kill()
		return c.run(i, CauseRestart)
	})
}

// Restore starts a node that is dead, and ends misbehaviour of one that is not.
func (c *Cluster) Restore(i int) error {
	return c.change(i, Restored, func(m *member) error {
		if m.state == Dead {
			return c.run(i, CauseRestart)
		}
		return m.life.order(Order{})
	})
}

// Misbehave lets a node misbehave. Slow clients leave it alone from now on: there are
// lies that bear them for ever.
func (c *Cluster) Misbehave(i int, o Order) error {
	c.siege.Spare(i)
	return c.change(i, Lying, func(m *member) error { return m.life.order(o) })
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
		return fmt.Errorf("node-%d: %w", i, err)
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
		serving = append(serving, m.life.running())
	}
	return states, serving
}

// Lives returns what all node processes did so far.
func (c *Cluster) Lives() []Life {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lives []Life
	for i, m := range c.nodes {
		lives = append(append(lives, m.lives...), m.current(i))
	}
	return lives
}

// Died lists the nodes whose processes ended although nobody made them.
func (c *Cluster) Died() (all []error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, m := range c.nodes {
		if err := m.life.died(); err != nil {
			all = append(all, fmt.Errorf("node-%d %w%s", i, err, tail(m.log)))
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
		if m.state == Dead || m.state == Lying {
			continue
		}
		if stats, _, _ := m.life.life(); !m.life.running() || !stats.Healthy {
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
	c.siege.End()
	var all sync.WaitGroup
	for _, m := range c.nodes {
		if m.life != nil {
			all.Go(m.life.stop)
		}
	}
	all.Wait()
}
