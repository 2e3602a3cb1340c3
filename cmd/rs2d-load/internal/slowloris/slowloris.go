// Package slowloris besieges nodes with clients that are as slow as they can be: they
// take a connection and give as little as possible for it. When a node has cut one off,
// it comes again.
package slowloris

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Pauses of clients.
const (
	dripEvery   = 250 * time.Millisecond // between two bytes
	dialTimeout = 5 * time.Second        // for connections, and for handshakes that are to succeed
	comeAgain   = 100 * time.Millisecond // after a connection was cut off, or refused
)

// Siege is slow clients of all nodes of a committee. It is safe for concurrent use.
type Siege struct {
	targets []*target
	ways    []way

	ctx     context.Context // ends with all connections
	cancel  context.CancelFunc
	leaving chan struct{} // closed when nobody is to come again
	leave   sync.Once
	clients sync.WaitGroup

	mu     sync.Mutex
	count  int // of clients
	counts []Counts
}

// target is one node.
type target struct {
	address string
	server  committee.TLSKey
	writer  *identity.Key
	plain   bool
	ctx     context.Context // ends with all connections to it
	spare   context.CancelFunc
}

// Counts is what became of the connections of clients that were slow in one way.
type Counts struct {
	Way     string  `json:"way"`
	Opened  int64   `json:"opened"`
	Cut     int64   `json:"cut"`       // by the node
	Open    int64   `json:"open"`      // not cut off: the siege ended first
	Refused int64   `json:"refused"`   // attempts, with a node that is down or has no connection to spare
	Longest float64 `json:"longest_s"` // that a node bore one
}

// New returns a siege without clients of a committee's nodes, which speak HTTP without
// TLS if plain is set. Some clients have the key of a writer.
func New(c *committee.Committee, writer *identity.Key, plain bool) *Siege {
	s := &Siege{ways: waysOf(plain), leaving: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for i := range c.Len() {
		m := c.Member(i)
		t := &target{address: m.Address, server: m.TLSKey, writer: writer, plain: plain}
		t.ctx, t.spare = context.WithCancel(s.ctx)
		s.targets = append(s.targets, t)
	}
	for _, w := range s.ways {
		s.counts = append(s.counts, Counts{Way: w.name})
	}
	return s
}

// Add lets more clients come. Each keeps a connection to every node, and is slow in one
// way: the ways take turns. Nobody comes after Lift.
func (s *Siege) Add(clients int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.leaving:
		return
	default:
	}
	for range clients {
		way := s.count % len(s.ways)
		s.count++
		for _, t := range s.targets {
			s.clients.Go(func() { s.besiege(t, way) })
		}
	}
}

// besiege opens one connection after the other.
func (s *Siege) besiege(t *target, way int) {
	dialer := net.Dialer{Timeout: dialTimeout}
	for {
		began := time.Now()
		conn, err := dialer.DialContext(t.ctx, "tcp", t.address)
		if err == nil {
			s.hold(conn, t, way, began)
		} else if t.ctx.Err() == nil {
			s.note(way, func(c *Counts) { c.Refused++ })
		}
		timer := time.NewTimer(comeAgain)
		select {
		case <-timer.C:
			continue
		case <-s.leaving:
		case <-t.ctx.Done():
		}
		timer.Stop()
		return
	}
}

// hold keeps a connection until the node, or the siege, ends it.
func (s *Siege) hold(conn net.Conn, t *target, way int, began time.Time) {
	s.note(way, func(c *Counts) { c.Opened++ })
	stop := context.AfterFunc(t.ctx, func() { _ = conn.Close() }) // it is of no use any more
	s.ways[way].dawdle(conn, t)
	ended := stop() // by the node
	_ = conn.Close()
	s.note(way, func(c *Counts) {
		switch {
		case ended:
			c.Cut++
			c.Longest = max(c.Longest, time.Since(began).Seconds())
		case s.ctx.Err() == nil:
			c.Opened-- // the node was spared
		default:
			c.Open++
		}
	})
}

func (s *Siege) note(way int, f func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.counts[way])
}

// Spare lets clients leave one node, and not come again. What becomes of their
// connections does not count.
func (s *Siege) Spare(member int) { s.targets[member].spare() }

// Lift lets nobody come any more, and waits until the nodes have cut off those that are
// there. It ends the others' connections when the context ends.
func (s *Siege) Lift(ctx context.Context) {
	s.mu.Lock()
	s.leave.Do(func() { close(s.leaving) })
	s.mu.Unlock()
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	s.clients.Wait()
	s.cancel()
}

// End ends the siege at once.
func (s *Siege) End() {
	s.cancel()
	s.Lift(s.ctx)
}

// Counts tells what became of the connections, for each way to be slow; nothing if
// there never was a client.
func (s *Siege) Counts() []Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return nil
	}
	return append([]Counts(nil), s.counts[:min(s.count, len(s.counts))]...)
}
