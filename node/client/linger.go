package client

import (
	"context"
	"errors"
	"sync"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// backlog tells whether a node keeps up with what is sent to it. What lingers with a
// node that does not takes connections and memory from everything else.
type backlog struct {
	mu        sync.Mutex
	behind    bool // it did not answer at all when it was sent a blob last
	lingering int  // requests that go on although nobody waits for them
}

// note learns how sending a blob has ended.
func (b *backlog) note(err error) {
	var status *peer.StatusError
	b.mu.Lock()
	defer b.mu.Unlock()
	b.behind = err != nil && !errors.As(err, &status)
}

// enter reports whether a request may linger: with a node that is behind, one at a
// time. If so, leave must be called at its end.
func (b *backlog) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.behind && b.lingering > 0 {
		return false
	}
	b.lingering++
	return true
}

func (b *backlog) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lingering--
}

// linger waits for the nodes that have not answered, and ends what is sent to those
// with which it may not linger. open are by member.
func (c *Client) linger(open map[int]context.CancelFunc, acks <-chan ack) {
	lingers := make(map[int]bool, len(open))
	for member, end := range open {
		if lingers[member] = c.backlogs[member].enter(); !lingers[member] {
			end()
		}
	}
	for range open {
		r := <-acks
		b := &c.backlogs[r.member]
		b.note(r.err)
		if lingers[r.member] {
			b.leave()
		}
		if r.err != nil {
			c.log.Debug("not stored", "node", c.peers[r.member].Name(), "error", r.err)
		}
	}
}

// publish gives nodes the certificate. Such as lack the blob learn of it so.
func (c *Client) publish(cert *committee.Certificate, to func(member int) bool) {
	ctx, cancel := context.WithTimeout(c.life, c.options.Grace)
	defer cancel()
	c.each(func(i int, p *peer.Peer) {
		if !to(i) || !c.backlogs[i].enter() {
			return
		}
		defer c.backlogs[i].leave()
		if err := p.PutCertificate(ctx, cert); err != nil {
			c.log.Debug("certificate not published", "node", p.Name(), "error", err)
		}
	})
}
