package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Seven nodes with four shards each: f is 9, so two nodes may misbehave.

func TestReadAmongFaults(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Corrupt, fault.OtherBlob, fault.Stall, fault.Slow, fault.Refuse} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 7, 28, nil)
			cl := c.client(nil)
			one, two := twins(t, cl, 400_000)
			a, b := put(t, cl, one), put(t, cl, two)
			for _, i := range []int{0, 6} {
				c.nodes[i].faults.Other = swap(a.ID, b.ID)
				c.nodes[i].faults.SetDelay(10 * time.Second)
				c.nodes[i].faults.Set(kind)
			}
			reader := c.clientOf(nil, nil)
			for range 3 {
				expectRead(t, reader, a.ID, one)
				expectRead(t, reader, b.ID, two)
				got, err := reader.ReadRange(t.Context(), a.ID, 100_000, 200_000)
				if err != nil || !bytes.Equal(got, one[100_000:300_000]) {
					t.Fatal(err)
				}
			}
			lies := 0
			for i, p := range reader.Peers() {
				if lies += p.Lies(); p.Lies() > 0 && i != 0 && i != 6 {
					t.Errorf("%s is called a liar", p.Name())
				}
			}
			if (kind == fault.Corrupt || kind == fault.OtherBlob) && lies == 0 {
				t.Error("no liar was named")
			}
		})
	}
}

func TestStoreAmongFaults(t *testing.T) {
	for _, kind := range []fault.Kind{fault.FalseAck, fault.Stall, fault.Refuse} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 7, 28, nil)
			for _, i := range []int{2, 4} {
				c.nodes[i].faults.Set(kind)
			}
			cl := c.client(func(o *client.Options) { o.Grace = 100 * time.Millisecond })
			blob := randomBlob(1, 400_000)
			r, err := cl.Store(t.Context(), blob)
			if err != nil {
				t.Fatal(err)
			}
			if err := committee.Verify(c.committee, r.Certificate); err != nil {
				t.Fatal(err)
			}
			if r.Certificate.Signed(2) || r.Certificate.Signed(4) {
				t.Error("a node that has nothing has signed")
			}
			expectRead(t, c.client(nil), r.ID, blob)
			// One more, and there is no quorum.
			c.nodes[0].kill()
			late := c.client(func(o *client.Options) {
				o.Timeout, o.Peer.Idle = 2*time.Second, 500*time.Millisecond
			})
			_, err = late.Store(t.Context(), randomBlob(2, 1000))
			var quorum *client.QuorumError
			if !errors.As(err, &quorum) || !errors.Is(err, client.ErrUnavailable) {
				t.Errorf("stored without a quorum: %v", err)
			}
		})
	}
}

func TestDownNodes(t *testing.T) {
	c := newCluster(t, 7, 28, nil)
	c.nodes[1].kill()
	c.nodes[3].kill()
	cl := c.client(nil)
	blob := randomBlob(1, 300_000)
	r := put(t, cl, blob)
	expectRead(t, cl, r.ID, blob)
	// They come back and heal, by the certificate that others have.
	c.nodes[1].start()
	c.nodes[3].start()
	for _, i := range []int{1, 3} {
		if got := c.nodes[i].sync(t); got.Slivers != 8 {
			t.Fatalf("%+v", got)
		}
	}
	// A certificate that comes later makes a node heal by itself, too.
	c.nodes[0].kill()
	c.nodes[5].kill()
	expectRead(t, c.client(nil), r.ID, blob)
}

func TestStrangersDoNotWrite(t *testing.T) {
	c := newCluster(t, 4, 8, nil)
	for name, key := range map[string]*identity.Key{"no certificate": nil, "foreign certificate": identity.GenerateKey()} {
		cl := c.clientOf(key, nil)
		_, err := cl.Store(t.Context(), []byte("hello"))
		var status *peer.StatusError
		if !errors.As(err, &status) || status.Code != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A server with another key than the committee's is not spoken to.
	m := c.nodes[0]
	m.kill()
	right := m.key
	m.key = c.nodes[1].key
	m.start()
	p := peer.New(c.committee, 0, nil, fast())
	if _, err := p.Health(t.Context()); !errors.Is(err, identity.ErrStranger) {
		t.Fatal(err)
	}
	m.kill()
	m.key = right
}

// cheat encodes a blob, changes one parity sliver's roots, and so makes metadata that
// commits to no blob.
func cheat(t *testing.T, cl *client.Client, blob []byte) (*commit.Metadata, func(int) (rs2d.Sliver, rs2d.Sliver)) {
	t.Helper()
	return cheatIn(t, cl, blob, rs2d.SliverRef{Axis: rs2d.Secondary, Index: cl.Code().Params().N - 1})
}

// cheatIn is cheat with another sliver that is none of the blob's.
func cheatIn(t *testing.T, cl *client.Client, blob []byte, at rs2d.SliverRef) (*commit.Metadata, func(int) (rs2d.Sliver, rs2d.Sliver)) {
	t.Helper()
	code := cl.Code()
	e, err := code.Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	meta := *e.Metadata()
	wrong, roots := e.Primary(at.Index), &meta.Primary
	if at.Axis == rs2d.Secondary {
		wrong, roots = e.Secondary(at.Index), &meta.Secondary
	}
	wrong.Data = bytes.Clone(wrong.Data)
	for i := 0; i < len(wrong.Data); i += e.SymbolSize() { // so that it differs in all source symbols
		wrong.Data[i] ^= 1
	}
	prover, err := code.NewProver(wrong)
	if err != nil {
		t.Fatal(err)
	}
	*roots = slices.Clone(*roots)
	(*roots)[at.Index] = prover.Root()
	return &meta, func(p int) (rs2d.Sliver, rs2d.Sliver) {
		primary, secondary := e.Pair(p)
		switch at {
		case primary.SliverRef:
			primary = wrong
		case secondary.SliverRef:
			secondary = wrong
		}
		return primary, secondary
	}
}

// storeAll stores an encoding on all nodes that are up.
func storeAll(t *testing.T, cl *client.Client, meta *commit.Metadata, pair func(int) (rs2d.Sliver, rs2d.Sliver)) *client.Receipt {
	t.Helper()
	r, err := cl.StoreEncoding(t.Context(), meta, pair)
	if err != nil {
		t.Fatal(err)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func expectInconsistent(t *testing.T, c *cluster, id commit.BlobID) {
	t.Helper()
	for i, p := range c.client(nil).Peers() {
		if _, err := p.InvalidBlobCertificate(t.Context(), id); err != nil {
			t.Errorf("node %d has no certificate of it: %v", i, err)
		}
		if _, err := p.Proof(t.Context(), id, 1<<20); err != nil {
			t.Errorf("node %d has no proof: %v", i, err)
		}
		if _, err := p.Confirmation(t.Context(), id); !errors.Is(err, peer.ErrInconsistent) {
			t.Errorf("node %d still attests the blob: %v", i, err)
		}
		if s, err := p.Status(t.Context(), id); err != nil || !s.Inconsistent || len(s.Primary)+len(s.Secondary) > 0 {
			t.Errorf("node %d: %+v, %v", i, s, err)
		}
	}
	reader := c.client(nil)
	if _, err := reader.Read(t.Context(), id); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("read of an inconsistent blob: %v", err)
	}
	if err := reader.List(t.Context(), func(b client.Blob) bool {
		if b.ID == id && !b.Inconsistent {
			t.Error("listed as consistent")
		}
		return true
	}); err != nil {
		t.Error(err)
	}
}

func TestReaderProvesInconsistency(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	meta, pair := cheat(t, cl, randomBlob(1, 10_000))
	r := storeAll(t, cl, meta, pair)
	if _, err := cl.Read(t.Context(), r.ID); !errors.Is(err, client.ErrInconsistent) {
		t.Fatalf("read of an inconsistent blob: %v", err)
	}
	expectInconsistent(t, c, r.ID)
	if _, err := cl.StoreEncoding(t.Context(), meta, pair); !errors.Is(err, client.ErrInconsistent) {
		t.Errorf("stored once more: %v", err)
	}
	// It stays so after a restart, and a node that was away learns of it.
	c.nodes[0].kill()
	c.nodes[0].start()
	c.nodes[2].wipe()
	c.nodes[2].start()
	if got := c.nodes[2].sync(t); got.Inconsistent != 1 {
		t.Fatalf("%+v", got)
	}
	expectInconsistent(t, c, r.ID)
}

// TestStalledNodeDelaysNoInvalidBlobCertificate has a node take the proof and say nothing. Its call
// alone would take minutes.
func TestStalledNodeDelaysNoInvalidBlobCertificate(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	meta, pair := cheat(t, cl, randomBlob(1, 10_000))
	r := storeAll(t, cl, meta, pair)
	c.nodes[3].faults.Set(fault.Stall)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	reader := c.client(func(o *client.Options) { o.Peer.Idle = 5 * time.Minute })
	if _, err := reader.Read(ctx, r.ID); !errors.Is(err, client.ErrInconsistent) || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	for _, p := range reader.Peers()[:3] {
		if _, err := p.InvalidBlobCertificate(t.Context(), r.ID); err != nil {
			t.Error(err)
		}
	}
	// Nor is it waited for by who reads the blob when others know already.
	if _, err := reader.Read(ctx, r.ID); !errors.Is(err, client.ErrInconsistent) || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
}

func TestHealerProvesInconsistency(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	meta, pair := cheat(t, cl, randomBlob(1, 10_000))
	// The cheater's own node never gets the wrong sliver, as it could not be recovered.
	id, err := meta.ID(func() *commit.Hasher { h, _ := commit.NewHasher(commit.BLAKE3, ""); return h }())
	if err != nil {
		t.Fatal(err)
	}
	victim := c.committee.OwnerOfPair(id, 0) // of pair 0 is the last secondary sliver
	c.nodes[victim].kill()
	storeAll(t, cl, meta, pair)
	c.nodes[victim].start()
	if got := c.nodes[victim].sync(t); got.Inconsistent != 1 || got.Lies != 0 {
		t.Fatalf("%+v", got)
	}
	expectInconsistent(t, c, id)
}

func TestFalseProofIsRefused(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	meta, pair := cheat(t, cl, randomBlob(1, 10_000))
	bad, err := cl.StoreEncoding(t.Context(), meta, pair)
	if err != nil {
		t.Fatal(err)
	}
	good := put(t, cl, randomBlob(2, 10_000))
	if _, err := cl.Read(t.Context(), bad.ID); !errors.Is(err, client.ErrInconsistent) {
		t.Fatal(err)
	}
	p := cl.Peers()[0]
	proof, err := p.Proof(t.Context(), bad.ID, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var status *peer.StatusError
	if _, err := p.PutProof(t.Context(), good.ID, proof); !errors.As(err, &status) || status.Code != 422 {
		t.Errorf("proof of another blob: %v", err)
	}
	if _, err := p.PutProof(t.Context(), good.ID, []byte("nonsense")); !errors.As(err, &status) || status.Code != 400 {
		t.Errorf("no proof at all: %v", err)
	}
	if err := p.PutInvalidBlobCertificate(t.Context(), good.Certificate); !errors.As(err, &status) || status.Code != 400 {
		t.Errorf("certificate of another kind: %v", err)
	}
	expectRead(t, cl, good.ID, randomBlob(2, 10_000))
}
