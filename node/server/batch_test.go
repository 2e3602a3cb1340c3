package server_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// batch returns the body that stores blobs with all slivers of the node.
func (h *harness) batch(all ...*rs2d.Encoding) []byte {
	h.t.Helper()
	var b []byte
	for _, e := range all {
		b = append(b, h.partOf(e, h.mine(e.ID())...)...)
	}
	return api.FrameHeader{}.Append(b)
}

// partOf returns what a batch has of a blob with the slivers of some pairs.
func (h *harness) partOf(e *rs2d.Encoding, pairs ...int) []byte {
	h.t.Helper()
	part := api.AppendBlob(nil, committee.Attestation{Kind: committee.Stored, Blob: e.ID()})
	bundle := h.bundle(e, pairs...)
	return append(part, bundle[:len(bundle)-api.FrameHeaderSize]...)
}

func (h *harness) nothing(what string, all ...*rs2d.Encoding) {
	h.t.Helper()
	for _, e := range all {
		if info, err := h.store.Info(e.ID()); err != nil || len(info.Slivers)+len(info.Records) > 0 {
			h.t.Errorf("%s: %+v (%v) is stored, want nothing", what, info, err)
		}
	}
}

// TestBatch stores many blobs with one request, and has a certificate of each.
func TestBatch(t *testing.T) {
	h := start(t, nil)
	var all []*rs2d.Encoding
	var batch []committee.Attestation
	for i := range 5 {
		e := h.encode(100 + 1000*i)
		all, batch = append(all, e), append(batch, committee.Attestation{Kind: committee.Stored, Blob: e.ID()})
	}
	h.expect(200, "PUT", api.BlobPath(all[1].ID(), ""), h.bundle(all[1], h.mine(all[1].ID())...)) // is there already
	for range 2 {
		var c api.Confirmation
		answer := h.expect(200, "PUT", api.BlobsPath, h.batch(all...))
		if err := json.Unmarshal(answer, &c); err != nil || c.Member != "node-0" || c.Committee != h.committee.Fingerprint() {
			t.Fatalf("confirmation %s, %v, want one of node-0", answer, err)
		}
		signatures := map[int]committee.Signature{0: c.Signature}
		for i, key := range h.keys[1:] {
			signatures[i+1] = key.Signer(nil).AttestBatch(h.committee, batch)
		}
		certs, err := committee.CertifyBatch(h.committee, batch, signatures)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range all {
			h.expect(200, "GET", api.BlobPath(e.ID(), api.ConfirmationPath), nil)
			raw, err := certs[i].MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			h.expect(201, "PUT", api.BlobPath(e.ID(), api.CertificatePath), raw)
			if got := h.expect(200, "GET", api.BlobPath(e.ID(), api.CertificatePath), nil); !slices.Equal(got, raw) {
				t.Errorf("blob %d: another certificate comes back", i)
			}
		}
	}
	if enqueued, _ := h.healer.seen(); enqueued > 0 {
		t.Errorf("%d blobs are to be healed, want none", enqueued)
	}
}

// TestWrongBatch: if one blob of a batch cannot be stored, none is.
func TestWrongBatch(t *testing.T) {
	h := start(t, func(c *server.Config) { c.PendingQuota = 32 << 10 })
	good, other, gone := h.encode(100), h.encode(2000), h.encode(300)
	mine := h.mine(other.ID())
	foreign := h.committee.Pairs(other.ID(), 1)[0]
	if err := h.config.MarkInvalid(gone.ID(), nil); err != nil {
		t.Fatal(err)
	}
	first := h.partOf(good, h.mine(good.ID())...)
	end := api.FrameHeader{}.Append(nil)
	body := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	flipped := func(from []byte, at int) []byte {
		b := slices.Clone(from)
		b[at] ^= 1
		return b
	}
	whole := h.partOf(other, mine...)
	named := api.AppendBlob(nil, committee.Attestation{Kind: committee.Stored, Blob: other.ID()})
	alone := api.AppendBlob(nil, committee.Attestation{Kind: committee.WalrusPermanent, Blob: other.ID()})
	piece := api.FrameHeader{Kind: api.FramePiece, Index: uint16(mine[0]), Length: 2}.Append(slices.Clone(named))
	var many []byte
	for i := range committee.MaxBatch {
		e := h.encode(i + 1)
		many = append(many, h.partOf(e, h.mine(e.ID())...)...)
	}
	for _, test := range []struct {
		name   string
		status int
		body   []byte
	}{
		{"wrong sliver", 422, body(first, flipped(whole, len(whole)-1), end)},
		{"wrong metadata", 422, body(first, flipped(whole, len(named)+api.FrameHeaderSize+20), end)},
		{"slivers missing", 400, body(first, h.partOf(other, mine[1:]...), end)},
		{"another node's sliver", 421, body(first, h.partOf(other, foreign), end)},
		{"sliver twice", 400, body(first, h.partOf(other, append(slices.Clone(mine), mine[0])...), end)},
		{"inconsistent", 410, body(first, h.partOf(gone, h.mine(gone.ID())...), end)},
		{"blob twice", 400, body(first, whole, first, end)},
		{"one blob", 400, body(first, end)},
		{"no blob", 400, end},
		{"too many", 400, body(first, whole, many, end)},
		{"kind that is signed alone", 400, body(first, alone, whole[len(named):], end)},
		{"no metadata", 400, body(first, named, first[len(named)+2*api.FrameHeaderSize:], end)},
		{"sliver first", 400, body(whole[len(named):], end)},
		{"piece of a sliver", 400, body(first, whole[:len(named)+api.FrameHeaderSize+len(h.metadata(other))], piece[len(named):], []byte{1, 2}, end)},
		{"cut off", 400, body(first, whole)},
		{"name too short", 400, body(first, api.FrameHeader{Kind: api.FrameBlob, Length: 3}.Append(nil), []byte{1, 2, 3}, end)},
		{"name too long", 400, body(first, api.FrameHeader{Kind: api.FrameBlob, Length: 1 << 31}.Append(nil), end)},
		{"body too long", 413, make([]byte, api.MaxBatchBody+1)},
	} {
		status, _, answer := h.ask("PUT", api.BlobsPath, test.body)
		if status != test.status {
			t.Errorf("%s: status %d (%s), want %d", test.name, status, answer, test.status)
		}
		h.nothing(test.name, good, other)
	}
	large := h.encode(100 << 10)
	h.expect(507, "PUT", api.BlobsPath, body(first, h.partOf(large, h.mine(large.ID())...), end)) // beyond the quota
	h.nothing("quota", good, large)
	h.store.set(store.ErrFull, nil)
	h.expect(507, "PUT", api.BlobsPath, body(first, whole, end))
	h.store.set(nil, nil)
	h.nothing("full", good, other)
	h.expect(200, "PUT", api.BlobsPath, body(first, whole, end))
}

// TestBatchNeedsPermission: strangers store no batches, whatever is registered.
func TestBatchNeedsPermission(t *testing.T) {
	h := start(t, func(c *server.Config) { c.Plaintext = false })
	a, b := h.encode(100), h.encode(200)
	if status, _, answer := h.ask("PUT", api.BlobsPath, h.batch(a, b)); status != 403 {
		t.Errorf("status %d (%s), want 403", status, answer)
	}
	h.nothing("stranger", a, b)
}

// TestDamagedBatch: of a body in which a byte is wrong all is stored or nothing.
func TestDamagedBatch(t *testing.T) {
	h := start(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		a, b := h.encode(50), h.encode(3000)
		body := h.batch(a, b)
		at := rapid.IntRange(0, len(body)-1).Draw(t, "at")
		body[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		status, _, answer := h.ask("PUT", api.BlobsPath, body)
		if status != 200 && status/100 != 4 {
			t.Fatalf("status %d: %s", status, answer)
		}
		for _, e := range []*rs2d.Encoding{a, b} {
			info, err := h.store.Info(e.ID())
			if has := len(info.Slivers) == 2*len(h.mine(e.ID())); err != nil || has != (status == 200) || !has && len(info.Slivers) > 0 {
				t.Fatalf("status %d, and %d slivers are stored (%v)", status, len(info.Slivers), err)
			}
		}
	})
}
