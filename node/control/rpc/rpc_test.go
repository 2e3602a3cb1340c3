package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

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
	server := httptest.NewServer(Handler(l))
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
	if err != nil || r.Rule != "" || r.Height != 1 || r.Fee == 0 {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	if r, err = c.Submit(ctx, sign(t, l, 1, ledger.Transfer{To: bob, Amount: 1 << 63})); err != nil || ledger.Rule(r.Rule) != ledger.RuleFunds {
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
	at, ok, err := c.Value(ctx, ledger.AccountKey(bob), &account)
	if err != nil || !ok || account.Balance != 7 || !bytes.Equal(at.Root, root[:]) || at.Height != 2 {
		t.Errorf("bob's account %+v at %+v, %v (%v)", account, at, ok, err)
	}
	if _, ok, err := c.Value(ctx, ledger.BlobKey(ledger.ObjectID{1}), nil); ok || err != nil {
		t.Errorf("a blob that is not there: %v (%v)", ok, err)
	}
}

// TestEvents: who waits hears of an event when it happens.
func TestEvents(t *testing.T) {
	l, c, _, clock := serve(t)
	ctx := context.Background()
	var group sync.WaitGroup
	group.Go(func() {
		events, next, err := c.Events(ctx, embedded.Cursor{}, time.Minute)
		if err != nil || len(events) != 1 || events[0].Event != (ledger.EpochSelected{Epoch: 2}) || next != (embedded.Cursor{Height: 1, Index: 1}) {
			t.Errorf("events %+v, next %+v (%v)", events, next, err)
		}
	})
	clock.Add(ledgertest.EpochMillis / 2)
	r, err := c.Submit(ctx, sign(t, l, 0, ledger.ReserveSpace{Size: 5, End: 3}))
	if err != nil || r.Rule != "" {
		t.Fatalf("receipt %+v (%v)", r, err)
	}
	group.Wait()
	if events, _, err := c.Events(ctx, embedded.Cursor{Height: 9}, 0); err != nil || len(events) > 0 {
		t.Errorf("events of the future: %v (%v)", events, err)
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
	} {
		t.Run(test.name, func(t *testing.T) {
			req, err := http.NewRequest(test.method, server.URL+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != test.status {
				t.Errorf("status %d, %s (%v); want %d", resp.StatusCode, text, err, test.status)
			}
		})
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
		if _, _, err := NewClient(server.URL).Value(context.Background(), key, nil); !errors.Is(err, ErrAnswer) {
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
	if _, err := NewClient(endless.URL).Status(context.Background()); !errors.Is(err, ErrAnswer) {
		t.Errorf("an endless answer: error %v, want ErrAnswer", err)
	}
}
