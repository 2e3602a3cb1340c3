package server_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// certificates returns a body of certificates.
func certificates(raws ...[]byte) (body []byte) {
	for _, raw := range raws {
		body = append(api.FrameHeader{Kind: api.FrameCertificate, Length: uint32(len(raw))}.Append(body), raw...)
	}
	return api.FrameHeader{}.Append(body)
}

// TestCertificates: of many certificates those that are right are taken, and the answer
// says what is wrong with another one.
func TestCertificates(t *testing.T) {
	h := start(t, nil)
	var all []*rs2d.Encoding
	var raws [][]byte
	for i := range 4 {
		e := h.encode(100 + i)
		all = append(all, e)
		raws = append(raws, h.certify(committee.Stored, e.ID()))
	}
	gone := h.encode(50)
	if err := h.config.MarkInvalid(gone.ID(), nil); err != nil {
		t.Fatal(err)
	}
	h.expect(200, "PUT", api.BlobPath(all[0].ID(), ""), h.bundle(all[0], h.mine(all[0].ID())...))
	unlike, like := h.encode(60).ID(), all[3].ID()
	forged := bytes.Replace(h.certify(committee.Stored, unlike), unlike[:], like[:], 1)
	other := h.certify(committee.Inconsistent, all[3].ID())
	of := h.certify(committee.Stored, gone.ID())
	whole := certificates(raws[0])
	for _, test := range []struct {
		name   string
		status int
		body   []byte
		taken  []int // of all
	}{
		{"none", 400, certificates(), nil},
		{"cut off", 400, whole[:len(whole)-1], nil},
		{"without an end", 400, whole[:len(whole)-api.FrameHeaderSize], nil},
		{"another frame", 400, api.FrameHeader{}.Append(api.FrameHeader{Kind: api.FrameMetadata}.Append(nil)), nil},
		{"too many", 400, certificates(slices.Repeat(raws[:1], api.MaxCertificates+1)...), nil},
		{"too long", 400, certificates(make([]byte, committee.MaxCertificate(h.committee.Params().N)+1)), nil},
		{"malformed", 400, certificates([]byte{1, 2, 3}), nil},
		{"of a blob that is none", 410, certificates(of), nil},
		{"two right, twice", 201, certificates(raws[0], raws[1], raws[0], raws[1]), []int{0, 1}},
		{"forged, and one right", 422, certificates(forged, raws[2]), []int{0, 1, 2}},
		{"of something else", 400, certificates(other, raws[2]), []int{0, 1, 2}},
		{"all", 201, certificates(raws...), []int{0, 1, 2, 3}},
	} {
		status, _, answer := h.ask("PUT", api.CertificatesPath, test.body)
		if status != test.status {
			t.Errorf("%s: status %d (%s), want %d", test.name, status, answer, test.status)
		}
		for i, e := range all {
			info, err := h.store.Info(e.ID())
			if has := info.Has(store.Certificate); err != nil || has != slices.Contains(test.taken, i) {
				t.Errorf("%s: certificate of blob %d is there: %v (%v), want of %v", test.name, i, has, err, test.taken)
			}
		}
		if info, err := h.store.Info(gone.ID()); err != nil || info.Has(store.Certificate) {
			t.Errorf("%s: a blob that is none has a certificate (%v)", test.name, err)
		}
	}
	for i, e := range all {
		if got := h.expect(200, "GET", api.BlobPath(e.ID(), api.CertificatePath), nil); !slices.Equal(got, raws[i]) {
			t.Errorf("blob %d: another certificate comes back", i)
		}
	}
	if enqueued, _ := h.healer.seen(); enqueued == 0 {
		t.Error("nothing is to be healed, want the blobs of which the node has nothing")
	}
	h.store.set(store.ErrFull, nil)
	h.expect(507, "PUT", api.CertificatesPath, certificates(raws...))
}

// TestCertificatesNeedPermission: strangers give no certificates, and where a ledger takes
// them, nobody does.
func TestCertificatesNeedPermission(t *testing.T) {
	for name, tune := range map[string]func(*server.Config){
		"stranger": func(c *server.Config) { c.Plaintext = false },
		"ledger":   func(c *server.Config) { c.Registry = new(registrations) },
	} {
		h := start(t, tune)
		e := h.encode(100)
		body := certificates(h.certify(committee.Stored, e.ID()))
		if status, _, answer := h.ask("PUT", api.CertificatesPath, body); status != 403 {
			t.Errorf("%s: status %d (%s), want 403", name, status, answer)
		}
		h.nothing(name, e)
	}
}
