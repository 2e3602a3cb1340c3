package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ask makes a request and returns the answer with its body.
func ask(t *testing.T, web *http.Client, method, url string, body []byte) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, data
}

// TestInvalidBlobCertificateTakesManyShards has a proof that a blob is inconsistent given to one node
// after the other: none refuses the blob before the owners of f+1 shards attest, and
// then all of them answer where the proof is.
func TestInvalidBlobCertificateTakesManyShards(t *testing.T) {
	c := newCluster(t, 4, 12, nil) // f = 3: two nodes of three shards each
	cl := c.client(nil)
	meta, pair := cheat(t, cl, randomBlob(1, 10_000))
	r := storeAll(t, cl, meta, pair)
	proof := proofOf(t, c, meta, pair)
	a := committee.Attestation{Kind: committee.Inconsistent, Blob: r.ID}
	signatures := make(map[int]committee.Signature)
	for i := range 2 {
		if _, err := c.committee.Certify(a, signatures); !errors.Is(err, committee.ErrWeight) {
			t.Fatalf("%d nodes are enough: %v", i, err)
		}
		signature, err := cl.Peers()[i].PutProof(t.Context(), r.ID, proof)
		if err != nil {
			t.Fatal(err)
		}
		signatures[i] = signature
		for j, p := range cl.Peers() {
			if _, err := p.Confirmation(t.Context(), r.ID); err != nil {
				t.Fatalf("node %d refuses the blob already: %v", j, err)
			}
		}
	}
	cert, err := c.committee.Certify(a, signatures)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range cl.Peers() {
		if err := p.PutInvalidBlobCertificate(t.Context(), cert); err != nil {
			t.Fatal(err)
		}
		web, base := c.web(i)
		mine := c.committee.Pairs(r.ID, i)[0]
		for _, path := range []string{
			api.BlobPath(r.ID, api.ConfirmationPath), api.SliverPath(r.ID, mine, rs2d.Primary),
			api.BlobPath(r.ID, api.SliversPath) + fmt.Sprint("?primary=", mine),
			api.BlobPath(r.ID, api.RecoveryPath) + "?axis=primary&target=1",
		} {
			resp, body := ask(t, web, "GET", base+path, nil)
			var e api.Error
			if resp.StatusCode != http.StatusGone || json.Unmarshal(body, &e) != nil || e.Proof != api.BlobPath(r.ID, api.ProofPath) {
				t.Fatalf("node %d, %s: %s, %s", i, path, resp.Status, body)
			}
		}
		if i >= 2 {
			continue // these have the certificate, and have no proof yet
		}
		resp, body := ask(t, web, "GET", base+api.BlobPath(r.ID, api.ProofPath), nil)
		got, err := rs2d.ParseInconsistencyProof(body)
		if resp.StatusCode != http.StatusOK || err != nil {
			t.Fatalf("%s, %v", resp.Status, err)
		}
		if err := cl.Code().VerifyInconsistency(meta, got); err != nil {
			t.Fatal(err)
		}
	}
	// A sliver that was being written all the while is not kept.
	disk := c.nodes[0].disk
	u := store.Update{Slivers: []store.Sliver{{Ref: store.Ref{Pair: c.committee.Pairs(r.ID, 0)[0]}, Data: []byte("late")}}}
	if err := disk.Apply(r.ID, u); err != nil {
		t.Fatal(err)
	}
	if err := c.nodes[0].node.Scrubber().Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left, err := disk.Info(r.ID); err != nil || len(left.Slivers) > 0 {
		t.Fatal(left, err)
	}
}

// proofOf proves that the sliver that cheat changed does not fit the others.
func proofOf(t *testing.T, c *cluster, meta *commit.Metadata, pair func(int) (rs2d.Sliver, rs2d.Sliver)) []byte {
	t.Helper()
	code := c.client(nil).Code()
	want := rs2d.SliverRef{Axis: rs2d.Secondary, Index: code.Params().N - 1}
	var symbols []rs2d.Symbol
	for i := range code.Params().N {
		primary, _ := pair(i)
		prover, err := code.NewProver(primary)
		if err != nil {
			t.Fatal(err)
		}
		symbols = append(symbols, prover.Symbol(want.Index))
	}
	_, err := code.Recover(meta, want, symbols)
	var inconsistent *rs2d.InconsistentError
	if !errors.As(err, &inconsistent) {
		t.Fatal(err)
	}
	raw, err := inconsistent.Proof.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestForeignCertificates offers nodes certificates of others.
func TestForeignCertificates(t *testing.T) {
	c, other := newCluster(t, 4, 12, nil), newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	blob := randomBlob(1, 1000)
	mine, second := put(t, cl, blob), put(t, cl, randomBlob(2, 1000))
	foreign := put(t, other.client(nil), blob)
	raw := func(r *client.Receipt) []byte {
		data, err := r.Certificate.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	light := raw(mine)
	const bitmap = 1 + commit.HashSize + 2
	light[bitmap] = 1 // one signer
	unsigned := raw(mine)
	copy(unsigned[bitmap+1:], raw(second)[bitmap+1:])
	web, base := c.web(0)
	for name, test := range map[string]struct {
		body []byte
		want int
	}{
		"of another committee": {raw(foreign), 422},
		"of too few":           {light, 422},
		"signed for another":   {unsigned, 422},
		"of another blob":      {raw(second), 400},
		"of the blob":          {raw(mine), 201},
	} {
		resp, body := ask(t, web, "PUT", base+api.BlobPath(mine.ID, api.CertificatePath), test.body)
		if resp.StatusCode != test.want {
			t.Errorf("%s: %s, %s", name, resp.Status, body)
		}
	}
	resp, body := ask(t, web, "PUT", base+api.BlobPath(commit.BlobID{9}, api.CertificatePath), raw(mine))
	if resp.StatusCode != 400 {
		t.Errorf("for an unknown blob: %s, %s", resp.Status, body)
	}
	if s, err := cl.Peers()[0].Status(t.Context(), commit.BlobID{9}); err != nil || s.Certified {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestWritersOnly makes every request that changes something, and the expensive one,
// without a certificate that the committee knows.
func TestWritersOnly(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	id := put(t, c.client(nil), randomBlob(1, 1000)).ID
	_, base := c.web(0)
	for name, key := range map[string]*identity.Key{"no certificate": nil, "foreign certificate": identity.GenerateKey()} {
		transport := &http.Transport{TLSClientConfig: key.ClientTLS(c.nodes[0].key.TLSPublic())}
		t.Cleanup(transport.CloseIdleConnections)
		web := &http.Client{Transport: transport}
		for path, method := range map[string]string{
			api.BlobPath(id, ""): "PUT", api.BlobPath(id, api.MetadataPath): "PUT", api.SliverPath(id, 0, rs2d.Primary): "PUT",
			api.BlobPath(id, api.CertificatePath): "PUT", api.BlobPath(id, api.ProofPath): "PUT",
			api.BlobPath(id, api.InvalidBlobCertificatePath): "PUT", api.SymbolsPath: "POST",
		} {
			if resp, body := ask(t, web, method, base+path, []byte("x")); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s %s: %s, %s", name, method, path, resp.Status, body)
			}
		}
		if resp, _ := ask(t, web, "GET", base+api.BlobPath(id, api.MetadataPath), nil); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: may not read: %s", name, resp.Status)
		}
	}
}

func TestTooManyRequests(t *testing.T) {
	c := newCluster(t, 4, 12, func(o *node.Config) { o.MaxRequests = 1 })
	web, base := c.web(0)
	body, writer := io.Pipe()
	defer writer.Close()
	req, err := http.NewRequest("PUT", base+api.BlobPath(commit.BlobID{1}, api.MetadataPath), body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 100
	go func() {
		if resp, err := web.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	if _, err := writer.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		resp, _ := ask(t, web, "GET", base+api.BlobPath(commit.BlobID{2}, api.StatusPath), nil)
		return resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "1"
	})
	if resp, _ := ask(t, web, "GET", base+api.HealthPath, nil); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
}

// TestAnswersAreWhole makes many requests whose answers begin while their bodies are
// being ended: none may be cut off.
func TestAnswersAreWhole(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	id := put(t, c.client(nil), randomBlob(1, 1_000_000)).ID
	p := c.client(nil).Peers()[0]
	size, err := c.committee.Params().SymbolSize(1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	request := []api.SymbolRequest{{
		Blob: id, Axis: rs2d.Secondary, Targets: []uint16{0}, Sources: []uint16{uint16(c.committee.Pairs(id, 0)[0])},
	}}
	for i := range 500 {
		if err := p.Symbols(t.Context(), request, []int{size}, func(peer.SymbolBatch) error { return nil }); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// TestSymbolsAreBounded asks for more than there is memory for.
func TestSymbolsAreBounded(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	id := put(t, c.client(nil), randomBlob(1, 1_000_000)).ID
	c.tune = func(_ *member, o *node.Config) { o.MaxBytes = 4 << 10 }
	c.nodes[0].kill()
	c.nodes[0].start()
	p := c.client(nil).Peers()[0]
	pair := uint16(c.committee.Pairs(id, 0)[0])
	size, err := c.committee.Params().SymbolSize(1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	symbols := func() (got int) {
		t.Helper()
		request := []api.SymbolRequest{{Blob: id, Axis: rs2d.Secondary, Targets: []uint16{0}, Sources: []uint16{pair}}}
		if err := p.Symbols(t.Context(), request, []int{size}, func(peer.SymbolBatch) error { got++; return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if symbols() != 1 {
		t.Fatal("what takes all memory is refused although nobody else has any")
	}
	web, base := c.web(0)
	web.Transport.(*http.Transport).ExpectContinueTimeout = 20 * time.Second
	body, writer := io.Pipe()
	defer writer.Close()
	req, err := http.NewRequest("PUT", base+api.BlobPath(commit.BlobID{1}, ""), body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = 4000
	req.Header.Set("Expect", "100-continue")
	go func() {
		if resp, err := web.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	// The node wants the body once it has set memory aside for it.
	if _, err := writer.Write([]byte{byte(api.FrameMetadata)}); err != nil {
		t.Fatal(err)
	}
	if symbols() != 0 {
		t.Fatal("served although a body takes nearly all memory")
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	c := newCluster(t, 4, 12, func(o *node.Config) { o.MaxConns, o.Plaintext = 2, true })
	get := func(conn net.Conn) (*http.Response, error) {
		req, err := http.NewRequest("GET", "http://x"+api.HealthPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}
		return transport.RoundTrip(req)
	}
	for _, m := range c.nodes[1:] {
		m.kill() // they connect, too
	}
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", c.nodes[0].address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	conns := []net.Conn{dial(), dial()}
	for _, conn := range conns {
		resp, err := get(conn)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	conns = append(conns, dial())
	// The third is served when one of the others is gone.
	answered := make(chan error, 1)
	go func() {
		resp, err := get(conns[2])
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	conns[0].Close()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
}

// TestShutdownKeepsItsWord ends a node in the middle of a write: what it acknowledges
// then is there when it starts again.
func TestShutdownKeepsItsWord(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	m := c.nodes[1]
	e, err := c.client(nil).Code().Encode(randomBlob(1, 100_000))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := e.Metadata().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var bundle []byte
	frame := func(h api.FrameHeader, data []byte) {
		h.Length = uint32(len(data))
		bundle = append(h.Append(bundle), data...)
	}
	frame(api.FrameHeader{Kind: api.FrameMetadata}, raw)
	for _, pair := range c.committee.Pairs(e.ID(), 1) {
		primary, secondary := e.Pair(pair)
		for _, s := range []rs2d.Sliver{primary, secondary} {
			frame(api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(s.Axis), Index: uint16(pair)}, s.Data)
		}
	}
	frame(api.FrameHeader{}, nil)

	web, base := c.web(1)
	body, writer := io.Pipe()
	req, err := http.NewRequest("PUT", base+api.BlobPath(e.ID(), ""), body)
	if err != nil {
		t.Fatal(err)
	}
	req.ContentLength = int64(len(bundle))
	type answer struct {
		status int
		body   []byte
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		resp, err := web.Do(req)
		if err != nil {
			answers <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		answers <- answer{resp.StatusCode, data, err}
	}()
	half := len(bundle) / 2
	if _, err := writer.Write(bundle[:half]); err != nil {
		t.Fatal(err)
	}
	// The body's first half is on its way; the request counts once the node reads it.
	admin := m.node.AdminHandler()
	waitFor(t, func() bool {
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return strings.Contains(w.Body.String(), "redstuff_requests_in_flight 1\n")
	})
	n := m.node
	stopped := make(chan struct{})
	m.grace = 20 * time.Second
	go func() {
		m.kill()
		close(stopped)
	}()
	waitFor(t, func() bool { return n.State() == api.StateClosing })
	if _, err := writer.Write(bundle[half:]); err != nil {
		t.Fatal(err)
	}
	a := <-answers
	var confirmation api.Confirmation
	if a.err != nil || a.status != http.StatusOK || json.Unmarshal(a.body, &confirmation) != nil {
		t.Fatalf("%+v", a)
	}
	if err := c.committee.VerifyAttestation(1, committee.Attestation{Kind: committee.Stored, Blob: e.ID()}, confirmation.Signature); err != nil {
		t.Fatal(err)
	}
	<-stopped
	m.start()
	if s, err := c.client(nil).Peers()[1].Status(t.Context(), e.ID()); err != nil || !s.Complete {
		t.Fatalf("%+v, %v", s, err)
	}
}

// smallDisk is a disk that has few bytes left.
type smallDisk struct {
	vfs.FS
	free atomic.Uint64
}

func (d *smallDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free.Load()}, nil
}

func TestFullDisk(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	blob := randomBlob(1, 30_000)
	id := put(t, cl, blob).ID
	m := c.nodes[0]
	m.kill()
	disk := &smallDisk{FS: m.fs}
	disk.free.Store(1<<20 + 100)
	m.fs, m.reserve = disk, 1<<20
	m.start()
	p := c.client(nil).Peers()[0]
	e, err := cl.Code().Encode(randomBlob(2, 30_000))
	if err != nil {
		t.Fatal(err)
	}
	var status *peer.StatusError
	if err := p.PutMetadata(t.Context(), e.ID(), e.Metadata()); !errors.As(err, &status) || status.Code != http.StatusInsufficientStorage {
		t.Fatalf("a full disk takes more: %v", err)
	}
	// It serves on, and what frees space is done.
	pair := c.committee.Pairs(id, 0)[0]
	if _, err := p.Status(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	ref := store.Ref{Axis: rs2d.Primary, Pair: pair}
	disk.free.Store(0)
	if err := m.disk.Apply(id, store.Update{Drop: []store.Ref{ref}}); err != nil {
		t.Fatal(err)
	}
	disk.free.Store(1 << 30)
	if r := m.sync(t); r.Slivers != 1 {
		t.Fatalf("%+v", r)
	}
	if err := p.PutMetadata(t.Context(), e.ID(), e.Metadata()); err != nil {
		t.Fatal(err)
	}
}

func TestAdmin(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	admin := c.nodes[0].node.AdminHandler()
	for path, want := range map[string]string{
		"/metrics": "redstuff_healthy 1\n", "/health": `"state":"healthy"`, "/debug/pprof/": "goroutine",
		"/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/cmdline": os.Args[0],
	} {
		w := httptest.NewRecorder()
		admin.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, %.200s", path, w.Code, w.Body)
		}
	}
	web, base := c.web(0)
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		if resp, _ := ask(t, web, "GET", base+path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s is public: %s", path, resp.Status)
		}
	}
}
