package httpd

import (
	"container/list"
	"net"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/cork"
	"github.com/redstuff-go/redstuff/node/server/framing"
)

// settle is how long a connection is safe from making room for another, since it came: it
// is time to shake hands. Requests earn no more of it, or strangers who make many would
// keep everybody else waiting.
const settle = 250 * time.Millisecond

// replace is the least time between two connections of one party that make room for
// others of the same party. Whoever has its share already gains nothing by coming again,
// and costs few handshakes.
const replace = 50 * time.Millisecond

// stuck is for how long no byte has moved on a connection that goes before an idle one,
// although a request is being served on it: answers that nobody reads must not hold what
// others wait for.
const stuck = time.Second

// unsent is how many bytes of answers the system keeps for a connection whose other end
// does not read. Systems take megabytes by default; of a thousand connections, that is all
// the memory that they have for connections, and everybody's stall.
const unsent = 128 << 10

// conns are a server's connections. There is always room for one more: when there are too
// many, the party that has most of them loses one that is stuck, or else the one that has
// been idle longest.
type conns struct {
	most  int
	plain bool // what comes on them are requests, and not TLS

	mu       sync.Mutex
	total    int
	strange  int // of strangers, or not known yet
	parties  map[Party]*partyConns
	closing  bool
	evicted  uint64
	pressure time.Time // of the last eviction
	replaced time.Time // when one made room for another of its party
	starved  time.Time // when there was no descriptor for one
	cut      [cutPoints]uint64
}

// cutPoint is what a connection was cut off for not bringing, or not taking, in time.
type cutPoint uint8

const (
	cutHeader cutPoint = iota // of the first request, or the handshake before it
	cutBody
	cutAnswer
	cutPoints
)

// String names it.
func (p cutPoint) String() string { return [...]string{"header", "body", "answer"}[p] }

// partyConns are the connections of one party.
type partyConns struct {
	party Party
	idle  list.List // of *conn, the longest idle first
	busy  list.List // of *conn, with a request, the oldest first
}

func (p *partyConns) len() int { return p.idle.Len() + p.busy.Len() }

func newConns(most int) *conns {
	return &conns{most: most, parties: make(map[Party]*partyConns)}
}

// reserved is how many connections are kept for members, and as many for clients.
func (a *conns) reserved() int { return a.most / 4 }

// newConn returns a connection that counts for nothing yet.
func (a *conns) newConn(raw net.Conn) *conn {
	limitUnsent(raw, unsent)
	c := &conn{Conn: raw, all: a, fresh: true, since: time.Now()}
	c.out = cork.NewWriter(sender{c})
	if a.plain {
		c.framed = new(framing.Requests)
	}
	c.active.Store(c.since.UnixNano())
	return c
}

// add takes a connection of a stranger's in, if there is room; or else it returns how long
// to wait before there may be.
func (a *conns) add(c *conn, who Party) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closing {
		strange := a.strange >= a.most-2*a.reserved()
		if !strange && a.total < a.most {
			break
		}
		victim := a.victim(strange)
		if victim == nil {
			break
		}
		wait := settle - time.Since(victim.since)
		if victim.of.party == who {
			wait = max(wait, replace-time.Since(a.replaced))
		}
		if wait > 0 {
			return wait
		}
		if victim.of.party == who {
			a.replaced = time.Now()
		}
		a.evict(victim)
	}
	if a.closing {
		_ = c.Conn.Close() // nothing was promised on it
		return 0
	}
	c.since = time.Now()
	a.insert(c, who)
	return 0
}

// size returns how many connections a party has.
func (a *conns) size(who Party) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.parties[who]; p != nil {
		return p.len()
	}
	return 0
}

// victim returns the connection that is to go: of strangers only, or of anybody.
func (a *conns) victim(strange bool) *conn {
	var most *partyConns
	for _, p := range a.parties {
		if strange && p.party.Class != Stranger {
			continue
		}
		if most == nil || p.len() > most.len() || p.len() == most.len() && p.party.Class < most.party.Class {
			most = p
		}
	}
	if most == nil {
		return nil
	}
	var idlest, slowest *conn
	if e := most.idle.Front(); e != nil {
		idlest = e.Value.(*conn)
	}
	for e := most.busy.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*conn); slowest == nil || c.active.Load() < slowest.active.Load() {
			slowest = c
		}
	}
	if idlest == nil || slowest != nil && time.Since(time.Unix(0, slowest.active.Load())) > stuck {
		return slowest
	}
	return idlest
}

// evict closes a connection, and returns once its descriptor is free.
func (a *conns) evict(c *conn) {
	if c.busy {
		c.forget()
	}
	a.remove(c)
	a.noteEviction()
	a.mu.Unlock()
	_ = c.Conn.Close()
	a.mu.Lock()
}

func (a *conns) noteEviction() {
	a.evicted++
	a.pressure = time.Now()
}

// cutsOff notes that the other end of a connection has not sent what it should have in
// time, or not taken it. One that was idle owes nothing.
func (a *conns) cutsOff(c *conn, writing bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := cutBody
	switch {
	case writing:
		at = cutAnswer
	case c.fresh:
		at = cutHeader
	case !c.busy:
		return
	}
	if c.of != nil && !c.cut {
		c.cut = true
		a.cut[at]++
	}
}

// cutOffs returns how many connections were cut off.
func (a *conns) cutOffs() [cutPoints]uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.cut
}

// turnedAway notes that one which waited for room was closed.
func (a *conns) turnedAway() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noteEviction()
}

// starves notes that there is no descriptor for a connection.
func (a *conns) starves() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.starved = time.Now()
}

// ranOut returns when there was no descriptor last, zero for never.
func (a *conns) ranOut() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.starved
}

// shed closes one connection because descriptors have run out. It reports whether there
// was one.
func (a *conns) shed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	victim := a.victim(a.strange > 0)
	if victim == nil {
		return false
	}
	a.evict(victim)
	return true
}

func (a *conns) insert(c *conn, who Party) {
	of := a.parties[who]
	if of == nil {
		of = &partyConns{party: who}
		a.parties[who] = of
	}
	c.of = of
	if c.busy {
		c.element = of.busy.PushBack(c)
	} else {
		c.element = of.idle.PushBack(c)
	}
	a.total++
	if who.Class == Stranger {
		a.strange++
	}
}

func (a *conns) remove(c *conn) {
	of := c.of
	if of == nil {
		return
	}
	if c.busy {
		of.busy.Remove(c.element)
	} else {
		of.idle.Remove(c.element)
	}
	if of.len() == 0 {
		delete(a.parties, of.party)
	}
	a.total--
	if of.party.Class == Stranger {
		a.strange--
	}
	c.of = nil
}

// belongs says whose a connection is.
func (a *conns) belongs(c *conn, who Party) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.of != nil && c.of.party != who {
		a.remove(c)
		a.insert(c, who)
	}
}

// becomes says whether a request is being served on a connection.
func (a *conns) becomes(c *conn, busy bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c.fresh = false
	if c.of == nil || c.busy == busy {
		return
	}
	who := c.of.party
	a.remove(c)
	c.busy = busy
	a.insert(c, who)
}

// closeFresh closes the connections on which no request has come, now and from now on.
// http.Server.Shutdown waits for them as if one were being served.
func (a *conns) closeFresh() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closing = true
	for _, p := range a.parties {
		for e := p.idle.Front(); e != nil; e = e.Next() {
			if c := e.Value.(*conn); c.fresh {
				_ = c.Conn.Close() // its goroutine removes it
			}
		}
	}
}

// closeBusy closes the connections on which a request is being served. http.Server.Close waits
// seconds for each of which the other end takes nothing.
func closeBusy(a *conns) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.parties {
		for e := p.busy.Front(); e != nil; e = e.Next() {
			_ = e.Value.(*conn).Conn.Close() // its goroutine removes it
		}
	}
}

// count returns the number of connections of each class.
func (a *conns) count() (of [Member + 1]int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.parties {
		of[p.party.Class] += p.len()
	}
	return of
}

// evictions returns how many connections made room for others, and when the last did.
func (a *conns) evictions() (uint64, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.evicted, a.pressure
}
