package sdk

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

const token = "a token that nobody guesses"

// shown is a face of a node.
type shown struct {
	t    *testing.T
	url  string
	node *nodetest.Node
	code *rs2d.Code
}

// show serves the face of a node until the test ends.
func show(t testing.TB, one *nodetest.Node, l Ledger, tune func(*Config)) *shown {
	t.Helper()
	code, err := rs2d.New(one.Control.View().Current.Params().N, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		View:  func() server.View { return server.ViewOf(one.Control.View(), one.ID()) },
		Store: one.Store, Signer: one.Signer(), Code: code, Corrupt: one.Healer().Corrupt, Metadata: one.Metadata, Tokens: []string{token}, State: one.State,
	}
	if one.Follower != nil {
		c.Registry, c.Ledger, c.Tokens = one.Follower, l, nil
	}
	if tune != nil {
		tune(&c)
	}
	f, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() { _ = f.HTTP().Serve(listener, nil, f) })
	t.Cleanup(func() {
		_ = f.HTTP().Close()
		done.Wait()
	})
	s := &shown{url: "http://" + listener.Addr().String(), node: one, code: code}
	s.t, _ = t.(*testing.T)
	return s
}

// ask makes a request, with headers as "Name: value".
func (s *shown) ask(method, path string, body []byte, headers ...string) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer, text
}

// brief returns what an answer says: the code, and the reason or the data.
func brief(answer *http.Response, text []byte) string {
	var a struct {
		Error *struct {
			Status  string
			Code    int
			Details []struct{ Reason, Domain string }
		}
		Success *struct {
			Code int
			Data any
		}
	}
	if json.Unmarshal(text, &a) != nil || a.Error == nil && a.Success == nil {
		return fmt.Sprint(answer.StatusCode)
	}
	if a.Success != nil {
		if a.Success.Code != answer.StatusCode {
			return "the envelope has another code"
		}
		data, _ := json.Marshal(a.Success.Data)
		return fmt.Sprintf("%d %s", answer.StatusCode, data)
	}
	of := domain
	if a.Error.Status == "UNAVAILABLE" {
		of = anywhere
	}
	if a.Error.Code != answer.StatusCode || len(a.Error.Details) != 1 || a.Error.Details[0].Domain != of {
		return fmt.Sprintf("%d, and it is no error of the API's: %s", answer.StatusCode, text)
	}
	return fmt.Sprintf("%d %s %s", answer.StatusCode, a.Error.Status, a.Error.Details[0].Reason)
}

// blob is a blob with its parts as they are sent.
type blob struct {
	id         commit.BlobID
	meta       *commit.Metadata
	raw        []byte
	sliver     func(pair int, axis rs2d.Axis) []byte
	own, other int // pairs of the node, and of another one
	pairs      []int
}

func (s *shown) encode(text string) *blob {
	s.t.Helper()
	e, err := s.code.Encode([]byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	b := &blob{id: e.ID(), meta: e.Metadata(), own: -1, other: -1}
	if b.raw, err = b.meta.MarshalBinary(); err != nil {
		s.t.Fatal(err)
	}
	p := s.code.Params()
	symbol, err := p.SymbolSize(b.meta.Length)
	if err != nil {
		s.t.Fatal(err)
	}
	b.sliver = func(pair int, axis rs2d.Axis) []byte {
		primary, secondary := e.Pair(pair)
		one := primary
		if axis == rs2d.Secondary {
			one = secondary
		}
		data, err := one.AppendBCS(nil, symbol)
		if err != nil {
			s.t.Fatal(err)
		}
		return data
	}
	v := server.ViewOf(s.node.Control.View(), s.node.ID())
	b.pairs = v.Pairs(b.id, v.Member)
	b.own = b.pairs[0]
	for pair := range p.N {
		if own := false; !own {
			for _, at := range b.pairs {
				own = own || at == pair
			}
			if !own {
				b.other = pair
			}
		}
	}
	return b
}

// TestFixed goes through all that the API answers, before a cluster without a ledger.
func TestFixed(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[1], nil, nil)
	b := s.encode("a blob of some length")
	at := "/v1/blobs/" + b.id.String()
	mine := func(axis rs2d.Axis) string { return fmt.Sprintf("%s/slivers/%d/%v", at, b.own, axis) }
	theirs := fmt.Sprintf("%s/slivers/%d/primary", at, b.other)
	auth, octets := "Authorization: Bearer "+token, "Content-Type: application/octet-stream"
	wrong := s.encode("another blob")
	damaged := b.sliver(b.own, rs2d.Primary)
	damaged[3] ^= 1
	redStuff := append([]byte{0, 0}, b.raw[2:]...)
	for _, c := range []struct {
		name, method, path string
		body               []byte
		headers            []string
		want               string
	}{
		{"metadata of no blob", "GET", at + "/metadata", nil, nil, "404 NOT_FOUND METADATA_NOT_FOUND"},
		{"its status", "GET", at + "/metadata/status", nil, nil, `200 "nonexistent"`},
		{"a sliver of no blob", "GET", mine(rs2d.Primary), nil, nil, "404 NOT_FOUND SLIVER_NOT_FOUND"},
		{"its status", "GET", mine(rs2d.Primary) + "/status", nil, nil, `200 "nonexistent"`},
		{"status of no blob", "GET", at + "/status", nil, nil, `200 "nonexistent"`},
		{"confirmation of no blob", "GET", at + "/confirmation/permanent", nil, nil, "400 FAILED_PRECONDITION MISSING_SLIVERS"},
		{"no blob id", "GET", "/v1/blobs/x/metadata", nil, nil, "400"},
		{"no path", "GET", at, nil, nil, "404"},
		{"no method", "DELETE", at + "/metadata", nil, nil, "405"},

		{"no token", "PUT", at + "/metadata", b.raw, []string{octets}, "401 UNAUTHENTICATED REQUEST_UNAUTHENTICATED"},
		{"another token", "PUT", at + "/metadata", b.raw, []string{octets, auth + "x"}, "401 UNAUTHENTICATED REQUEST_UNAUTHENTICATED"},
		{"another type", "PUT", at + "/metadata", b.raw, []string{"Content-Type: text/plain", auth}, "400 INVALID_ARGUMENT INVALID_CONTENT_TYPE"},
		{"no metadata", "PUT", at + "/metadata", []byte("nonsense"), []string{octets, auth}, "400 INVALID_ARGUMENT INVALID_CONTENT_TYPE"},
		{"another blob's", "PUT", at + "/metadata", wrong.raw, []string{octets, auth}, "400 INVALID_ARGUMENT INVALID_METADATA"},
		{"of the encoding before RS2", "PUT", at + "/metadata", redStuff, []string{octets, auth}, "400 INVALID_ARGUMENT UNSUPPORTED_ENCODING_TYPE"},
		{"of no encoding", "PUT", at + "/metadata", append([]byte{0, 2}, b.raw[2:]...), []string{octets, auth}, "400 INVALID_ARGUMENT INVALID_CONTENT_TYPE"},
		{"pending, and no flag", "PUT", at + "/metadata?pending=1", b.raw, []string{octets, auth}, "400"},
		{"too long", "PUT", at + "/metadata", make([]byte, 1<<20), []string{octets, auth}, "413"},
		{"unknown key", "PUT", at + "/metadata?x=1", b.raw, []string{octets, auth}, "400"},
		{"a sliver before its metadata", "PUT", mine(rs2d.Primary), b.sliver(b.own, rs2d.Primary), []string{auth}, "400 FAILED_PRECONDITION METADATA_NOT_FOUND"},
		{"metadata", "PUT", at + "/metadata", b.raw, []string{auth}, `201 "metadata successfully stored"`},
		{"metadata again, pending", "PUT", at + "/metadata?pending=true", b.raw, []string{octets, auth}, `200 "metadata already stored"`},
		{"metadata again", "PUT", at + "/metadata", b.raw, []string{octets, auth}, `200 "metadata already stored"`},
		{"its status", "GET", at + "/metadata/status", nil, nil, `200 "stored"`},

		{"sliver without a token", "PUT", mine(rs2d.Primary), b.sliver(b.own, rs2d.Primary), nil, "401 UNAUTHENTICATED REQUEST_UNAUTHENTICATED"},
		{"another node's", "PUT", theirs, b.sliver(b.other, rs2d.Primary), []string{auth}, "400 FAILED_PRECONDITION SHARD_NOT_ASSIGNED"},
		{"another node's read", "GET", theirs, nil, nil, "400 FAILED_PRECONDITION SHARD_NOT_ASSIGNED"},
		{"no pair", "PUT", at + "/slivers/10/primary", nil, []string{auth}, "400 INVALID_ARGUMENT INDEX_OUT_OF_RANGE"},
		{"no axis", "GET", at + "/slivers/1/tertiary", nil, nil, "400"},
		{"no number of a pair", "GET", at + "/slivers/one/primary", nil, nil, "400"},
		{"no pair, read", "GET", at + "/slivers/10/primary/status", nil, nil, "400 INVALID_ARGUMENT INDEX_OUT_OF_RANGE"},
		{"status of another node's", "GET", theirs + "/status", nil, nil, "400 FAILED_PRECONDITION SHARD_NOT_ASSIGNED"},
		{"damaged", "PUT", mine(rs2d.Primary), damaged, []string{auth}, "400 INVALID_ARGUMENT INVALID_SLIVER"},
		{"nonsense", "PUT", mine(rs2d.Primary), []byte("x"), []string{auth}, "400 INVALID_ARGUMENT INVALID_SLIVER"},
		{"another pair's", "PUT", mine(rs2d.Primary), b.sliver(b.other, rs2d.Primary), []string{auth}, "400 INVALID_ARGUMENT SLIVER_INDEX_MISMATCH"},
		{"too long", "PUT", mine(rs2d.Primary), make([]byte, 1<<20), []string{auth}, "413"},
		{"primary", "PUT", mine(rs2d.Primary), b.sliver(b.own, rs2d.Primary), []string{"Content-Type: any/thing", auth}, `201 "sliver stored successfully"`},
		{"unknown key of a sliver", "PUT", mine(rs2d.Primary) + "?x=1", b.sliver(b.own, rs2d.Primary), []string{auth}, "400"},
		{"again", "PUT", mine(rs2d.Primary), b.sliver(b.own, rs2d.Primary), []string{auth}, `200 "sliver already stored"`},
		{"secondary, pending", "PUT", mine(rs2d.Secondary) + "?pending=true", b.sliver(b.own, rs2d.Secondary), []string{auth}, `202 "sliver buffered pending registration"`},
		{"its status", "GET", mine(rs2d.Secondary) + "/status", nil, nil, `200 "stored"`},
		{"not yet all", "GET", at + "/confirmation/permanent", nil, nil, "400 FAILED_PRECONDITION MISSING_SLIVERS"},
		{"no object", "GET", at + "/confirmation/deletable/0x12", nil, nil, "400"},
		{"unknown keys, which a confirmation has not", "GET", at + "/confirmation/permanent?x=1&wait_millis=5", nil, nil, "400 FAILED_PRECONDITION MISSING_SLIVERS"},
	} {
		if answer, text := s.ask(c.method, c.path, c.body, c.headers...); brief(answer, text) != c.want || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %s, want %s; CORS for %q", c.name, brief(answer, text), c.want, answer.Header.Get("Access-Control-Allow-Origin"))
		}
	}
	if answer, text := s.ask("GET", mine(rs2d.Primary), nil); !bytes.Equal(text, b.sliver(b.own, rs2d.Primary)) || answer.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("a sliver: %d, %d bytes", answer.StatusCode, len(text))
	}
	if answer, text := s.ask("GET", at+"/metadata", nil); !bytes.Equal(text, append(b.id[:], b.raw...)) {
		t.Errorf("metadata: %d, %d bytes", answer.StatusCode, len(text))
	}
	if answer, _ := s.ask("OPTIONS", at+"/metadata", nil, "Access-Control-Request-Headers: authorization"); answer.StatusCode != 200 || answer.Header.Get("Access-Control-Allow-Headers") != "authorization" {
		t.Errorf("preflight: %d, %v", answer.StatusCode, answer.Header)
	}

	for _, pair := range b.pairs {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			if answer, text := s.ask("PUT", fmt.Sprintf("%s/slivers/%d/%v", at, pair, axis), b.sliver(pair, axis), auth); answer.StatusCode/100 != 2 {
				t.Fatal(brief(answer, text))
			}
		}
	}
	object := committee.ObjectID{0xaa, 1}
	s.confirmed(at+"/confirmation/permanent?wait_for_registration=true", committee.Attestation{Kind: committee.WalrusPermanent, Blob: b.id})
	s.confirmed(fmt.Sprintf("%s/confirmation/deletable/0x%x", at, object), committee.Attestation{Kind: committee.WalrusDeletable, Blob: b.id, Object: object})

	if answer, text := s.ask("GET", "/v1/health", nil); !strings.Contains(string(text), `"nodeStatus":"Active"`) || strings.Contains(string(text), "shardDetail") || answer.StatusCode != 200 {
		t.Errorf("health: %d, %s", answer.StatusCode, text)
	}
	if answer, text := s.ask("GET", "/v1/health?detailed=true", nil); !strings.Contains(string(text), `"shardDetail":{"other":[],"owned":[{"shard":2,"status":"ready"}`) {
		t.Errorf("health in detail: %d, %s", answer.StatusCode, text)
	}
}

// confirmed asks for a confirmation, which must be the node's of the attestation.
func (s *shown) confirmed(path string, want committee.Attestation) {
	s.t.Helper()
	answer, text := s.ask("GET", path, nil)
	var c struct {
		Success struct {
			Data struct {
				Signed struct{ SerializedMessage, Signature []byte }
			}
		}
	}
	if err := json.Unmarshal(text, &c); err != nil || answer.StatusCode != 200 {
		s.t.Fatalf("%s: %s", path, brief(answer, text))
	}
	v := server.ViewOf(s.node.Control.View(), s.node.ID())
	signed := c.Success.Data.Signed
	if !bytes.Equal(signed.SerializedMessage, want.WalrusMessage(v.Epoch())) || !strings.Contains(string(text), base64.StdEncoding.EncodeToString(signed.Signature)) {
		s.t.Errorf("%s: message %x, want %x", path, signed.SerializedMessage, want.WalrusMessage(v.Epoch()))
	}
	if err := v.VerifyAttestation(v.Member, want, committee.Signature(signed.Signature)); err != nil {
		s.t.Errorf("%s: %v", path, err)
	}
}

// TestQuota: what nobody certifies does not fill the disk.
func TestQuota(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[0], nil, func(c *Config) { c.PendingQuota = 1000 })
	auth := "Authorization: Bearer " + token
	first, second := s.encode("one"), s.encode("two")
	if answer, text := s.ask("PUT", "/v1/blobs/"+first.id.String()+"/metadata", first.raw, auth); answer.StatusCode != 201 {
		t.Fatal(brief(answer, text))
	}
	if answer, text := s.ask("PUT", "/v1/blobs/"+second.id.String()+"/metadata", second.raw, auth); brief(answer, text) != "400 FAILED_PRECONDITION CACHE_SATURATED" {
		t.Errorf("beyond the quota: %s", brief(answer, text))
	}
}

// TestLedger: whoever has registered a blob may send it, and the ledger says how it is.
func TestLedger(t *testing.T) {
	town, key := nodetest.StartOnLedger(t, commit.Walrus, 4, 10)
	l := chain.Local(town.Ledger)
	s := show(t, town.Nodes[2], l, nil)
	other := show(t, town.Nodes[3], l, nil)
	payer := account.New(l, key.Account())
	b := s.encode("a blob of some length")
	at := "/v1/blobs/" + b.id.String()
	if answer, text := s.ask("PUT", at+"/metadata", b.raw); brief(answer, text) != "400 FAILED_PRECONDITION NOT_REGISTERED" {
		t.Errorf("not registered: %s", brief(answer, text))
	}
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		t.Fatal(err)
	}
	root, err := b.meta.Root(hasher)
	if err != nil {
		t.Fatal(err)
	}
	register := func(deletable bool, epochs uint32) (object ledger.ObjectID) {
		t.Helper()
		got, err := payer.Do(t.Context(), ledger.ReserveAndRegister{Epochs: epochs, ID: b.id, Root: root, Length: b.meta.Length, Encoding: ledger.EncodingRS2, Deletable: deletable})
		if err != nil {
			t.Fatal(err)
		}
		return got.Events[0].(ledger.BlobRegistered).Object
	}
	status := func(want string) {
		t.Helper()
		answer, text := s.ask("GET", at+"/status", nil)
		if _, same := other.ask("GET", at+"/status", nil); string(text) != want || string(same) != want {
			t.Errorf("status %d\n%s at one, and\n%s at another node, want\n%s", answer.StatusCode, text, same, want)
		}
	}
	status(`{"success":{"code":200,"data":"nonexistent"}}`)
	object := register(true, 3)
	status(`{"success":{"code":200,"data":{"deletable":{"initialCertifiedEpoch":null,"deletableCounts":{"count_deletable_total":1,"count_deletable_certified":0}}}}}`)
	if answer, text := s.ask("PUT", at+"/metadata", b.raw); answer.StatusCode != 201 {
		t.Fatal(brief(answer, text))
	}
	for _, pair := range b.pairs {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			if answer, text := s.ask("PUT", fmt.Sprintf("%s/slivers/%d/%v", at, pair, axis), b.sliver(pair, axis)); answer.StatusCode != 201 {
				t.Fatal(brief(answer, text))
			}
		}
	}
	// No registration that does not live, of another blob or kind, is vouched for.
	refused := func(name, path string) {
		t.Helper()
		if answer, text := s.ask("GET", path, nil); brief(answer, text) != "400 FAILED_PRECONDITION NOT_REGISTERED" {
			t.Errorf("%s: %s, want NOT_REGISTERED", name, brief(answer, text))
		}
	}
	refused("permanent, of a deletable one", at+"/confirmation/permanent")
	refused("a registration that there is not", at+"/confirmation/deletable/"+ledger.ObjectID{1}.String())
	s.confirmed(at+"/confirmation/deletable/"+object.String(), committee.Attestation{Kind: committee.WalrusDeletable, Blob: b.id, Object: committee.ObjectID(object)})
	info, err := s.node.Store.Info(b.id)
	if err != nil || info.End != 4 {
		t.Errorf("stored until epoch %d (%v), want 4", info.End, err)
	}
	longer := register(false, 5)
	s.confirmed(at+"/confirmation/permanent", committee.Attestation{Kind: committee.WalrusPermanent, Blob: b.id})
	if info, err = s.node.Store.Info(b.id); err != nil || info.End != 6 {
		t.Errorf("confirmed, and stored until epoch %d (%v), want 6", info.End, err)
	}
	refused("a permanent one, as if it were deletable", at+"/confirmation/deletable/"+longer.String())
	status(`{"success":{"code":200,"data":{"permanent":{"endEpoch":6,"isCertified":false,"statusEvent":{"txDigest":"` + walrusapi.EventOf(longer).Digest +
		`","eventSeq":"0"},"deletableCounts":{"count_deletable_total":1,"count_deletable_certified":0},"initialCertifiedEpoch":null}}}}`)
}

// TestConfig has what cannot be.
func TestConfig(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.BLAKE3, 4, 10)
	one := cluster.Nodes[0]
	whole := func(scheme commit.Scheme) Config {
		code, err := rs2d.New(10, rs2d.WithScheme(scheme))
		if err != nil {
			t.Fatal(err)
		}
		return Config{
			View:  func() server.View { return server.ViewOf(one.Control.View(), one.ID()) },
			Store: one.Store, Signer: one.Signer(), Code: code, Corrupt: one.Healer().Corrupt, Metadata: one.Metadata,
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"no store", func(c *Config) { c.Store = nil }, "Store"},
		{"another scheme", func(c *Config) { *c = whole(commit.BLAKE3) }, "scheme"},
		{"a short token", func(c *Config) { c.Tokens = []string{"abc"} }, "guessed"},
		{"a registry alone", func(c *Config) { c.Ledger = chain.Ledger(nil); c.Registry = one.Follower }, "Registry"},
		{"a negative quota", func(c *Config) { c.PendingQuota = -1 }, "PendingQuota"},
	} {
		config := whole(commit.Walrus)
		c.change(&config)
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
	}
}

// FuzzBodies sends anything as metadata and as a sliver: nothing of it is stored.
func FuzzBodies(f *testing.F) {
	cluster, _ := nodetest.Start(f, commit.Walrus, 4, 10)
	s := show(f, cluster.Nodes[0], nil, nil)
	f.Add("/metadata", []byte{0, 1})
	f.Add("/slivers/1/primary", []byte{1, 2, 2, 0, 0, 0})
	f.Add("/confirmation/deletable/0x", []byte{})
	id := commit.BlobID{1}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		r, err := http.NewRequestWithContext(t.Context(), "PUT", s.url+"/v1/blobs/"+id.String()+path, bytes.NewReader(body))
		if err != nil {
			t.Skip()
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Skip() // no request
		}
		defer answer.Body.Close()
		if answer.StatusCode < 300 || answer.StatusCode >= 500 {
			t.Errorf("%q, %d bytes: %d", path, len(body), answer.StatusCode)
		}
	})
}

// TestCodedMetadata has nodes that keep parts of metadata: clients see no difference.
func TestCodedMetadata(t *testing.T) {
	const nodes = 10
	cluster, _ := nodetest.Start(t, commit.Walrus, nodes, nodes, nodetest.Metadata(committee.Coded))
	auth := "Authorization: Bearer " + token
	var faces []*shown
	for _, one := range cluster.Nodes {
		faces = append(faces, show(t, one, nil, nil))
	}
	for i, s := range faces[1:] {
		b := s.encode("a blob of some length")
		at := "/v1/blobs/" + b.id.String()
		if got, text := s.ask("PUT", at+"/metadata", b.raw, auth); brief(got, text) != `201 "metadata successfully stored"` {
			t.Fatalf("node %d: metadata: %s", 1+i, brief(got, text))
		}
		raw, err := s.node.Store.Record(b.id, store.Metadata)
		if err != nil || !coded.IsRecord(raw) {
			t.Fatalf("node %d: error %v, or all of the metadata is stored: %d bytes", 1+i, err, len(raw))
		}
		for _, pair := range b.pairs {
			for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
				path := fmt.Sprintf("%s/slivers/%d/%v", at, pair, axis)
				if got, text := s.ask("PUT", path, b.sliver(pair, axis), auth); got.StatusCode != http.StatusCreated {
					t.Fatalf("node %d: sliver: %s", 1+i, brief(got, text))
				}
				if got, text := s.ask("GET", path, nil); !bytes.Equal(text, b.sliver(pair, axis)) {
					t.Fatalf("node %d: sliver read: %d, %d bytes", 1+i, got.StatusCode, len(text))
				}
			}
		}
		s.confirmed(at+"/confirmation/permanent", committee.Attestation{Kind: committee.WalrusPermanent, Blob: b.id})
	}
	b := faces[0].encode("a blob of some length")
	at := "/v1/blobs/" + b.id.String()
	for range 3 {
		if got, text := faces[5].ask("GET", at+"/metadata", nil); !bytes.Equal(text, append(b.id[:], b.raw...)) {
			t.Fatalf("metadata: %d, %s", got.StatusCode, text)
		}
	}
	if got, text := faces[0].ask("GET", at+"/metadata", nil); brief(got, text) != "404 NOT_FOUND METADATA_NOT_FOUND" {
		t.Errorf("of a node that has nothing of the blob: %s", brief(got, text))
	}
	for node := range nodes - 3 {
		cluster.Stop(node)
	}
	if got, _ := faces[8].ask("GET", at+"/metadata", nil); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with 2 other nodes, of which it takes 4: %d, want 503", got.StatusCode)
	}
}
