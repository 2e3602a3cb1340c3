package account

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// behind is a validator that shows a state of before, and passes transactions on.
type behind struct {
	chain.Backend
	state *ledger.State
}

func (b *behind) State() *ledger.State { return b.state }

// serve serves a validator until the test ends. What fails says so is answered with an
// error.
func (w *world) serve(b chain.Backend, fails func(*http.Request) bool) string {
	h := rpc.Handler(chain.Local(b))
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if fails(r) {
			http.Error(rw, "the machine is going down", http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(rw, r)
	}))
	w.t.Cleanup(s.Close)
	return s.URL
}

// TestBehind: a validator applies a registration, and goes down with its answer. The next
// one tells the account's nonce, and fails; and the third one is behind and knows of no
// registration. The blob is paid for once all the same.
func TestBehind(t *testing.T) {
	w := newWorld(t)
	var lost, gone, failed atomic.Bool
	applies := rpc.Handler(chain.Local(w.backend))
	first := w.serve(w.backend, func(r *http.Request) bool {
		if r.URL.Path == rpc.TransactionsPath && lost.CompareAndSwap(false, true) {
			applies.ServeHTTP(httptest.NewRecorder(), r)
			gone.Store(true)
		}
		return gone.Load()
	})
	second := w.serve(w.backend, func(r *http.Request) bool {
		return strings.HasPrefix(r.URL.Path, rpc.BlobsPath) && failed.CompareAndSwap(false, true)
	})
	third := w.serve(&behind{w.backend, w.backend.State()}, func(*http.Request) bool { return false })
	a := New(rpc.NewClient(strings.Join([]string{first, second, third}, ",")), ledgertest.Key("alice"))
	id, meta := w.blob("a")
	_, err := w.put(a, id, meta, 2, false)
	if !failed.Load() {
		t.Error("the second validator was not asked for the blob")
	}
	w.check(err, id, 2)
}

// TestBehindInEpoch: a certificate is refused because another epoch has begun, and the
// validator that is asked for it does not know yet. Whoever certifies again knows all the
// same.
func TestBehindInEpoch(t *testing.T) {
	w := newWorld(t)
	ours := w.serve(w.backend, func(*http.Request) bool { return false })
	late := w.serve(&behind{w.backend, w.backend.State()}, func(*http.Request) bool { return false })
	views, err := follow.OpenViews(t.Context(), rpc.NewClient(late+","+ours), nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &Registrar{Account: New(rpc.NewClient(ours), ledgertest.Key("alice")), Epochs: 5, Hasher: w.hasher, Refresh: views.Refresh}
	id, meta := w.blob("a")
	var words committee.Attestation
	certify, err := r.Register(t.Context(), id, meta, func(a committee.Attestation) { words = a })
	if err != nil {
		t.Fatal(err)
	}
	old := w.certificate(words)
	w.nextEpoch()
	if err := certify(t.Context(), old); ledger.RuleOf(err) != ledger.RuleEpoch {
		t.Fatalf("the certificate of another epoch: %v, want rule %q", err, ledger.RuleEpoch)
	}
	if now, want := views.View().Current.Epoch(), uint64(w.backend.State().System().Epoch); now != want {
		t.Fatalf("epoch %d is known, want %d", now, want)
	}
	if err := certify(t.Context(), w.certificate(words)); err != nil {
		t.Error(err)
	}
}
