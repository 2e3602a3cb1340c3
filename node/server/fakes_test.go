package server_test

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// memory is a store in memory, which fails when it is told to.
type memory struct {
	mu      sync.Mutex
	records map[commit.BlobID]map[store.Record][]byte
	slivers map[commit.BlobID]map[store.Ref][]byte
	writers map[commit.BlobID]string
	fail    error  // of all that reads and writes
	read    error  // of Read alone
	staged  func() // called when slivers are staged, if not nil
	ended   func() // called when a stage was applied or discarded, if not nil
	stages  int    // that are neither
	copied  uint64 // bytes of what was staged

	came time.Time // when all blobs did
}

func newMemory() *memory {
	return &memory{
		records: make(map[commit.BlobID]map[store.Record][]byte), slivers: make(map[commit.BlobID]map[store.Ref][]byte),
		writers: make(map[commit.BlobID]string),
	}
}

// set says how the store fails from now on.
func (m *memory) set(fail, read error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail, m.read = fail, read
}

func (m *memory) Apply(id commit.BlobID, u store.Update) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.records[id] == nil {
		m.records[id], m.slivers[id], m.writers[id] = make(map[store.Record][]byte), make(map[store.Ref][]byte), u.Writer
	}
	for r, data := range u.Records {
		m.records[id][r] = bytes.Clone(data)
	}
	if u.DropAll {
		clear(m.slivers[id])
	}
	for _, s := range u.Slivers {
		m.slivers[id][s.Ref] = bytes.Clone(s.Data)
	}
	for _, ref := range u.Drop {
		delete(m.slivers[id], ref)
	}
	return nil
}

func (m *memory) ApplyAll(updates []store.BlobUpdate) error {
	for _, u := range updates {
		if u.If != nil {
			info, err := m.Info(u.Blob)
			if err != nil {
				return err
			}
			if !u.If(info) {
				return store.ErrRefused
			}
		}
	}
	for _, u := range updates {
		if err := m.Apply(u.Blob, u.Update); err != nil {
			return err
		}
	}
	return nil
}

// stage is an update in pieces. It keeps copies of what is staged.
type stage struct {
	m       *memory
	id      commit.BlobID
	slivers []store.Sliver
	partial map[store.Ref][]byte
	came    map[store.Ref]int64 // bytes of partial
	over    bool
}

func (m *memory) Stage(id commit.BlobID) store.Stage {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stages++
	return &stage{m: m, id: id}
}

func (s *stage) Add(slivers ...store.Sliver) error {
	for _, sliver := range slivers {
		sliver.Data = bytes.Clone(sliver.Data)
		s.m.copied += uint64(cap(sliver.Data))
		s.slivers = append(s.slivers, sliver)
	}
	if s.m.staged != nil {
		s.m.staged()
	}
	return s.m.fail
}

func (s *stage) AddPieces(pieces ...store.Piece) error {
	for _, p := range pieces {
		if s.partial == nil {
			s.partial, s.came = make(map[store.Ref][]byte), make(map[store.Ref]int64)
		}
		if s.partial[p.Ref] == nil {
			s.partial[p.Ref] = make([]byte, p.Size)
		}
		if s.came[p.Ref] += int64(len(p.Data)); s.came[p.Ref] > p.Size {
			return store.ErrPieces
		}
		copy(s.partial[p.Ref][p.Off:], p.Data)
	}
	return s.m.fail
}

func (s *stage) Missing(ref store.Ref) int64 { return int64(len(s.partial[ref])) - s.came[ref] }

func (s *stage) ReadBack(dst []byte, ref store.Ref) ([]byte, error) {
	return append(dst, s.partial[ref]...), s.m.fail
}

func (s *stage) Held() int64 { return 0 }

func (s *stage) Apply(u store.Update) error {
	defer s.Discard()
	u.Slivers = append(s.slivers, u.Slivers...)
	for ref, data := range s.partial {
		u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: data})
	}
	return s.m.Apply(s.id, u)
}

func (s *stage) Discard() {
	if s.over {
		return
	}
	s.m.mu.Lock()
	s.over = true
	s.m.stages--
	s.m.mu.Unlock()
	if s.m.ended != nil {
		s.m.ended()
	}
}

func (m *memory) Info(id commit.BlobID) (info store.Info, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	info.Inserted = m.came
	for r := range m.records[id] {
		info.Records = append(info.Records, r)
	}
	for ref, data := range m.slivers[id] {
		info.Slivers = append(info.Slivers, store.Entry{Ref: ref, Size: int64(len(data))})
	}
	slices.SortFunc(info.Slivers, func(a, b store.Entry) int {
		return cmp.Or(cmp.Compare(a.Axis, b.Axis), cmp.Compare(a.Pair, b.Pair))
	})
	return info, m.fail
}

func (m *memory) Delete(id commit.BlobID, when func(store.Info) bool) (bool, error) {
	info, err := m.Info(id)
	if err != nil || len(info.Records) == 0 || !when(info) {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, id)
	delete(m.slivers, id)
	return true, nil
}

// pending reports whether a blob has neither certificate.
func (m *memory) pending(id commit.BlobID) bool {
	return m.records[id][store.Certificate] == nil && m.records[id][store.InvalidBlobCertificate] == nil
}

func (m *memory) Usage(writer string) (u store.Usage, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.records {
		size := int64(0)
		for _, data := range m.slivers[id] {
			size += int64(len(data))
		}
		switch {
		case m.writers[id] != writer:
		case m.pending(id):
			u.Pending += size
		default:
			u.Certified += size
		}
	}
	return u, m.fail
}

// Pending lists all that are pending: they came at the beginning of time.
func (m *memory) Pending(before time.Time, limit int) (ids []commit.BlobID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range m.records {
		if m.pending(id) && len(ids) < limit {
			ids = append(ids, id)
		}
	}
	return ids, m.fail
}

func (m *memory) Free() (uint64, bool) { return 1 << 40, true }

func (m *memory) Record(id commit.BlobID, r store.Record) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.records[id][r]; ok || m.fail != nil {
		return data, m.fail
	}
	return nil, store.ErrNotFound
}

func (m *memory) Size(id commit.BlobID, ref store.Ref) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if data, ok := m.slivers[id][ref]; ok || m.fail != nil {
		return int64(len(data)), m.fail
	}
	return 0, store.ErrNotFound
}

func (m *memory) Read(dst []byte, id commit.BlobID, ref store.Ref, off, n int64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.slivers[id][ref]
	switch {
	case cmp.Or(m.fail, m.read) != nil:
		return dst, cmp.Or(m.fail, m.read)
	case !ok:
		return dst, store.ErrNotFound
	case n < 0:
		n = int64(len(data)) - off
	}
	if off < 0 || n < 0 || off+n > int64(len(data)) {
		return dst, store.ErrRange
	}
	return append(dst, data[off:][:n]...), nil
}

func (m *memory) Blobs(after *commit.BlobID, limit int) ([]commit.BlobID, error) {
	return m.BlobsWith(store.Metadata, after, limit)
}

func (m *memory) BlobsWith(r store.Record, after *commit.BlobID, limit int) (ids []commit.BlobID, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, records := range m.records {
		if _, ok := records[r]; ok && (after == nil || bytes.Compare(id[:], after[:]) > 0) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
	return ids[:min(limit, len(ids))], m.fail
}

// healer remembers what it was given.
type healer struct {
	mu       sync.Mutex
	enqueued []commit.BlobID
	corrupt  []store.Ref
}

func (h *healer) Enqueue(id commit.BlobID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.enqueued = append(h.enqueued, id)
}

func (h *healer) Corrupt(_ commit.BlobID, ref store.Ref) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.corrupt = append(h.corrupt, ref)
}

func (h *healer) seen() (enqueued, corrupt int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.enqueued), len(h.corrupt)
}

// harness is the server of one member of four, without the node around it.
type harness struct {
	t         *testing.T
	config    server.Config
	committee *committee.Committee
	keys      []*identity.Key
	code      *rs2d.Code
	store     *memory
	healer    *healer
	server    *server.Server
	metrics   *prometheus.Registry
	address   string
}

const shards = 8

// patience is how long a test waits for what must happen at once.
const patience = 20 * time.Second

// verifier verifies certificates without waiting for others.
type verifier struct{}

func (verifier) ParseCertificate(c committee.Committees, data []byte) (*committee.Certificate, error) {
	return committee.ParseCertificate(c, data)
}

func (verifier) ParseCertificates(c committee.Committees, data [][]byte) ([]*committee.Certificate, []error) {
	return committee.ParseCertificates(c, data)
}

// start starts the server. tune may be nil.
func start(t *testing.T, tune func(*server.Config)) *harness {
	t.Helper()
	return startOf(t, shards, tune)
}

// startOf is start for another number of shards.
func startOf(t *testing.T, shards int, tune func(*server.Config)) *harness {
	t.Helper()
	h := &harness{t: t, store: newMemory(), healer: new(healer), metrics: prometheus.NewRegistry()}
	var members []committee.Member
	for i, s := range committee.Spread(shards, 4) {
		h.keys = append(h.keys, identity.GenerateKey())
		members = append(members, identity.NewMember(fmt.Sprint("node-", i), fmt.Sprint("127.0.0.1:", i+1), h.keys[i], s))
	}
	var err error
	if h.committee, err = committee.New(committee.System{Network: "test", Shards: shards, Scheme: commit.BLAKE3}, 1, members); err != nil {
		t.Fatal(err)
	}
	control, err := fixed.New(h.committee)
	if err != nil {
		t.Fatal(err)
	}
	if h.code, err = rs2d.New(shards); err != nil {
		t.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		t.Fatal(err)
	}
	hashes := new(committee.HashCache)
	h.config = server.Config{
		View:  func() server.View { return server.View{Committee: h.committee, Member: 0, Epochs: control.View()} },
		Store: h.store, Signer: h.keys[0].Signer(hashes), Verifier: verifier{}, Healer: h.healer,
		Code: h.code, Hasher: hasher, Metrics: h.metrics, Plaintext: true,
		Health: func() api.Health { return api.Health{Name: "node-0", State: api.StateHealthy} },
		MarkInvalid: func(id commit.BlobID, certificate []byte) error {
			return h.store.Apply(id, store.Update{Records: map[store.Record][]byte{store.InvalidBlobCertificate: certificate}})
		},
		HTTP: httpd.Options{HeaderTimeout: 200 * time.Millisecond, StallTimeout: 200 * time.Millisecond, MinRate: 1 << 20},
	}
	if tune != nil {
		tune(&h.config)
	}
	if h.server, err = server.New(h.config); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- h.server.HTTP().Serve(l, nil, h.server.Handler()) }()
	t.Cleanup(func() {
		_ = h.server.HTTP().Close()
		<-done
	})
	return h
}

// encode returns the encoding of a random blob.
func (h *harness) encode(size int) *rs2d.Encoding {
	h.t.Helper()
	blob := make([]byte, size)
	rand.Read(blob)
	e, err := h.code.Encode(blob)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// metadata returns an encoding's metadata in bytes.
func (h *harness) metadata(e *rs2d.Encoding) []byte {
	h.t.Helper()
	raw, err := e.Metadata().MarshalBinary()
	if err != nil {
		h.t.Fatal(err)
	}
	return raw
}

// bundle returns the body that stores a blob with the slivers of some pairs.
func (h *harness) bundle(e *rs2d.Encoding, pairs ...int) []byte {
	h.t.Helper()
	var b []byte
	add := func(header api.FrameHeader, data []byte) {
		header.Length = uint32(len(data))
		b = append(header.Append(b), data...)
	}
	add(api.FrameHeader{Kind: api.FrameMetadata}, h.metadata(e))
	for _, pair := range pairs {
		primary, secondary := e.Pair(pair)
		for _, s := range []rs2d.Sliver{primary, secondary} {
			add(api.FrameHeader{Kind: api.FrameSliver, Axis: uint8(s.Axis), Index: uint16(pair)}, s.Data)
		}
	}
	add(api.FrameHeader{}, nil)
	return b
}

// mine returns the pairs of a blob that the node stores.
func (h *harness) mine(id commit.BlobID) []int { return h.committee.Pairs(id, 0) }

// certify returns a certificate in bytes.
func (h *harness) certify(kind committee.Kind, id commit.BlobID) []byte {
	h.t.Helper()
	a := committee.Attestation{Kind: kind, Blob: id}
	signatures := make(map[int]committee.Signature)
	for i, key := range h.keys {
		signatures[i] = key.Signer(nil).Attest(h.committee, a)
	}
	cert, err := h.committee.Certify(a, signatures)
	if err != nil {
		h.t.Fatal(err)
	}
	raw, err := cert.MarshalBinary()
	if err != nil {
		h.t.Fatal(err)
	}
	return raw
}

// ask makes a request.
func (h *harness) ask(method, path string, body []byte) (status int, header http.Header, answer []byte) {
	h.t.Helper()
	var resp *http.Response
	for tries := 10; ; tries-- {
		req, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.address+path, bytes.NewReader(body))
		if err != nil {
			h.t.Fatal(err)
		}
		if resp, err = (&http.Client{Timeout: patience}).Do(req); err == nil {
			break
		}
		// On a busy machine a request may come after the server has given it up.
		if tries == 0 || !errors.Is(err, syscall.ECONNRESET) {
			h.t.Fatal(err)
		}
	}
	defer resp.Body.Close()
	var err error
	if answer, err = io.ReadAll(resp.Body); err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, answer
}

// expect makes a request that must have a status, and returns the answer.
func (h *harness) expect(want int, method, path string, body []byte) []byte {
	h.t.Helper()
	status, _, answer := h.ask(method, path, body)
	if status != want {
		h.t.Fatalf("%s %s: status %d, want %d: %s", method, path, status, want, answer)
	}
	return answer
}

// gauge returns the value of a metric without labels.
func (h *harness) gauge(name string) float64 {
	h.t.Helper()
	families, err := h.metrics.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name && len(f.GetMetric()) == 1 {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	h.t.Fatalf("no metric %s", name)
	return 0
}

// far is a body that never comes.
func far(method, path string, length string, headers ...string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n%s\r\n", method, path, length, strings.Join(headers, ""))
}
