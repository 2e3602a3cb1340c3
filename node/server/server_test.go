package server_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// TestWritesAndReads stores a blob in two parts, and reads all of it in every way.
func TestWritesAndReads(t *testing.T) {
	h := start(t, nil)
	e := h.encode(20_000)
	id, mine := e.ID(), h.mine(e.ID())
	a := committee.Attestation{Kind: committee.Stored, Blob: id}
	confirm := func(answer []byte) {
		t.Helper()
		var c api.Confirmation
		if err := json.Unmarshal(answer, &c); err != nil || c.Member != "node-0" {
			t.Fatalf("confirmation %s, %v, want one of node-0", answer, err)
		}
		if err := h.committee.VerifyAttestation(0, a, c.Signature); err != nil {
			t.Fatal(err)
		}
	}
	h.expect(202, "PUT", api.BlobPath(id, ""), h.bundle(e, mine[0]))
	h.expect(404, "GET", api.BlobPath(id, api.ConfirmationPath), nil)
	confirm(h.expect(200, "PUT", api.BlobPath(id, ""), h.bundle(e, mine[1:]...)))
	confirm(h.expect(200, "PUT", api.BlobPath(id, ""), h.bundle(e, mine...)))
	confirm(h.expect(200, "GET", api.BlobPath(id, api.ConfirmationPath), nil))

	var s api.Status
	if err := json.Unmarshal(h.expect(200, "GET", api.BlobPath(id, api.StatusPath), nil), &s); err != nil {
		t.Fatal(err)
	}
	want := api.Status{Blob: id, Metadata: true, Length: 20_000, Primary: mine, Secondary: mine, Complete: true}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("status %+v, want %+v", s, want)
	}
	if got, want := h.expect(200, "GET", api.BlobPath(id, api.MetadataPath), nil), append(id[:], h.metadata(e)...); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of metadata differ from the %d stored", len(got), len(want))
	}
	for _, pair := range mine {
		primary, secondary := e.Pair(pair)
		for _, sliver := range []rs2d.Sliver{primary, secondary} {
			if got := h.expect(200, "GET", api.SliverPath(id, pair, sliver.Axis), nil); !bytes.Equal(got, sliver.Data) {
				t.Errorf("%v of pair %d differs", sliver.Axis, pair)
			}
		}
	}
	symbols := h.expect(200, "GET", fmt.Sprintf("%s?axis=primary&target=1&source=%d", api.BlobPath(id, api.RecoveryPath), mine[0]), nil)
	symbol, err := rs2d.ParseSymbol(e.Metadata(), rs2d.SliverRef{Axis: rs2d.Primary, Index: 1}, symbols)
	if err == nil {
		err = h.code.VerifySymbol(e.Metadata(), symbol)
	}
	if err != nil {
		t.Error(err)
	}
	certificate := h.certify(committee.Stored, id)
	h.expect(201, "PUT", api.BlobPath(id, api.CertificatePath), certificate)
	if got := h.expect(200, "GET", api.BlobPath(id, api.CertificatePath), nil); !bytes.Equal(got, certificate) {
		t.Error("another certificate")
	}
	if enqueued, _ := h.healer.seen(); enqueued != 0 {
		t.Errorf("%d blobs are to be healed, want none", enqueued)
	}
	var list api.BlobList
	if ids := h.expect(200, "GET", api.BlobsPath+"?state=certified&form=ids", nil); !bytes.Equal(ids, id[:]) {
		t.Errorf("ids of certified blobs are %x, want %x", ids, id)
	}
	h.expect(400, "GET", api.BlobsPath+"?state=pending&form=ids", nil)
	h.expect(400, "GET", api.BlobsPath+"?form=xml", nil)
	if err := json.Unmarshal(h.expect(200, "GET", api.BlobsPath+"?state=certified", nil), &list); err != nil || len(list.Blobs) != 1 || list.Blobs[0].Blob != id {
		t.Errorf("list %+v, %v, want the one blob", list, err)
	}
}

// TestCertificateOfWhatIsMissing has the node heal a blob that it learns of by its
// certificate.
func TestCertificateOfWhatIsMissing(t *testing.T) {
	h := start(t, nil)
	id := h.encode(1000).ID()
	h.expect(201, "PUT", api.BlobPath(id, api.CertificatePath), h.certify(committee.Stored, id))
	if enqueued, _ := h.healer.seen(); enqueued != 1 {
		t.Errorf("%d blobs are to be healed, want 1", enqueued)
	}
}

// TestInconsistent refuses a blob that a certificate says is inconsistent.
func TestInconsistent(t *testing.T) {
	h := start(t, nil)
	e := h.encode(1000)
	id := e.ID()
	h.expect(200, "PUT", api.BlobPath(id, ""), h.bundle(e, h.mine(id)...))
	h.expect(400, "PUT", api.BlobPath(id, api.InvalidBlobCertificatePath), h.certify(committee.Stored, id))
	h.expect(201, "PUT", api.BlobPath(id, api.InvalidBlobCertificatePath), h.certify(committee.Inconsistent, id))
	for _, r := range []struct{ method, path string }{
		{"GET", api.ConfirmationPath}, {"PUT", ""}, {"PUT", api.MetadataPath}, {"GET", api.SliversPath}, {"PUT", api.CertificatePath},
		{"GET", fmt.Sprintf("%s/%d/primary", api.SliversPath, h.mine(id)[0])}, {"GET", api.RecoveryPath + "?axis=primary&target=1"},
	} {
		var e api.Error
		answer := h.expect(410, r.method, api.BlobPath(id, r.path), nil)
		if err := json.Unmarshal(answer, &e); err != nil || e.Proof != api.BlobPath(id, api.ProofPath) {
			t.Errorf("%s %s: %s, want the path of the proof", r.method, r.path, answer)
		}
	}
}

// TestErrorsOfTheStore answers for each error of a store as it is, and has a sliver
// recovered for no error but that it is corrupt.
func TestErrorsOfTheStore(t *testing.T) {
	h := start(t, nil)
	e := h.encode(1000)
	id := e.ID()
	pair := h.mine(id)[0]
	ref := store.Ref{Axis: rs2d.Primary, Pair: pair}
	h.expect(200, "PUT", api.BlobPath(id, ""), h.bundle(e, h.mine(id)...))
	for _, test := range []struct {
		name    string
		err     error
		want    int
		corrupt int
	}{
		{"not found", store.ErrNotFound, 404, 0},
		{"corrupt", &store.CorruptError{Blob: id, Ref: ref}, 404, 1},
		{"failed", fmt.Errorf("%w: sync", store.ErrFailed), 503, 0},
		{"full", store.ErrFull, 507, 0},
		{"no descriptors", &store.UnavailableError{Blob: id, Ref: ref, Err: syscall.EMFILE}, 503, 0},
		{"input or output", &store.UnavailableError{Blob: id, Ref: ref, Err: syscall.EIO}, 503, 0},
		{"something else", errors.New("something"), 500, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, before := h.healer.seen()
			h.store.set(nil, test.err)
			defer h.store.set(nil, nil)
			status, header, answer := h.ask("GET", api.SliverPath(id, pair, rs2d.Primary), nil)
			var e api.Error
			if status != test.want || json.Unmarshal(answer, &e) != nil || e.Message == "" {
				t.Errorf("status %d: %s, want %d with a message", status, answer, test.want)
			}
			if (status == 503) != (header.Get("Retry-After") != "") {
				t.Errorf("status %d with Retry-After %q", status, header.Get("Retry-After"))
			}
			if _, after := h.healer.seen(); after-before != test.corrupt {
				t.Errorf("%d slivers are to be recovered, want %d", after-before, test.corrupt)
			}
		})
	}
	t.Run("writes", func(t *testing.T) {
		other := h.encode(1000)
		p := h.server.Problems()
		slices.SortFunc(p, func(a, b httpd.Problem) int { return cmp.Compare(a.Name, b.Name) })
		if len(p) != 2 || p[0].Name != "descriptors" || p[0].Remedy == "" || p[1].Name != "disk" || p[1].Remedy == "" {
			t.Errorf("problems %+v after a full disk and files that could not be opened, want one of each", p)
		}
		for want, err := range map[int]error{507: store.ErrFull, 503: store.ErrFailed, 500: errors.New("something")} {
			h.store.set(err, nil)
			h.expect(want, "PUT", api.BlobPath(other.ID(), ""), h.bundle(other, h.mine(other.ID())...))
			h.store.set(nil, nil)
		}
	})
}

// TestPutAgain puts what the node has, in a body that does not come: it is confirmed at
// once.
func TestPutAgain(t *testing.T) {
	h := start(t, func(c *server.Config) { c.HTTP.StallTimeout, c.HTTP.MinRate = time.Hour, 1 })
	e := h.encode(1000)
	path := api.BlobPath(e.ID(), "")
	h.expect(200, "PUT", path, h.bundle(e, h.mine(e.ID())...))
	for name, request := range map[string]string{
		"without asking": far("PUT", path, "5000"),
		"long":           far("PUT", path, "100000000"),
		"farthest":       far("PUT", path, "9223372036854775807"),
		"expecting":      far("PUT", path, "100000", "Expect: 100-continue\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", h.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var c api.Confirmation
			if err := json.NewDecoder(resp.Body).Decode(&c); resp.StatusCode != 200 || err != nil {
				t.Errorf("%s, %v, want a confirmation", resp.Status, err)
			}
		})
	}
}

// TestHostileRequests makes every request there is in every wrong way there is. Each is
// answered or cut off, none by an error of the node's own, and nothing stays behind.
func TestHostileRequests(t *testing.T) {
	h := start(t, nil)
	e, other := h.encode(5000), h.encode(7000)
	id := e.ID()
	h.expect(200, "PUT", api.BlobPath(id, ""), h.bundle(e, h.mine(id)...))
	foreign := h.bundle(other, h.committee.Pairs(other.ID(), 1)...)
	pair := h.mine(id)[0]
	endpoints := []struct{ method, path string }{
		{"GET", api.HealthPath}, {"GET", api.BlobsPath}, {"POST", api.SymbolsPath}, {"PUT", ""}, {"GET", api.StatusPath},
		{"GET", api.MetadataPath}, {"PUT", api.MetadataPath}, {"GET", api.SliversPath + fmt.Sprint("?primary=", pair)},
		{"GET", fmt.Sprintf("%s/%d/primary", api.SliversPath, pair)}, {"PUT", fmt.Sprintf("%s/%d/primary", api.SliversPath, pair)},
		{"GET", api.ConfirmationPath}, {"GET", api.CertificatePath}, {"PUT", api.CertificatePath},
		{"GET", api.RecoveryPath + "?axis=primary&target=1"}, {"GET", api.DecodingPath + "?axis=secondary&target=1"},
		{"GET", api.ProofPath}, {"PUT", api.ProofPath}, {"GET", api.InvalidBlobCertificatePath}, {"PUT", api.InvalidBlobCertificatePath},
		{"DELETE", ""}, {"GET", "/nothing"},
	}
	t.Run("all", func(t *testing.T) {
		for _, way := range []struct {
			name string
			send func(method, path string) string
			drip bool
		}{
			{"silent", func(m, p string) string { return far(m, p, "1000") }, false},
			{"dripping", func(m, p string) string { return far(m, p, "100000") + "\x01" }, true},
			{"far", func(m, p string) string { return far(m, p, "1000000000000") }, false},
			{"farthest", func(m, p string) string { return far(m, p, "9223372036854775807") + "x" }, false},
			{"beyond", func(m, p string) string { return far(m, p, "9223372036854775808") }, false},
			{"negative", func(m, p string) string { return far(m, p, "-1") }, false},
			{"two lengths", func(m, p string) string { return far(m, p, "3", "Content-Length: 4\r\n") + "abcd" }, false},
			{"expecting", func(m, p string) string { return far(m, p, "100000", "Expect: 100-continue\r\n") }, false},
			{"chunked", func(m, p string) string {
				return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx", m, p)
			}, false},
			{"malformed", func(m, p string) string { return far(m, p, "8") + "nonsense" }, false},
			{"foreign", func(m, p string) string { return far(m, p, fmt.Sprint(len(foreign))) + string(foreign) }, false},
			{"repeated", func(m, p string) string {
				return far(m, p, "8") + "nonsense" + far(m, p, "8") + "nonsense" + far(m, p, "8")
			}, false},
			{"half a header", func(m, p string) string { return m + " " + p + " HTTP/1.1\r\nX-Slow: " }, true},
			{"long header", func(m, p string) string {
				return m + " " + p + " HTTP/1.1\r\nHost: x\r\nX-Long: " + string(bytes.Repeat([]byte{'x'}, 1<<17)) + "\r\n\r\n"
			}, false},
		} {
			for _, at := range endpoints {
				t.Run(way.name+" "+at.method+" "+at.path, func(t *testing.T) {
					t.Parallel()
					path := at.path
					if path != api.HealthPath && path != api.BlobsPath && path != api.SymbolsPath {
						path = api.BlobPath(id, path)
					}
					hostile(t, h.address, way.send(at.method, path), way.drip)
				})
			}
		}
	})
	deadline := time.Now().Add(patience)
	for h.gauge("redstuff_requests_in_flight") != 0 || h.gauge("redstuff_body_bytes") != 0 {
		if time.Now().After(deadline) {
			t.Fatal("requests or their memory stay behind")
		}
	}
	h.expect(200, "GET", api.BlobPath(id, api.ConfirmationPath), nil)
}

// hostile sends a request and waits until the server has ended the connection. If it is to
// drip, it goes on sending a byte now and then.
func hostile(t *testing.T, address, request string, drip bool) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.WriteString(conn, request) // the server may have enough before the end
		if !drip {
			_ = conn.(*net.TCPConn).CloseWrite()
			return
		}
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := conn.Write([]byte{'x'}); err != nil {
				return
			}
		}
	}()
	r := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(r, nil)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("neither answered nor cut off")
		}
		if err != nil {
			return // the end
		}
		if resp.StatusCode == http.StatusInternalServerError {
			answer, _ := io.ReadAll(resp.Body)
			t.Errorf("%s: %s", resp.Status, answer)
		}
		if _, err := io.Copy(io.Discard, resp.Body); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("the answer does not end")
		}
		resp.Body.Close()
	}
}

// TestQuota has a writer put blobs without certifying them until it may not, in bodies that
// need not come for that. What is certified counts no more, and what is put again is
// confirmed.
func TestQuota(t *testing.T) {
	h := start(t, func(c *server.Config) { c.PendingQuota = 100_000 })
	var put []*rs2d.Encoding
	full := false
	for range 100 {
		e := h.encode(20_000)
		status, _, answer := h.ask("PUT", api.BlobPath(e.ID(), ""), h.bundle(e, h.mine(e.ID())...))
		if status == 507 {
			for _, word := range []string{"client 127.0.0.1 has ", " bytes of blobs without a certificate", "100000", "24h"} {
				if !bytes.Contains(answer, []byte(word)) {
					t.Errorf("answer %s does not say %q", answer, word)
				}
			}
			full = true
			break
		}
		if status != 200 {
			t.Fatalf("status %d: %s", status, answer)
		}
		put = append(put, e)
	}
	if !full {
		t.Fatal("there is no end")
	}
	if u, err := h.store.Usage("client 127.0.0.1"); err != nil || u.Pending > 100_000 || u.Pending < 50_000 {
		t.Errorf("%+v, %v, want nearly 100000 bytes pending", u, err)
	}
	next := h.encode(20_000)
	id := next.ID()
	body := h.bundle(next, h.mine(id)...)
	h.expect(507, "PUT", api.BlobPath(id, ""), body)
	h.expect(200, "PUT", api.BlobPath(put[0].ID(), ""), h.bundle(put[0], h.mine(put[0].ID())...))
	h.expect(201, "PUT", api.BlobPath(put[0].ID(), api.CertificatePath), h.certify(committee.Stored, put[0].ID()))
	h.expect(200, "PUT", api.BlobPath(id, ""), body)
}

// TestCleanPending removes what nobody certified, and nothing else.
func TestCleanPending(t *testing.T) {
	h := start(t, func(c *server.Config) { c.PendingAge = time.Nanosecond })
	put := func() commit.BlobID {
		e := h.encode(1000)
		h.expect(200, "PUT", api.BlobPath(e.ID(), ""), h.bundle(e, h.mine(e.ID())...))
		return e.ID()
	}
	pending, certified, invalid := put(), put(), put()
	h.expect(201, "PUT", api.BlobPath(certified, api.CertificatePath), h.certify(committee.Stored, certified))
	h.expect(201, "PUT", api.BlobPath(invalid, api.InvalidBlobCertificatePath), h.certify(committee.Inconsistent, invalid))
	if removed, err := h.server.CleanPending(t.Context()); removed != 1 || err != nil {
		t.Fatalf("removed %d, %v, want 1", removed, err)
	}
	h.expect(404, "GET", api.BlobPath(pending, api.MetadataPath), nil)
	if _, err := h.server.Metadata(pending); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("metadata of what was removed: %v, want %v", err, store.ErrNotFound)
	}
	h.expect(200, "GET", api.BlobPath(certified, api.ConfirmationPath), nil)
	h.expect(200, "GET", api.BlobPath(invalid, api.InvalidBlobCertificatePath), nil)
	h.store.set(store.ErrFailed, nil)
	if _, err := h.server.CleanPending(t.Context()); !errors.Is(err, store.ErrFailed) {
		t.Errorf("a store that failed: %v, want %v", err, store.ErrFailed)
	}
}

// TestListPending lists what is pending when that is little, and when it is more than a
// page has: what the node would attest is listed once, in order, and nothing else.
func TestListPending(t *testing.T) {
	for _, test := range []struct{ pending, page int }{{0, 10}, {5, 10}, {20, 7}, {api.MaxList + 50, 300}} {
		t.Run(fmt.Sprint(test.pending, " by ", test.page), func(t *testing.T) {
			h := start(t, nil)
			add := func(i int, whole bool, records ...store.Record) commit.BlobID {
				id := commit.BlobID{byte(7 * i), byte(i >> 8), byte(i)}
				u := store.Update{Writer: "client c", Records: map[store.Record][]byte{store.Metadata: {1}}}
				for _, r := range records {
					u.Records[r] = []byte{1}
				}
				pairs := h.mine(id)
				if !whole {
					pairs = pairs[1:]
				}
				for _, pair := range pairs {
					for _, axis := range []rs2d.Axis{rs2d.Primary, rs2d.Secondary} {
						u.Slivers = append(u.Slivers, store.Sliver{Ref: store.Ref{Axis: axis, Pair: pair}, Data: []byte{1}})
					}
				}
				if err := h.store.Apply(id, u); err != nil {
					t.Fatal(err)
				}
				return id
			}
			var want []commit.BlobID
			for i := range test.pending {
				want = append(want, add(i, true))
			}
			for i := range 10 {
				add(5000+i, false)
				add(6000+i, true, store.Certificate)
				add(7000+i, true, store.InvalidBlobCertificate)
			}
			slices.SortFunc(want, func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
			var got []commit.BlobID
			for query := fmt.Sprint("?state=pending&limit=", test.page); query != ""; {
				var list api.BlobList
				if err := json.Unmarshal(h.expect(200, "GET", api.BlobsPath+query, nil), &list); err != nil {
					t.Fatal(err)
				}
				for _, e := range list.Blobs {
					got = append(got, e.Blob)
				}
				if query = ""; list.More {
					query = fmt.Sprintf("?state=pending&limit=%d&after=%v", test.page, *list.Next)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d blobs listed, want %d; the first are %v, want %v", len(got), len(want), got[:min(3, len(got))], want[:min(3, len(want))])
			}
		})
	}
}

// TestListPendingLeavesWrites: a blob whose write may be under way is not listed as pending.
func TestListPendingLeavesWrites(t *testing.T) {
	h := start(t, func(c *server.Config) { c.WriteTime = time.Minute })
	e := h.encode(100)
	h.expect(200, "PUT", api.BlobPath(e.ID(), ""), h.bundle(e, h.mine(e.ID())...))
	for _, test := range []struct {
		age  time.Duration
		want int
	}{{time.Second, 0}, {2 * time.Minute, 1}, {-time.Hour, 1}} { // the clock was set back, in the end
		h.store.came = time.Now().Add(-test.age)
		var list api.BlobList
		if err := json.Unmarshal(h.expect(200, "GET", api.BlobsPath+"?state=pending", nil), &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Blobs) != test.want {
			t.Errorf("%d blobs listed that came %v ago, want %d", len(list.Blobs), test.age, test.want)
		}
	}
}

// TestNoMember asks a node that has left the committee.
func TestNoMember(t *testing.T) {
	h := start(t, nil)
	view := h.config.View().Epochs
	c := h.config
	c.Metrics = nil
	c.View = func() server.View { return server.ViewOf(view, identity.GenerateKey().Public().NodeID()) }
	s, err := server.New(c)
	if err != nil {
		t.Fatal(err)
	}
	id := h.encode(100).ID()
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{"GET", api.HealthPath, 200}, {"PUT", api.BlobPath(id, ""), 421}, {"GET", api.BlobPath(id, api.ConfirmationPath), 421},
		{"GET", api.BlobsPath, 421}, {"POST", api.SymbolsPath, 421},
	} {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.want {
			t.Errorf("%s %s: status %d, want %d", test.method, test.path, w.Code, test.want)
		}
	}
}

// TestConfigIsChecked leaves out what must be set.
func TestConfigIsChecked(t *testing.T) {
	full := start(t, nil).config
	for _, name := range []string{"View", "Store", "Signer", "Verifier", "Healer", "Code", "Hasher", "Health", "MarkInvalid"} {
		c := full
		c.Metrics = nil
		reflect.ValueOf(&c).Elem().FieldByName(name).SetZero()
		if _, err := server.New(c); err == nil || err.Error() != "server: Config."+name+" must be set" {
			t.Errorf("without %s: %v", name, err)
		}
	}
	c := full
	c.Metrics = nil
	var err error
	if c.Code, err = rs2d.New(shards + 1); err != nil {
		t.Fatal(err)
	}
	if _, err := server.New(c); err == nil {
		t.Error("a code for another number of shards is taken")
	}
	c = full
	c.Metrics, c.HTTP.MaxConns = nil, -1
	if _, err := server.New(c); err == nil {
		t.Error("connections below zero are taken")
	}
}

var _ server.Store = store.Store(nil)
