package client

import (
	"context"
	"errors"
	"sync"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/peer"
)

// heralds give nodes the certificates of what was stored, where there is no ledger to give
// them to. Each node is given one request at a time: what comes meanwhile goes together,
// and nodes verify together what comes together.
type heralds struct {
	mu      sync.Mutex
	waiting map[*peer.Peer][]*committee.Certificate // of nodes to which one is on its way
}

// maxHeralded is how many certificates wait for one node. A node that takes none hears of
// the blobs from others.
const maxHeralded = 1 << 14

// publish gives some nodes certificates, in the background. Nodes that lack a blob learn
// of it so.
func (h *heralds) publish(o operation, to func(member int) bool, certs ...*committee.Certificate) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting == nil {
		h.waiting = make(map[*peer.Peer][]*committee.Certificate)
	}
	for i, p := range o.view.Peers {
		if !to(i) {
			continue
		}
		waiting, busy := h.waiting[p]
		if len(waiting)+len(certs) > maxHeralded {
			o.log.Debug("certificates not published: the node takes none", "node", p.Name(), "count", len(certs))
			continue
		}
		h.waiting[p] = append(waiting, certs...)
		if !busy {
			o.background.Go(func() { h.give(o, p) })
		}
	}
}

// give gives a node all certificates that wait for it.
func (h *heralds) give(o operation, p *peer.Peer) {
	for {
		certs := h.take(p)
		if len(certs) == 0 {
			return
		}
		if err := tell(o, p, certs); err != nil {
			o.log.Debug("certificates not published", "node", p.Name(), "count", len(certs), "error", err)
			if errors.Is(err, context.DeadlineExceeded) {
				h.drop(p)
				return
			}
		}
	}
}

// drop gives up what waits for a node that has not answered: it has waited as long.
func (h *heralds) drop(p *peer.Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.waiting, p)
}

// take returns the certificates that wait for a node longest. If there are none, the next
// one begins anew.
func (h *heralds) take(p *peer.Peer) []*committee.Certificate {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting := h.waiting[p]
	if len(waiting) == 0 {
		delete(h.waiting, p)
		return nil
	}
	n := min(len(waiting), api.MaxCertificates)
	h.waiting[p] = waiting[n:]
	return waiting[:n]
}

// tell gives a node certificates.
func tell(o operation, p *peer.Peer, certs []*committee.Certificate) error {
	ctx, cancel := context.WithTimeout(o.life, o.options.Grace)
	defer cancel()
	if len(certs) == 1 {
		return p.PutCertificate(ctx, certs[0])
	}
	return peer.PutCertificates(ctx, p, certs)
}
