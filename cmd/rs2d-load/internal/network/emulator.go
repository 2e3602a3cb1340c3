package network

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Counts are what an emulator has carried.
type Counts struct {
	Connections int64 `json:"connections"`
	Bytes       int64 `json:"bytes"`
	Losses      int64 `json:"losses"`
	Resets      int64 `json:"resets"`
}

// Emulator carries connections over links. It is safe for concurrent use.
type Emulator struct {
	profile *Profile

	connections, bytes, losses, resets atomic.Int64

	mu      sync.Mutex
	hosts   map[string]*host // by address, or name
	turn    int              // of places
	cut     map[string]bool  // those that are cut off from the others
	changed chan struct{}    // closed when cut changes
	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup
}

// host is a process, and the line that all its connections share.
type host struct {
	name     string
	place    int
	up, down line
}

// New returns an emulator that serves nobody yet.
func New(p *Profile) *Emulator {
	e := &Emulator{profile: p, hosts: make(map[string]*host), cut: make(map[string]bool), changed: make(chan struct{})}
	e.life, e.end = context.WithCancel(context.Background())
	return e
}

// Close ends all connections, and waits for that.
func (e *Emulator) Close() {
	e.mu.Lock()
	e.end()
	e.mu.Unlock()
	e.running.Wait()
}

// AddNode says where a node listens. Nodes are in the places by turns.
func (e *Emulator) AddNode(address string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hosts[address] == nil {
		e.add(address, e.turn%len(e.profile.Places))
		e.turn++
	}
}

func (e *Emulator) add(name string, place int) *host {
	p := e.profile.Places[place]
	h := &host{name: name, place: place, up: line{rate: float64(p.Up) / 8}, down: line{rate: float64(p.Down) / 8}}
	e.hosts[name] = h
	return h
}

// host returns a node, or a client or ledger, which is in the first place.
func (e *Emulator) host(name string) *host {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.hosts[name]; h != nil {
		return h
	}
	return e.add(name, 0)
}

// Cut cuts some off from all others. No names heal the network. What is on its way is held
// up until then, as by TCP, which sends it again.
func (e *Emulator) Cut(names ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	clear(e.cut)
	for _, name := range names {
		e.cut[name] = true
	}
	close(e.changed)
	e.changed = make(chan struct{})
}

// closed returns nil if bytes go from one to the other, or else what is closed when that may
// have changed.
func (e *Emulator) closed(from, to *host) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cut[from.name] == e.cut[to.name] {
		return nil
	}
	return e.changed
}

// Counts returns what was carried so far.
func (e *Emulator) Counts() Counts {
	return Counts{e.connections.Load(), e.bytes.Load(), e.losses.Load(), e.resets.Load()}
}

const (
	maxGreeting  = 512              // bytes
	greetingTime = 10 * time.Second // for the greeting, and for a partition to end before a connection is
)

// Serve carries what comes through a [Dialer], until Close. It closes the listener.
func (e *Emulator) Serve(l net.Listener) error {
	return e.serve(l, func(c net.Conn) (*host, string, error) {
		if err := c.SetReadDeadline(time.Now().Add(greetingTime)); err != nil {
			return nil, "", err
		}
		line, err := bufio.NewReaderSize(io.LimitReader(oneByOne{c}, maxGreeting), 16).ReadString('\n')
		if err != nil {
			return nil, "", err
		}
		from, to, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok {
			return nil, "", errors.New("network: no greeting")
		}
		return e.host(from), to, c.SetReadDeadline(time.Time{})
	}, true)
}

// Forward carries what comes to a listener to one address, as from one host.
func (e *Emulator) Forward(l net.Listener, from, to string) error {
	return e.serve(l, func(net.Conn) (*host, string, error) { return e.host(from), to, nil }, false)
}

// oneByOne reads no byte more than is asked for.
type oneByOne struct{ io.Reader }

func (r oneByOne) Read(b []byte) (int, error) { return r.Reader.Read(b[:min(1, len(b))]) }

func (e *Emulator) serve(l net.Listener, greet func(net.Conn) (*host, string, error), answer bool) error {
	defer context.AfterFunc(e.life, func() { _ = l.Close() })()
	for {
		c, err := l.Accept()
		if e.life.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("network: %w", err)
		}
		e.mu.Lock()
		if e.life.Err() == nil {
			e.running.Go(func() {
				defer c.Close()
				from, address, err := greet(c)
				if err == nil {
					e.connect(c, from, address, answer)
				}
			})
		}
		e.mu.Unlock()
	}
}

// connect carries one connection from its first round trip to its end.
func (e *Emulator) connect(c net.Conn, from *host, address string, answer bool) {
	to := e.host(address)
	there, back := e.profile.link(from.place, to.place), e.profile.link(to.place, from.place)
	ctx, cancel := context.WithCancel(e.life)
	defer cancel()
	way := func(a, b *host, link, reverse Link) *pipe {
		return &pipe{
			link: link, back: time.Duration(reverse.Delay), up: &a.up, down: &b.down,
			closed: func() <-chan struct{} { return e.closed(a, b) },
			lost:   func() { e.losses.Add(1) }, moved: func(n int) { e.bytes.Add(int64(n)) },
		}
	}
	forth, reply := way(from, to, there, back), way(to, from, back, there)
	opening, late := context.WithTimeout(ctx, greetingTime)
	defer late()
	if forth.open(opening) != nil || sleep(opening, time.Now().Add(time.Duration(there.Delay+back.Delay))) != nil {
		return
	}
	var dialer net.Dialer
	other, err := dialer.DialContext(opening, "tcp", address)
	if err != nil {
		return
	}
	defer other.Close()
	if answer {
		if _, err := c.Write([]byte{'\n'}); err != nil {
			return
		}
	}
	e.connections.Add(1)
	abort := func() {
		cancel()
		reset(c)
		reset(other)
	}
	stop := context.AfterFunc(e.life, abort)
	defer stop()
	if mean := there.Reset; mean > 0 {
		timer := time.AfterFunc(time.Duration(rand.ExpFloat64()*float64(mean)), func() {
			e.resets.Add(1)
			abort()
		})
		defer timer.Stop()
	}
	var both sync.WaitGroup
	run := func(p *pipe, dst, src net.Conn) {
		if p.carry(ctx, dst, src) != nil {
			abort()
			return
		}
		if half, ok := dst.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // it may be closed
		}
	}
	both.Go(func() { run(forth, other, c) })
	both.Go(func() { run(reply, c, other) })
	both.Wait()
}

// Dialer returns a function that connects through an emulator, as the named host. It is for
// peer.Options.
func Dialer(emulator, name string) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, network, emulator)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
		_, err = fmt.Fprintf(c, "%s %s\n", name, address)
		var answer [1]byte
		if err == nil {
			_, err = io.ReadFull(c, answer[:])
		}
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			switch {
			case ctx.Err() != nil:
				err = ctx.Err()
			case errors.Is(err, io.EOF):
				err = syscall.ECONNREFUSED
			}
			return nil, errors.Join(&net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, err)}, c.Close())
		}
		return c, nil
	}
}
