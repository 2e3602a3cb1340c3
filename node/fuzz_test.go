package node_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// FuzzHTTP sends a node without TLS, to which everybody may write, anything: it must
// answer each request, and never by an error of its own.
func FuzzHTTP(f *testing.F) {
	key := identity.GenerateKey()
	members := []committee.Member{
		identity.NewMember("a", "127.0.0.1:1", key, committee.Shards{0, 1}),
		identity.NewMember("b", "127.0.0.1:2", identity.GenerateKey(), committee.Shards{2, 3, 4, 5, 6}),
	}
	c, err := committee.New(committee.System{Network: "test", Shards: 7, Scheme: commit.BLAKE3}, 1, members)
	if err != nil {
		f.Fatal(err)
	}
	control, err := fixed.New(c)
	if err != nil {
		f.Fatal(err)
	}
	disk, err := store.Open("store", store.Options{FS: vfs.NewMem()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { disk.Close() })
	n, err := node.New(identity.NewKeyring(key), node.Config{Control: control, Store: disk, Plaintext: true, HealInterval: -1, ScrubRate: -1, MaxBytes: 4 << 20})
	if err != nil {
		f.Fatal(err)
	}
	code, err := rs2d.New(7)
	if err != nil {
		f.Fatal(err)
	}
	e, err := code.Encode(bytes.Repeat([]byte("fuzz"), 500))
	if err != nil {
		f.Fatal(err)
	}
	raw, err := e.Metadata().MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	bundle := api.FrameHeader{Kind: api.FrameMetadata, Length: uint32(len(raw))}.Append(nil)
	bundle = append(bundle, raw...)
	for _, pair := range c.Pairs(e.ID(), 0) {
		primary, secondary := e.Pair(pair)
		for _, s := range []rs2d.Sliver{primary, secondary} {
			h := api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(s.Axis), Index: uint16(pair), Length: uint32(len(s.Data))}
			bundle = append(h.Append(bundle), s.Data...)
		}
	}
	bundle = api.FrameHeader{}.Append(bundle)
	pair := c.Pairs(e.ID(), 0)[0]
	methods := []string{"GET", "PUT", "POST", "HEAD", "DELETE"}
	for _, seed := range []struct {
		method uint8
		path   string
		body   []byte
	}{
		{1, api.BlobPath(e.ID(), ""), bundle},
		{1, api.BlobPath(e.ID(), api.MetadataPath), raw},
		{0, api.BlobPath(e.ID(), api.MetadataPath), nil},
		{0, api.SliverPath(e.ID(), pair, rs2d.Primary), nil},
		{0, api.BlobPath(e.ID(), api.SliversPath) + "?" + api.SliversQuery([]int{pair}, []int{pair}), nil},
		{2, api.SymbolsPath, api.AppendRequests(nil, []api.SymbolRequest{{
			Blob: e.ID(), Axis: rs2d.Secondary, Proofs: true, Targets: []uint16{0, 6}, Sources: []uint16{uint16(pair)},
		}})},
		{0, api.BlobPath(e.ID(), api.RecoveryPath) + "?axis=primary&target=6", nil},
		{0, api.BlobPath(e.ID(), api.ConfirmationPath), nil},
		{1, api.BlobPath(e.ID(), api.ProofPath), []byte{0, 0, 0, 1}},
		{0, api.BlobsPath + "?limit=3", nil},
	} {
		f.Add(seed.method, seed.path, "bytes=1-2", seed.body)
	}
	f.Fuzz(func(t *testing.T, method uint8, path, ranges string, body []byte) {
		r, err := http.NewRequest(methods[int(method)%len(methods)], "http://node", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		u, err := r.URL.Parse(path)
		if err != nil {
			return
		}
		r.URL = u
		r.Header.Set("Range", ranges)
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError || w.Code < 200 {
			t.Fatal(fmt.Sprint(w.Code, w.Body))
		}
	})
}
