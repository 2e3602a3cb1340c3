package flood

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Pauses of clients, unless a Config says otherwise.
const (
	dialTimeout = 5 * time.Second        // for connections, and for handshakes that are to succeed
	reconnect   = 100 * time.Millisecond // after a connection was cut off, or refused
)

// Target is a node. Strangers come to it with the configuration Stranger, clients of
// the committee with Client. Without a configuration they speak HTTP without TLS.
type Target struct {
	Address  string
	Stranger *tls.Config
	Client   *tls.Config
}

// Config is what a flood is made of. Targets must be set.
type Config struct {
	Targets []Target
	// Source is the address that strangers come from; that of the system's choice if it
	// is not valid, or if the system does not have it.
	Source netip.Addr
	// Announce is the length that clients announce of a body that they never send;
	// default 1 MiB.
	Announce int64
	// Reconnect is the pause before who was cut off comes again; default 100 ms.
	Reconnect time.Duration
}

// Flood is connections to nodes. It is safe for concurrent use.
type Flood struct {
	config  Config
	targets []*target

	ctx      context.Context // ends with all connections
	cancel   context.CancelFunc
	draining chan struct{} // closed when nobody is to come again
	drain    sync.Once
	clients  sync.WaitGroup

	mu      sync.Mutex
	order   []Kind // in which kinds came first
	counts  map[Kind]*Counts
	changed chan struct{} // closed, and another one, whenever a count changes
}

// target is one node.
type target struct {
	Target
	flood   *Flood
	ctx     context.Context // ends with all connections to it
	exclude context.CancelFunc
}

// Counts is what became of the connections of one kind.
type Counts struct {
	Kind    Kind    `json:"kind"`
	Opened  int64   `json:"opened"`
	Cut     int64   `json:"cut"`       // by the node
	Open    int64   `json:"open"`      // not cut off: the flood ended first
	Refused int64   `json:"refused"`   // attempts, with a node that is down or has no connection to spare
	Longest float64 `json:"longest_s"` // that a node bore one
}

// Held returns how many connections there are at present.
func (c Counts) Held() int64 { return c.Opened - c.Cut - c.Open }

// New returns a flood without any connection.
func New(c Config) *Flood {
	if c.Announce == 0 {
		c.Announce = 1 << 20
	}
	if c.Reconnect == 0 {
		c.Reconnect = reconnect
	}
	f := &Flood{config: c, draining: make(chan struct{}), counts: make(map[Kind]*Counts), changed: make(chan struct{})}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	for _, at := range c.Targets {
		t := &target{Target: at, flood: f}
		t.ctx, t.exclude = context.WithCancel(f.ctx)
		f.targets = append(f.targets, t)
	}
	return f
}

// Add lets so many more come. Each keeps one connection to every target. Nobody comes
// after Drain.
func (f *Flood) Add(k Kind, clients int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-f.draining:
		return
	default:
	}
	if f.counts[k] == nil {
		f.counts[k] = &Counts{Kind: k}
		f.order = append(f.order, k)
	}
	for range clients {
		for _, t := range f.targets {
			f.clients.Go(func() { f.stay(t, k) })
		}
	}
}

// stay opens one connection after the other.
func (f *Flood) stay(t *target, k Kind) {
	for {
		began := time.Now()
		conn, err := f.dial(t)
		if err == nil {
			f.hold(conn, t, k, began)
		} else if t.ctx.Err() == nil {
			f.note(k, func(c *Counts) { c.Refused++ })
		}
		timer := time.NewTimer(f.config.Reconnect)
		select {
		case <-timer.C:
			select {
			case <-f.draining:
			default:
				continue
			}
		case <-f.draining:
		case <-t.ctx.Done():
		}
		timer.Stop()
		return
	}
}

// ownBuffer is what the system keeps of what one who floods has written, bytes. It is
// memory of their machine in earnest, which may be the nodes' here.
const ownBuffer = 8 << 10

// dial connects from the source, where the system has such an address.
func (f *Flood) dial(t *target) (net.Conn, error) {
	conn, err := f.connect(t)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(ownBuffer) // the system's own bound holds then
	}
	return conn, err
}

func (f *Flood) connect(t *target) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	if f.config.Source.IsValid() {
		from := dialer
		from.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(f.config.Source, 0))
		if conn, err := from.DialContext(t.ctx, "tcp", t.Address); err == nil || !noSuchSource(err) {
			return conn, err
		}
	}
	return dialer.DialContext(t.ctx, "tcp", t.Address)
}

// hold keeps a connection until the node, or the flood, ends it.
func (f *Flood) hold(conn net.Conn, t *target, k Kind, began time.Time) {
	f.note(k, func(c *Counts) { c.Opened++ })
	stop := context.AfterFunc(t.ctx, func() { _ = conn.Close() }) // it is of no use any more
	kinds[k](conn, t)
	ended := stop() // by the node
	_ = conn.Close()
	f.note(k, func(c *Counts) {
		switch {
		case ended:
			c.Cut++
			c.Longest = max(c.Longest, time.Since(began).Seconds())
		case f.ctx.Err() == nil:
			c.Opened-- // the target was excluded
		default:
			c.Open++
		}
	})
}

func (f *Flood) note(k Kind, change func(*Counts)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.counts[k])
	close(f.changed)
	f.changed = make(chan struct{})
}

// Await waits until so many connections of a kind were opened or refused. The error is
// the context's.
func (f *Flood) Await(ctx context.Context, k Kind, connections int64) error {
	for {
		f.mu.Lock()
		c, changed := f.counts[k], f.changed
		done := c != nil && c.Opened+c.Refused >= connections
		f.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Exclude lets everybody leave one target, and not come again. What becomes of these
// connections does not count.
func (f *Flood) Exclude(target int) { f.targets[target].exclude() }

// Drain lets nobody come any more, and waits until the nodes have cut off those that
// are there. It ends the others' connections when the context ends.
func (f *Flood) Drain(ctx context.Context) {
	f.mu.Lock()
	f.drain.Do(func() { close(f.draining) })
	f.mu.Unlock()
	stop := context.AfterFunc(ctx, f.cancel)
	defer stop()
	f.clients.Wait()
	f.cancel()
}

// Stop ends the flood at once.
func (f *Flood) Stop() {
	f.cancel()
	f.Drain(f.ctx)
}

// Counts tells what became of the connections, for each kind that came; nothing if
// nobody did.
func (f *Flood) Counts() (all []Counts) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.order {
		all = append(all, *f.counts[k])
	}
	return all
}
