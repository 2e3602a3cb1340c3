package sdk

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// put stores a blob at the node, or what it stores of it of some metadata.
func (s *shown) put(b *blob, skip ...store.Ref) {
	s.t.Helper()
	at, auth := "/v1/blobs/"+b.id.String(), "Authorization: Bearer "+token
	if answer, text := s.ask("PUT", at+"/metadata", b.raw, auth); answer.StatusCode != 201 {
		s.t.Fatal(brief(answer, text))
	}
	for _, pair := range b.pairs {
		for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
			if slices.Contains(skip, store.Ref{Axis: axis, Pair: pair}) {
				continue
			}
			if answer, text := s.ask("PUT", fmt.Sprintf("%s/slivers/%d/%v", at, pair, axis), b.sliver(pair, axis), auth); answer.StatusCode != 201 {
				s.t.Fatal(brief(answer, text))
			}
		}
	}
}

// general is Walrus's GeneralRecoverySymbol, written as its specification says.
func (s *shown) general(b *blob, source rs2d.SliverRef, at int) []byte {
	s.t.Helper()
	p, err := s.code.NewProver(rs2d.Sliver{SliverRef: source, Data: b.data(source)})
	if err != nil {
		s.t.Fatal(err)
	}
	symbol := p.Symbol(at)
	out := []byte{byte(source.Axis ^ 1)}
	out = binary.LittleEndian.AppendUint16(out, uint16(source.Index))
	out = append(append(out, byte(len(symbol.Data))), symbol.Data...)
	out = binary.LittleEndian.AppendUint16(out, uint16(at))
	out = append(out, byte(len(symbol.Proof)))
	for _, node := range symbol.Proof {
		if node == (commit.Hash{}) {
			out = append(out, 0)
		} else {
			out = append(append(out, 1), node[:]...)
		}
	}
	return out
}

// data returns a sliver's symbols.
func (b *blob) data(ref rs2d.SliverRef) []byte {
	raw := b.sliver(ref.Pair(b.meta.Shards()), ref.Axis)
	return raw[1 : len(raw)-4]
}

// TestSymbols asks for symbols in all the ways that there are.
func TestSymbols(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[2], nil, nil)
	b := s.encode("a blob of some length, of which symbols are asked for")
	s.put(b)
	at := "/v1/blobs/" + b.id.String()
	const n = 10
	row, column := func(pair int) rs2d.SliverRef { r, _ := rs2d.PairSlivers(pair, n); return r }, func(pair int) rs2d.SliverRef { _, c := rs2d.PairSlivers(pair, n); return c }
	mine, theirs := b.pairs[0], b.other
	last := b.pairs[len(b.pairs)-1]
	both := cell{row(mine).Index, column(last).Index}
	id := func(c cell) string { return fmt.Sprintf("id=%d-%d", c.row, c.column) }
	list := func(all ...[]byte) []byte { return append([]byte{byte(len(all))}, slices.Concat(all...)...) }
	foreign := cell{row(theirs).Index, 0}
	for slices.Contains(b.pairs, n-1-foreign.column) {
		foreign.column++
	}
	var ofRow, ofColumn [][]byte
	for _, pair := range b.pairs {
		ofRow = append(ofRow, s.general(b, column(pair), 3))
		ofColumn = append(ofColumn, s.general(b, row(pair), 7))
	}
	for _, c := range []struct {
		name, query string
		want        []byte // or what is answered otherwise
		fails       string
	}{
		{"of a row", id(both), list(s.general(b, row(mine), both.column)), ""},
		{"proven in a column", id(both) + "&proofAxis=secondary", list(s.general(b, column(last), both.row)), ""},
		{"of a column alone", fmt.Sprintf("id=%d-%d", row(theirs).Index, column(mine).Index), list(s.general(b, column(mine), row(theirs).Index)), ""},
		{"two, one of them twice, one of another node", id(both) + "&" + id(foreign) + "&" + id(both) + "&id=99-3", list(s.general(b, row(mine), both.column)), ""},
		{"of a primary sliver", "targetSliver=3&targetType=primary&proofAxis=secondary", list(ofRow...), ""},
		{"of a secondary sliver", "targetSliver=7&targetType=secondary&proofAxis=primary", list(ofColumn...), ""},
		{"of another node", id(foreign), nil, "400 FAILED_PRECONDITION SYMBOL_NOT_PRESENT_AT_SHARDS"},
		{"of no sliver", "id=10-3", nil, "400 INVALID_ARGUMENT INDEX_OUT_OF_RANGE"},
		{"of no target", "targetSliver=10&targetType=secondary", nil, "400 INVALID_ARGUMENT INDEX_OUT_OF_RANGE"},
		{"nothing", "", nil, "400 FAILED_PRECONDITION NO_SYMBOLS_SPECIFIED"},
		{"both", id(both) + "&targetSliver=1&targetType=primary", nil, "400 INVALID_ARGUMENT INVALID_FILTER"},
		{"no symbol", "id=3", nil, "400"},
		{"a symbol with a sign", "id=+3-3", nil, "400"},
		{"no axis", id(both) + "&proofAxis=tertiary", nil, "400"},
		{"half a target", "targetSliver=1", nil, "400"},
		{"another half", "targetType=primary", nil, "400"},
	} {
		answer, text := s.ask("GET", at+"/recoverySymbols?"+c.query, nil)
		if c.fails != "" && brief(answer, text) != c.fails {
			t.Errorf("%s: %s, want %s", c.name, brief(answer, text), c.fails)
		}
		if c.fails == "" && !bytes.Equal(text, c.want) {
			t.Errorf("%s: %s\n%x, want\n%x", c.name, brief(answer, text), text, c.want)
		}
	}
	none := s.encode("another blob")
	if answer, text := s.ask("GET", "/v1/blobs/"+none.id.String()+"/recoverySymbols?id=1-1", nil); brief(answer, text) != "404 NOT_FOUND SLIVER_NOT_FOUND" {
		t.Errorf("of no blob: %s", brief(answer, text))
	}

	// Symbols without proofs are a map: of target 1, and of target 0, which the query has twice.
	want := []byte{2}
	for _, target := range []int{0, 1} {
		want = append(want, byte(target), 0, byte(len(b.pairs)))
		for _, pair := range b.pairs {
			symbol, err := s.code.Symbol(rs2d.Sliver{SliverRef: column(pair), Data: b.data(column(pair))}, target)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, 0, byte(column(pair).Index), 0, byte(len(symbol.Data)))
			want = append(want, symbol.Data...)
		}
	}
	if answer, text := s.ask("GET", at+"/decodingSymbols?targetSlivers=1&targetSlivers=0&targetType=primary&targetSlivers=0", nil); !bytes.Equal(text, want) {
		t.Errorf("decoding symbols: %s\n%x, want\n%x", brief(answer, text), text, want)
	}
	for _, c := range []struct{ name, query, want string }{
		{"no target", "targetType=primary", "400 FAILED_PRECONDITION NO_TARGET_SLIVERS_SPECIFIED"},
		{"no axis", "targetSlivers=1", "400"},
		{"no number", "targetSlivers=one&targetType=primary", "400"},
		{"a parity row", "targetSlivers=0&targetSlivers=4&targetType=primary", "400 INVALID_ARGUMENT RECOVERY_SYMBOL_OUT_OF_RANGE"},
		{"a parity column", "targetSlivers=7&targetType=secondary", "400 INVALID_ARGUMENT RECOVERY_SYMBOL_OUT_OF_RANGE"},
	} {
		if answer, text := s.ask("GET", at+"/decodingSymbols?"+c.query, nil); brief(answer, text) != c.want {
			t.Errorf("decoding symbols, %s: %s, want %s", c.name, brief(answer, text), c.want)
		}
	}
}

// TestMapOrder: the keys of a map are in the order of their bytes.
func TestMapOrder(t *testing.T) {
	const n = 1000
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, n)
	s := show(t, cluster.Nodes[0], nil, nil)
	b := s.encode("x")
	s.put(b)
	_, text := s.ask("GET", "/v1/blobs/"+b.id.String()+"/decodingSymbols?targetSlivers=1&targetSlivers=256&targetSlivers=2&targetType=primary", nil)
	r := bcs.NewReader(text)
	var keys []uint16
	for range r.Length(n, "slivers") {
		keys = append(keys, r.U16("a sliver"))
		for range r.Length(n, "symbols") {
			r.Variant(2, "an axis")
			r.U16("a source")
			r.Slice(commit.MaxSymbol, "a symbol")
		}
	}
	if err := r.Done(); err != nil || !slices.Equal(keys, []uint16{256, 1, 2}) {
		t.Errorf("keys %d (%v), want 256, 1, 2", keys, err)
	}
}

// crooked returns a blob whose secondary sliver, of a pair that is another node's, has not the root
// that the metadata has: there is no such blob.
func (s *shown) crooked(text string) (b *blob, target rs2d.SliverRef) {
	s.t.Helper()
	b = s.encode(text)
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		s.t.Fatal(err)
	}
	for other := range b.meta.Shards() {
		_, target = rs2d.PairSlivers(other, b.meta.Shards())
		meta := *b.meta
		meta.Secondary = slices.Clone(meta.Secondary)
		meta.Secondary[target.Index][0] ^= 1
		id, err := meta.ID(hasher)
		if err != nil {
			s.t.Fatal(err)
		}
		v := server.ViewOf(s.node.Control.View(), s.node.ID())
		if v.OwnerOfPair(id, other) == v.Member {
			continue
		}
		raw, err := meta.MarshalBinary()
		if err != nil {
			s.t.Fatal(err)
		}
		b.id, b.meta, b.raw, b.pairs = id, &meta, raw, v.Pairs(id, v.Member)
		return b, target
	}
	s.t.Fatal("every pair is the node's")
	return nil, target
}

// proof returns Walrus's InconsistencyProof of the target, of so many symbols.
func (s *shown) proof(b *blob, target rs2d.SliverRef, symbols int) []byte {
	s.t.Helper()
	out := append(binary.LittleEndian.AppendUint16(nil, uint16(target.Index)), byte(symbols))
	for i := range symbols {
		general := s.general(b, rs2d.SliverRef{Axis: target.Axis.Other(), Index: i}, target.Index)
		// A RecoverySymbol has neither the axis nor the target.
		length := 3 + 1 + int(general[3])
		out = append(append(out, general[1:length]...), general[length+2:]...)
	}
	return out
}

// TestInconsistencyProof: whoever proves that there is no blob is given that in writing.
func TestInconsistencyProof(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[1], nil, nil)
	b, target := s.crooked("a blob of some length")
	path := "/v1/blobs/" + b.id.String() + "/inconsistencyProof/"
	good := s.proof(b, target, 4)
	if answer, text := s.ask("POST", path+"secondary", good); brief(answer, text) != "400 FAILED_PRECONDITION METADATA_NOT_FOUND" {
		t.Errorf("without metadata: %s", brief(answer, text))
	}
	s.put(b)
	damaged := bytes.Clone(good)
	damaged[len(damaged)-1] ^= 1
	twice := append(bytes.Clone(good[:3]), bytes.Repeat(good[3:][:(len(good)-3)/4], 4)...)
	consistent := rs2d.SliverRef{Axis: rs2d.Secondary, Index: (target.Index + 1) % 10}
	row := rs2d.SliverRef{Axis: rs2d.Primary, Index: 1}
	for _, c := range []struct {
		name, axis string
		body       []byte
		want       string
	}{
		{"nonsense", "secondary", []byte("nonsense"), "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"nothing", "secondary", nil, "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"damaged", "secondary", damaged, "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"one source many times", "secondary", twice, "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"too few symbols", "secondary", s.proof(b, target, 3), "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"a byte more", "secondary", append(bytes.Clone(good), 0), "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"of the other axis", "primary", good, "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"of a sliver that is right", "secondary", s.proof(b, consistent, 4), "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"of a row that is right", "primary", s.proof(b, row, 7), "400 INVALID_ARGUMENT INVALID_PROOF"},
		{"no axis", "tertiary", good, "400"},
		{"too long", "secondary", make([]byte, 2<<20), "413"},
	} {
		if answer, text := s.ask("POST", path+c.axis, c.body); brief(answer, text) != c.want {
			t.Errorf("%s: %s, want %s", c.name, brief(answer, text), c.want)
		}
	}
	if info, err := s.node.Store.Info(b.id); err != nil || info.Has(store.Proof) {
		t.Fatalf("before there is a proof: error %v, or one is stored", err)
	}
	for _, name := range []string{"first", "again"} {
		answer, text := s.ask("POST", path+"secondary", good, "Content-Type: any/thing")
		var got struct {
			Success struct {
				Data struct{ SerializedMessage, Signature []byte }
			}
		}
		if err := json.Unmarshal(text, &got); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", name, brief(answer, text))
		}
		v := server.ViewOf(s.node.Control.View(), s.node.ID())
		message := append([]byte{2, 0, 3, byte(v.Epoch()), 0, 0, 0}, b.id[:]...)
		if signed := got.Success.Data; !bytes.Equal(signed.SerializedMessage, message) {
			t.Errorf("%s: signed %x, want %x", name, signed.SerializedMessage, message)
		}
		what := committee.Attestation{Kind: committee.WalrusInvalid, Blob: b.id}
		if err := v.VerifyAttestation(v.Member, what, committee.Signature(got.Success.Data.Signature)); err != nil {
			t.Error(err)
		}
	}
	raw, err := s.node.Store.Record(b.id, store.Proof)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := rs2d.ParseInconsistencyProof(raw)
	if err == nil {
		err = s.code.VerifyInconsistency(b.meta, kept)
	}
	if err != nil {
		t.Errorf("the proof that is kept: %v", err)
	}
}

// sync asks the face for a shard as a member does.
func (s *shown) sync(asks *nodetest.Node, epoch uint32, want syncRequest) (*http.Response, []byte) {
	s.t.Helper()
	message, signature := committee.SignShardRequest(asks.Signer(), epoch, want.appendBCS(nil))
	key := asks.Public().Bytes()
	return s.ask("POST", "/v1/migrate/sync_shard", append(bcs.AppendSlice(nil, message), signature[:]...),
		"Authorization: "+base64.StdEncoding.EncodeToString(key[:]), "Content-Type: application/octet-stream")
}

// moved reads Walrus's SyncShardResponse of slivers.
func moved(t *testing.T, text []byte, axis rs2d.Axis) (ids []commit.BlobID, slivers [][]byte) {
	t.Helper()
	r := bcs.NewReader(text)
	r.Variant(1, "the version")
	for range r.Length(1000, "slivers") {
		var id commit.BlobID
		r.Fixed(id[:], "a blob")
		if got := r.Variant(2, "an axis"); got != uint32(axis) {
			t.Errorf("axis %d, want %v", got, axis)
		}
		data := r.Slice(1<<20, "a sliver")
		sliver := bcs.AppendSlice(nil, data)
		slivers = append(slivers, append(sliver, r.Bytes(4, "its symbol size and index")...))
		ids = append(ids, id)
	}
	if err := r.Done(); err != nil {
		t.Fatalf("%v: %x", err, text)
	}
	return ids, slivers
}

// TestSyncShard moves a shard, a few slivers at a time.
func TestSyncShard(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[1], nil, nil)
	asks := cluster.Nodes[3]
	v := server.ViewOf(s.node.Control.View(), s.node.ID())
	shard, epoch := v.Committee.Member(v.Member).Shards[0], uint32(v.Epoch())
	foreign := v.Committee.Member((v.Member + 1) % 4).Shards[0]
	want := make(map[commit.BlobID]*blob)
	var ids []commit.BlobID
	for i := range 7 {
		b := s.encode(strings.Repeat("a blob ", i+1))
		s.put(b)
		if i == 3 {
			continue // nobody certifies it
		}
		if err := s.node.Store.Apply(b.id, store.Update{Records: map[store.Record][]byte{store.Certificate: {1}}}); err != nil {
			t.Fatal(err)
		}
		want[b.id], ids = b, append(ids, b.id)
	}
	slices.SortFunc(ids, func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
	for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
		var got []commit.BlobID
		request := syncRequest{shard: shard, axis: axis, count: 4, epoch: epoch}
		for {
			answer, text := s.sync(asks, epoch, request)
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("%v: %s", axis, brief(answer, text))
			}
			page, slivers := moved(t, text, axis)
			if len(page) == 0 {
				break
			}
			if len(page) > 4 {
				t.Errorf("%d slivers, want 4 at most", len(page))
			}
			for i, id := range page {
				pair := v.Committee.Params().N // the pair of the shard
				for p := range 10 {
					if (p+id.Rotation(10))%10 == shard {
						pair = p
					}
				}
				if !bytes.Equal(slivers[i], want[id].sliver(pair, axis)) {
					t.Errorf("%v sliver of %v: %x", axis, id, slivers[i])
				}
			}
			got = append(got, page...)
			request.from = page[len(page)-1]
			for i := len(request.from) - 1; ; i-- { // the id behind the last
				if request.from[i]++; request.from[i] != 0 {
					break
				}
			}
		}
		if !slices.Equal(got, ids) {
			t.Errorf("%v slivers of %v, want those of %v", axis, got, ids)
		}
	}
	if answer, text := s.sync(asks, epoch, syncRequest{shard: shard, from: ids[2], count: 1, epoch: epoch}); answer.StatusCode == http.StatusOK {
		if got, _ := moved(t, text, rs2d.Primary); !slices.Equal(got, ids[2:3]) {
			t.Errorf("from a blob on: %v, want it alone", got)
		}
	} else {
		t.Error(brief(answer, text))
	}

	good := syncRequest{shard: shard, count: 10, epoch: epoch}
	change := func(f func(*syncRequest)) syncRequest { r := good; f(&r); return r }
	for _, c := range []struct {
		name  string
		epoch uint32
		ask   syncRequest
		want  string
	}{
		{"another node's shard", epoch, change(func(r *syncRequest) { r.shard = foreign }), "400 FAILED_PRECONDITION SHARD_NOT_ASSIGNED"},
		{"no shard", epoch, change(func(r *syncRequest) { r.shard = 60_000 }), "400 FAILED_PRECONDITION SHARD_NOT_ASSIGNED"},
		{"too many", epoch, change(func(r *syncRequest) { r.count = 100_001 }), "400 INVALID_ARGUMENT SLIVER_COUNT_EXCEEDS_LIMIT"},
		{"of another epoch", epoch, change(func(r *syncRequest) { r.epoch++ }), "400 INVALID_ARGUMENT INVALID_EPOCH"},
		{"signed in another epoch", epoch + 1, good, "400 INVALID_ARGUMENT INVALID_EPOCH"},
		{"no axis", epoch, change(func(r *syncRequest) { r.axis = 2 }), "400 INVALID_ARGUMENT MESSAGE_VERIFICATION_FAILED"},
	} {
		answer, text := s.sync(asks, c.epoch, c.ask)
		if brief(answer, text) != c.want {
			t.Errorf("%s: %s, want %s", c.name, brief(answer, text), c.want)
		}
		if metadata := fmt.Sprintf(`"metadata":{"request_epoch":"%d","server_epoch":"%d"}`, epoch+1, epoch); strings.Contains(c.want, "INVALID_EPOCH") && !strings.Contains(string(text), metadata) {
			t.Errorf("%s: %s, want it with %s", c.name, text, metadata)
		}
	}
	stranger, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	if answer, text := s.sync(stranger.Nodes[0], epoch, good); brief(answer, text) != "403 PERMISSION_DENIED REQUEST_UNAUTHORIZED" {
		t.Errorf("a stranger: %s", brief(answer, text))
	}
	message, signature := committee.SignShardRequest(asks.Signer(), epoch, good.appendBCS(nil))
	body := append(bcs.AppendSlice(nil, message), signature[:]...)
	key, other := asks.Public().Bytes(), cluster.Nodes[0].Public().Bytes()
	auth := "Authorization: " + base64.StdEncoding.EncodeToString(key[:])
	for _, c := range []struct {
		name    string
		body    []byte
		headers []string
		want    string
	}{
		{"no key", body, nil, "401"},
		{"no base64", body, []string{"Authorization: Bearer x"}, "400"},
		{"no point", body, []string{"Authorization: " + base64.StdEncoding.EncodeToString(make([]byte, 48))}, "400"},
		{"another member's key", body, []string{"Authorization: " + base64.StdEncoding.EncodeToString(other[:])}, "400 INVALID_ARGUMENT MESSAGE_VERIFICATION_FAILED"},
		{"another type", body, []string{auth, "Content-Type: text/plain"}, "400 INVALID_ARGUMENT INVALID_CONTENT_TYPE"},
		{"cut off", body[:len(body)-1], []string{auth}, "400 INVALID_ARGUMENT INVALID_CONTENT_TYPE"},
		{"too long", append(bytes.Clone(body), make([]byte, 1000)...), []string{auth}, "413"},
	} {
		if answer, text := s.ask("POST", "/v1/migrate/sync_shard", c.body, c.headers...); brief(answer, text) != c.want {
			t.Errorf("%s: %s, want %s", c.name, brief(answer, text), c.want)
		}
	}
}

// TestSymbolsWithheld: while members are challenged, nothing is given out that would let one pass
// that has not stored its slivers; of rows never, where there are challenges.
func TestSymbolsWithheld(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	g := gate.New([32]byte{1}, time.Minute)
	s := show(t, cluster.Nodes[1], nil, func(c *Config) { c.Gate = g })
	b := s.encode("a blob of some length")
	s.put(b)
	if err := s.node.Store.Apply(b.id, store.Update{Records: map[store.Record][]byte{store.Certificate: {1}}}); err != nil {
		t.Fatal(err)
	}
	at := "/v1/blobs/" + b.id.String()
	v := server.ViewOf(s.node.Control.View(), s.node.ID())
	epoch := uint32(v.Epoch())
	shard := v.Committee.Member(v.Member).Shards[0]
	primary, secondary := rs2d.PairSlivers(b.pairs[0], 10)
	both := fmt.Sprintf("id=%d-%d", primary.Index, secondary.Index)
	get := func(path string) func() (*http.Response, []byte) {
		return func() (*http.Response, []byte) { return s.ask("GET", at+path, nil) }
	}
	move := func(axis rs2d.Axis) func() (*http.Response, []byte) {
		return func() (*http.Response, []byte) {
			return s.sync(cluster.Nodes[0], epoch, syncRequest{shard: shard, axis: axis, count: 9, epoch: epoch})
		}
	}
	for _, stage := range []struct {
		name    string
		do      func()
		columns bool
	}{
		{"no challenge", func() {}, true},
		{"silent", func() { g.Withhold(7) }, false},
		{"over", func() { g.Close(7) }, true},
	} {
		stage.do()
		for _, c := range []struct {
			name   string
			ask    func() (*http.Response, []byte)
			served bool
		}{
			{"a row", get(fmt.Sprintf("/slivers/%d/primary", b.pairs[0])), false},
			{"a column", get(fmt.Sprintf("/slivers/%d/secondary", b.pairs[0])), stage.columns},
			{"a symbol that is in a row and a column", get("/recoverySymbols?" + both), stage.columns},
			{"a symbol of a row", get("/recoverySymbols?" + both + "&proofAxis=primary"), false},
			{"symbols for a row", get("/recoverySymbols?targetSliver=1&targetType=primary&proofAxis=secondary"), stage.columns},
			{"symbols for a column", get("/recoverySymbols?targetSliver=1&targetType=secondary&proofAxis=primary"), false},
			{"decoding symbols for a row", get("/decodingSymbols?targetSlivers=1&targetType=primary"), stage.columns},
			{"decoding symbols for a column", get("/decodingSymbols?targetSlivers=1&targetType=secondary"), false},
			{"a shard's rows", move(rs2d.Primary), false},
			{"a shard's columns", move(rs2d.Secondary), stage.columns},
		} {
			answer, text := c.ask()
			got := brief(answer, text)
			if want := "503 UNAVAILABLE UNAVAILABLE"; !c.served && (got != want || answer.Header.Get("Retry-After") == "") {
				t.Errorf("%s, %s: %s, want %s, and when to try again", stage.name, c.name, got, want)
			}
			if c.served && answer.StatusCode != http.StatusOK {
				t.Errorf("%s, %s: %s, want it", stage.name, c.name, got)
			}
		}
	}
}

// FuzzQueries sends anything as queries for symbols: what is answered is no more than the node has.
func FuzzQueries(f *testing.F) {
	for _, q := range []string{"id=1-2&id=3-4", "targetSliver=1&targetType=primary", "targetSlivers=3&targetType=secondary", "id=1-", "proofAxis=primary", "id=99999-1", "%"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		if s, err := parseSymbolQuery(q); err == nil {
			if (len(s.cells) > 0) == (s.target != nil) || len(s.cells) > len(q["id"]) || !slices.IsSortedFunc(s.cells, cell.compare) {
				t.Errorf("%q: %+v", text, s)
			}
			for _, c := range s.cells {
				if back, err := parseCell(fmt.Sprintf("%d-%d", c.row, c.column)); err != nil || back != c {
					t.Errorf("%q: %+v is read back as %+v (%v)", text, c, back, err)
				}
			}
		}
		if _, targets, err := parseTargets(q); err == nil && (len(targets) == 0 || !slices.IsSorted(targets)) {
			t.Errorf("%q: targets %d", text, targets)
		}
	})
}

// FuzzParseProof sends anything as a proof: what is read is what it says, and shows nothing of a blob
// that is right.
func FuzzParseProof(f *testing.F) {
	code, err := rs2d.New(4, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		f.Fatal(err)
	}
	e, err := code.Encode([]byte("a blob"))
	if err != nil {
		f.Fatal(err)
	}
	p, err := code.NewProver(e.Primary(0))
	if err != nil {
		f.Fatal(err)
	}
	one := p.Symbol(1)
	raw, err := one.AppendBCS([]byte{1, 0, 2})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(1), append(raw, raw[3:]...))
	f.Add(byte(0), []byte{1, 0, 3})
	f.Fuzz(func(t *testing.T, axis byte, data []byte) {
		proof, err := parseProof(code.Params(), e.Metadata(), rs2d.Axis(axis&1), data)
		if err != nil {
			return
		}
		if code.VerifyInconsistency(e.Metadata(), proof) == nil {
			t.Errorf("%x shows that a blob is inconsistent which is not", data)
		}
		back := bcs.AppendLength(bcs.AppendU16(nil, uint16(proof.Target.Index)), len(proof.Symbols))
		for _, s := range proof.Symbols {
			if back, err = s.AppendBCS(back); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(back, data) {
			t.Errorf("%x is read as what is written %x", data, back)
		}
	})
}

// FuzzParseSync sends anything as a request for a shard.
func FuzzParseSync(f *testing.F) {
	f.Add(syncRequest{shard: 3, axis: rs2d.Secondary, from: commit.BlobID{1}, count: 9, epoch: 2}.appendBCS(nil))
	f.Add(append(bcs.AppendSlice(nil, []byte("message")), make([]byte, committee.SignatureSize)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := parseSync(data); err == nil && !bytes.Equal(s.appendBCS(nil), data) {
			t.Errorf("%x is read as %+v, which is written otherwise", data, s)
		}
		if message, signature, err := parseSigned(data); err == nil && !bytes.Equal(append(bcs.AppendSlice(nil, message), signature[:]...), data) {
			t.Errorf("%x is read as what is written otherwise", data)
		}
	})
}

// TestBefore: the id before another is the one that is followed by it.
func TestBefore(t *testing.T) {
	ff := commit.BlobID(bytes.Repeat([]byte{0xff}, 32))
	low := ff
	low[0] = 0
	for _, c := range []struct {
		id   commit.BlobID
		want *commit.BlobID
	}{
		{commit.BlobID{}, nil}, {commit.BlobID{1}, &low}, {commit.BlobID{31: 1}, &commit.BlobID{}}, {commit.BlobID{30: 1}, &commit.BlobID{31: 0xff}},
	} {
		if got := before(c.id); (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
			t.Errorf("before %v: %v, want %v", c.id, got, c.want)
		}
	}
}
