package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// answering is a server that always answers the same.
type answering struct {
	status int
	kind   string
	body   string
}

// RoundTrip is http.RoundTripper's.
func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Status: http.StatusText(a.status), Header: http.Header{"Content-Type": {a.kind}}, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// FuzzAnswers: whatever a server answers to whatever question, a client takes it for an
// answer or gives an error of a kind that is known; and what it takes is in order, and what
// was asked for.
func FuzzAnswers(f *testing.F) {
	event := ledger.MarshalEvent(ledger.EpochStarted{Epoch: 2})
	for _, seed := range []any{
		Receipt{Digest: make([]byte, 32), Height: 1, Rule: "nonce"},
		EventList{Events: []Event{{Height: 6, Kind: "EpochStarted", BCS: event}}, Next: chain.Cursor{Height: 7}},
		Proof{Root: make([]byte, 32), Proof: []byte{0}},
		Page{Pairs: []Pair{{Key: []byte("b1"), Value: []byte("x")}}},
		Blob{Registrations: []Registration{{Object: make([]byte, 32)}}},
		failure{Error: "no", Rule: "fee"},
	} {
		text, err := json.Marshal(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint16(0), false, string(text))
		f.Add(uint16(303), false, string(text))
	}
	for _, seed := range []any{
		binaryReceipt{Digest: ledger.Digest([]byte("tx")), Height: 1, Events: [][]byte{event}},
		binaryReceipt{Digest: ledger.Digest([]byte("tx")), Height: 1, Rule: "nonce"},
		binaryEvents{Events: []binaryEvent{{At: chain.Cursor{Height: 6}, Tx: new(ledger.TxDigest), Event: event}}, Next: chain.Cursor{Height: 7}},
		binaryEvents{Events: []binaryEvent{{At: chain.Cursor{Height: 6}, Event: event}}, Next: chain.Cursor{Height: 6}},
	} {
		f.Add(uint16(0), true, string(codec.Marshal(seed)))
	}
	ctx := context.Background()
	known := func(err error) bool {
		return ledger.RuleOf(err) != "" || errors.Is(err, chain.ErrAnswer) || errors.Is(err, chain.ErrBusy) || errors.Is(err, chain.ErrNoQuorum) || errors.Is(err, errRefused) ||
			strings.HasPrefix(err.Error(), "rpc: ")
	}
	f.Fuzz(func(t *testing.T, status uint16, binary bool, body string) {
		kind := "application/json"
		if binary {
			kind = binaryType
		}
		s := newServer("http://ledger", &http.Client{Transport: answering{200 + int(status%400), kind, body}})
		check := func(what string, err error) bool {
			t.Helper()
			if err != nil && !known(err) {
				t.Fatalf("%s: an error of no kind: %v", what, err)
			}
			return err == nil
		}
		_, err := s.Genesis(ctx)
		check("genesis", err)
		_, err = s.Status(ctx)
		check("status", err)
		if r, err := s.Submit(ctx, []byte("tx")); check("submit", err) && r.Digest != ledger.Digest([]byte("tx")) {
			t.Fatalf("a receipt of %x", r.Digest)
		}
		from := chain.Cursor{Height: 5}
		if events, next, err := s.Events(ctx, from, 10); check("events", err) {
			for _, e := range events {
				if e.Cursor.Before(from) {
					t.Fatalf("event %v before %v", e.Cursor, from)
				}
				from = e.Next()
			}
			if next.Before(from) {
				t.Fatalf("the place %v behind events is before %v", next, from)
			}
		}
		if b, err := s.Blob(ctx, commit.BlobID{1}); check("blob", err) && (b.ID != commit.BlobID{1} || len(b.Registrations) > chain.MaxRegistrations) {
			t.Fatalf("blob %v with %d registrations", b.ID, len(b.Registrations))
		}
		_, err = s.Prove(ctx, []byte("key"))
		check("proof", err)
		if p, err := s.List(ctx, []byte("b"), []byte("b0"), 10); check("state", err) {
			after := "b0"
			for _, pair := range p.Pairs {
				if !strings.HasPrefix(string(pair.Key), "b") || string(pair.Key) <= after {
					t.Fatalf("key %q after %q", pair.Key, after)
				}
				after = string(pair.Key)
			}
		}
	})
}
