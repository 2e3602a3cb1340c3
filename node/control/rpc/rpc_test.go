package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// serve starts a ledger and its server. Its clock stands still but for what tests add.
func serve(t *testing.T) (*embedded.Ledger, *Client, *httptest.Server, *atomic.Int64) {
	t.Helper()
	clock := new(atomic.Int64)
	clock.Store(ledgertest.Start)
	l, err := embedded.Open("ledger", ledgertest.Genesis("alice"), embedded.Options{
		FS: vfs.NewMem(), Now: func() time.Time { return time.UnixMilli(clock.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(Handler(chain.Local(l)))
	t.Cleanup(func() {
		server.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, NewClient(server.URL + "/"), server, clock
}

func sign(t *testing.T, l *embedded.Ledger, nonce uint64, a ledger.Action) []byte {
	t.Helper()
	tx, err := ledger.Tx{Chain: l.State().ChainID(), Nonce: nonce, FeePerByte: 100, Action: a}.Sign(ledgertest.Key("alice"))
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestClient(t *testing.T) {
	l, c, _, _ := serve(t)
	ctx := context.Background()
	g, err := c.Genesis(ctx)
	if err != nil || g.ChainID() != l.State().ChainID() {
		t.Fatalf("genesis of another ledger (%v)", err)
	}
	bob := ledgertest.Address(ledgertest.Key("bob"))
	r, err := c.Submit(ctx, sign(t, l, 0, ledger.Transfer{To: bob, Amount: 7}))
	if err != nil || r.Err != nil || r.Height != 1 || r.Fee == 0 {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	if r, err = c.Submit(ctx, sign(t, l, 1, ledger.Transfer{To: bob, Amount: 1 << 63})); err != nil || ledger.RuleOf(r.Err) != ledger.RuleFunds {
		t.Errorf("receipt %+v (%v), want rule %q", r, err, ledger.RuleFunds)
	}
	if _, err := c.Submit(ctx, []byte("rubbish")); ledger.RuleOf(err) != ledger.RuleMalformed {
		t.Errorf("rubbish: %v, want rule %q", err, ledger.RuleMalformed)
	}
	s, err := c.Status(ctx)
	root := l.State().Root()
	if err != nil || s.Height != 2 || s.Epoch != 1 || s.Phase != "done" || s.Members != 1 || !bytes.Equal(s.Root, root[:]) {
		t.Errorf("status %+v (%v)", s, err)
	}
	var account ledger.Account
	at, ok, err := chain.Value(ctx, c, ledger.AccountKey(bob), &account)
	if err != nil || !ok || account.Balance != 7 || at.Root != root || at.Height != 2 {
		t.Errorf("bob's account %+v at %+v, %v (%v)", account, at, ok, err)
	}
	if _, ok, err := chain.Value(ctx, c, ledger.BlobKey(ledger.ObjectID{1}), nil); ok || err != nil {
		t.Errorf("a blob that is not there: %v (%v)", ok, err)
	}
}

// TestEvents: who waits hears of an event when it happens.
func TestEvents(t *testing.T) {
	l, c, _, clock := serve(t)
	ctx := context.Background()
	var group sync.WaitGroup
	group.Go(func() {
		events, next, err := c.Events(ctx, chain.Cursor{}, 10)
		if err != nil || len(events) == 0 || events[0].Event != (ledger.EpochSelected{Epoch: 2}) || next.Height == 0 {
			t.Errorf("events %+v, next %+v (%v)", events, next, err)
		}
	})
	clock.Add(ledgertest.EpochMillis / 2)
	r, err := c.Submit(ctx, sign(t, l, 0, ledger.ReserveSpace{Size: 5, End: 3}))
	if err != nil || r.Err != nil {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	group.Wait()
}

// TestForms: a server that has events and receipts in JSON alone tells a client the same as
// one that has them in BCS.
func TestForms(t *testing.T) {
	l, c, server, _ := serve(t)
	asked := make(map[string]int)
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.Header.Get("Accept")]++
		r.Header.Del("Accept")
		server.Config.Handler.ServeHTTP(w, r)
	}))
	defer old.Close()
	both := []*Client{c, NewClient(old.URL)}
	ctx := t.Context()
	hasher, err := commit.NewHasher(commit.Scheme(l.State().Genesis().Scheme), "")
	if err != nil {
		t.Fatal(err)
	}
	id := hasher.BlobID(int(l.State().Genesis().Shards), 7, commit.Hash{1})
	for i, test := range []struct {
		action ledger.Action
		events int
		rule   ledger.Rule
	}{
		{ledger.ReserveAndRegister{Epochs: 1, ID: id, Root: commit.Hash{1}, Length: 7, Encoding: ledger.EncodingRS2}, 1, ""},
		{ledger.Transfer{Amount: 1 << 63}, 0, ledger.RuleFunds},
	} {
		for j, c := range both {
			nonce := uint64(2*i + j)
			tx := sign(t, l, nonce, test.action)
			r, err := c.Submit(ctx, tx)
			if err != nil || r.Digest != ledger.Digest(tx) || r.Height != nonce+1 || r.Fee == 0 || len(r.Events) != test.events || ledger.RuleOf(r.Err) != test.rule {
				t.Fatalf("receipt %+v (%v), want rule %q and %d events", r, err, test.rule, test.events)
			}
		}
	}
	events, next, err := c.Events(ctx, chain.Cursor{}, 10)
	again, after, err2 := both[1].Events(ctx, chain.Cursor{}, 10)
	if err != nil || err2 != nil || len(events) == 0 || events[0].Tx == nil || next != after || !reflect.DeepEqual(events, again) {
		t.Errorf("events %+v, then %v (%v), and in JSON %+v, then %v (%v)", events, next, err, again, after, err2)
	}
	if len(asked) != 1 || asked[binaryType] != 3 { // two receipts and a list
		t.Errorf("what was accepted: %v, want %s three times", asked, binaryType)
	}
}

// TestEventsEnd: a server answers before the context ends that nothing came.
func TestEventsEnd(t *testing.T) {
	_, c, _, _ := serve(t)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	from := chain.Cursor{Height: 9, Index: 3}
	if events, next, err := c.Events(ctx, from, 10); err != nil || len(events) > 0 || next != from {
		t.Errorf("events of the future: %v, next %v (%v)", events, next, err)
	}
}

// TestList: the state is listed page by page, and all of it.
func TestList(t *testing.T) {
	l, c, _, _ := serve(t)
	ctx := context.Background()
	for nonce := range uint64(5) {
		to := ledgertest.Address(ledgertest.Key(fmt.Sprint("somebody ", nonce)))
		if r, err := c.Submit(ctx, sign(t, l, nonce, ledger.Transfer{To: to, Amount: 7})); err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
	}
	for _, prefix := range []string{"a", "", "zz"} {
		want := 0
		for key := range l.State().Snapshot() {
			if strings.HasPrefix(string(key), prefix) {
				want++
			}
		}
		for limit := 1; limit < 5; limit++ {
			got, after := 0, []byte(nil)
			for more := true; more; {
				page, err := c.List(ctx, []byte(prefix), after, limit)
				if err != nil || len(page.Pairs) > limit || page.Height != 5 {
					t.Fatalf("page %+v (%v)", page, err)
				}
				for _, p := range page.Pairs {
					after = p.Key
					got++
				}
				more = page.More
			}
			if got != want {
				t.Errorf("prefix %q, %d at once: %d keys, want %d", prefix, limit, got, want)
			}
		}
	}
}

func TestBadRequests(t *testing.T) {
	_, _, server, _ := serve(t)
	for _, test := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"no such path", "GET", "/v1/other", "", 404},
		{"wrong method", "GET", TransactionsPath, "", 405},
		{"empty transaction", "POST", TransactionsPath, "", 400},
		{"endless transaction", "POST", TransactionsPath, strings.Repeat("x", ledger.MaxTx+1), 413},
		{"height is no number", "GET", EventsPath + "?height=x", "", 400},
		{"negative index", "GET", EventsPath + "?index=-1", "", 400},
		{"too many events", "GET", EventsPath + "?limit=1001", "", 400},
		{"waits for ever", "GET", EventsPath + "?wait=61", "", 400},
		{"no key", "GET", ProofPath, "", 400},
		{"key that is not hexadecimal", "GET", ProofPath + "?key=xy", "", 400},
		{"key that is too long", "GET", ProofPath + "?key=" + strings.Repeat("00", 257), "", 400},
		{"prefix that is not hexadecimal", "GET", StatePath + "?prefix=0", "", 400},
		{"too many keys", "GET", StatePath + "?limit=1001", "", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			expectStatus(t, test.method, server.URL+test.path, test.body, test.status)
		})
	}
}

// expectStatus sends a request, and expects that it is answered with the status.
func expectStatus(t *testing.T, method, url, body string, want int) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Errorf("status %d, %s (%v); want %d", resp.StatusCode, text, err, want)
	}
}

// TestLyingServer: a client believes nothing that a server cannot prove.
func TestLyingServer(t *testing.T) {
	key := ledger.AccountKey(ledger.Address{1})
	for _, test := range []struct{ name, body string }{
		{"no JSON", "hello"},
		{"no root", `{"height":1,"root":"","proof":"00"}`},
		{"no proof", `{"height":1,"root":"` + strings.Repeat("11", 32) + `","proof":""}`},
		{"proof of another root", `{"height":1,"root":"` + strings.Repeat("11", 32) + `","proof":"0000"}`},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, test.body) }))
		if _, _, err := chain.Value(context.Background(), NewClient(server.URL), key, nil); !errors.Is(err, chain.ErrAnswer) {
			t.Errorf("%s: error %v, want ErrAnswer", test.name, err)
		}
		server.Close()
	}
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	if _, err := NewClient(endless.URL).Status(context.Background()); !errors.Is(err, chain.ErrAnswer) {
		t.Errorf("an endless answer: error %v, want ErrAnswer", err)
	}
}

// TestLyingEvents: events that are repeated, out of order, malformed or lead nowhere are
// no answer.
func TestLyingEvents(t *testing.T) {
	done := hex.EncodeToString(ledger.MarshalEvent(ledger.EpochStarted{Epoch: 2}))
	event := func(height, index int, bcs string) string {
		return fmt.Sprintf(`{"height":%d,"index":%d,"bcs":"%s"}`, height, index, bcs)
	}
	for _, test := range []struct{ name, body string }{
		{"before the cursor", `{"events":[` + event(4, 9, done) + `],"next":{"height":9}}`},
		{"repeated", `{"events":[` + event(6, 0, done) + "," + event(6, 0, done) + `],"next":{"height":9}}`},
		{"backwards", `{"events":[` + event(7, 0, done) + "," + event(6, 0, done) + `],"next":{"height":9}}`},
		{"malformed", `{"events":[` + event(6, 0, "ff") + `],"next":{"height":9}}`},
		{"longer than it is", `{"events":[` + event(6, 0, done+"00") + `],"next":{"height":9}}`},
		{"next is before", `{"events":[` + event(6, 0, done) + `],"next":{"height":6}}`},
		{"next is before the cursor", `{"events":[],"next":{"height":3}}`},
		{"digest", `{"events":[{"height":6,"tx":"00","bcs":"` + done + `"}],"next":{"height":9}}`},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, test.body) }))
		events, next, err := NewClient(server.URL).Events(context.Background(), chain.Cursor{Height: 5}, 10)
		if !errors.Is(err, chain.ErrAnswer) || len(events) > 0 || next != (chain.Cursor{Height: 5}) {
			t.Errorf("%s: %v, next %v, error %v; want ErrAnswer", test.name, events, next, err)
		}
		server.Close()
	}
}

// TestServers: of several servers of a ledger, those that are away, busy or lie are left
// for one that is not.
func TestServers(t *testing.T) {
	l, _, server, _ := serve(t)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	var asked atomic.Int64
	wrong := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	urls := strings.Join([]string{away.URL, wrong(http.StatusOK, "rubbish"), wrong(http.StatusServiceUnavailable, `{"error":"busy"}`), server.URL}, ", ")
	ctx := t.Context()
	for name, question := range map[string]func(*Client) error{
		"genesis": func(c *Client) error { _, err := c.Genesis(ctx); return err },
		"status":  func(c *Client) error { _, err := c.Status(ctx); return err },
		"blob":    func(c *Client) error { _, err := c.Blob(ctx, [32]byte{1}); return err },
		"proof":   func(c *Client) error { _, err := c.Prove(ctx, ledger.SystemKey()); return err },
		"list":    func(c *Client) error { _, err := c.List(ctx, nil, nil, 1); return err },
	} {
		c := NewClient(urls)
		if err := question(c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		before := asked.Load()
		if err := question(c); err != nil || asked.Load() != before {
			t.Errorf("%s: %v, and others than the one that answered are asked", name, err)
		}
	}
	// What may have been done is not done again unasked.
	c, tx := NewClient(urls), sign(t, l, 0, ledger.Transfer{To: ledger.Address{1}, Amount: 1})
	for i := range 3 {
		if _, err := c.Submit(ctx, tx); err == nil || errors.Is(err, chain.ErrBusy) != (i == 2) {
			t.Errorf("server %d: %v, want an error", i, err)
		}
	}
	if r, err := c.Submit(ctx, tx); err != nil || r.Err != nil {
		t.Errorf("receipt %+v (%v)", r, err)
	}
	// A refusal is an answer.
	if _, err := c.Submit(ctx, []byte("rubbish")); ledger.RuleOf(err) != ledger.RuleMalformed {
		t.Errorf("rubbish: %v, want rule %q", err, ledger.RuleMalformed)
	}
	if _, err := c.Status(ctx); err != nil {
		t.Error(err)
	}
	if _, err := NewClient(away.URL + "," + away.URL).Status(ctx); err == nil {
		t.Error("no error, and nobody is there")
	}
}
