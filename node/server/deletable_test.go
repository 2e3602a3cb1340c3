package server_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/rs2d"
)

// registrations is a registry that knows what the tests tell it.
type registrations struct {
	mu      sync.Mutex
	known   map[committee.Attestation]uint32 // the end of what they may be of
	deleted map[commit.BlobID]bool           // since they were asked about
}

// change changes what is known.
func (r *registrations) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *registrations) AwaitFor(_ context.Context, a committee.Attestation) (uint32, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end, ok := r.known[a]; ok {
		return end, nil
	}
	return 0, control.ErrUnregistered
}

func (r *registrations) Await(ctx context.Context, id commit.BlobID) (uint32, error) {
	return r.AwaitFor(ctx, committee.Attestation{Blob: id})
}

func (r *registrations) Live(id commit.BlobID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.deleted[id]
}

func (r *registrations) Account(committee.TLSKey) bool { return false }

// TestBatchOfDeletable: blobs that are registered as deletable are stored and attested
// together, each for the registration that it names and for no other.
func TestBatchOfDeletable(t *testing.T) {
	r := &registrations{deleted: make(map[commit.BlobID]bool)}
	h := start(t, func(c *server.Config) { c.Registry = r })
	deletable := func(e *rs2d.Encoding, object byte) committee.Attestation {
		return committee.Attestation{Kind: committee.StoredDeletable, Blob: e.ID(), Object: committee.ObjectID{object}}
	}
	permanent := func(e *rs2d.Encoding) committee.Attestation {
		return committee.Attestation{Kind: committee.Stored, Blob: e.ID()}
	}
	part := func(e *rs2d.Encoding, a committee.Attestation) []byte {
		bundle := h.bundle(e, h.mine(e.ID())...)
		return append(api.AppendBlob(nil, a), bundle[:len(bundle)-api.FrameHeaderSize]...)
	}
	body := func(parts ...[]byte) []byte { return api.FrameHeader{}.Append(slices.Concat(parts...)) }
	first, second, third := h.encode(100), h.encode(2000), h.encode(300)
	r.known = map[committee.Attestation]uint32{deletable(first, 1): 5, deletable(second, 2): 7, permanent(third): 9}
	for _, test := range []struct {
		name   string
		status int
		wrong  committee.Attestation // of the second blob
		before func()
	}{
		{name: "registration of another blob", status: 403, wrong: deletable(second, 1)},
		{name: "registration that nobody knows", status: 403, wrong: deletable(second, 3)},
		{name: "as if it were permanent", status: 403, wrong: permanent(second)},
		{name: "no registration", status: 400, wrong: committee.Attestation{Kind: committee.WalrusDeletable, Blob: second.ID(), Object: committee.ObjectID{2}}},
		{name: "deleted meanwhile", status: 503, wrong: deletable(second, 2), before: func() { r.deleted[second.ID()] = true }},
	} {
		if test.before != nil {
			r.change(test.before)
		}
		status, _, answer := h.ask("PUT", api.BlobsPath, body(part(first, deletable(first, 1)), part(second, test.wrong)))
		if status != test.status {
			t.Errorf("%s: status %d (%s), want %d", test.name, status, answer, test.status)
		}
		h.nothing(test.name, first, second)
	}
	r.change(func() { clear(r.deleted) })

	batch := []committee.Attestation{deletable(first, 1), permanent(third), deletable(second, 2)}
	for range 2 { // the second time they are there already
		var c api.Confirmation
		answer := h.expect(200, "PUT", api.BlobsPath, body(part(first, batch[0]), part(third, batch[1]), part(second, batch[2])))
		if err := json.Unmarshal(answer, &c); err != nil {
			t.Fatal(err)
		}
		signatures := map[int]committee.Signature{0: c.Signature}
		for i, key := range h.keys[1:] {
			signatures[i+1] = key.Signer(nil).AttestBatch(h.committee, batch)
		}
		certs, err := committee.CertifyBatch(h.committee, batch, signatures)
		if err != nil {
			t.Fatal(err)
		}
		for i, cert := range certs {
			if err := committee.Verify(h.committee, cert); err != nil || cert.Attestation != batch[i] {
				t.Errorf("certificate %d is of %+v (%v), want %+v", i, cert.Attestation, err, batch[i])
			}
		}
	}
	for i, e := range []*rs2d.Encoding{first, third, second} {
		if info, err := h.store.Info(e.ID()); err != nil || len(info.Slivers) != 2*len(h.mine(e.ID())) {
			t.Errorf("blob %d: %+v (%v) is stored, want all slivers", i, info, err)
		}
	}
	// What was attested with others does not make up for a registration that is none.
	r.change(func() { delete(r.known, deletable(second, 2)) })
	h.expect(403, "PUT", api.BlobsPath, body(part(first, batch[0]), part(second, batch[2])))
}
