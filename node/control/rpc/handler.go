package rpc

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/light"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Option is a choice for [Handler].
type Option func(*http.ServeMux)

// Handler returns the API before a ledger. Whoever serves it bounds connections and how
// long they may be silent.
func Handler(l chain.Ledger, options ...Option) http.Handler {
	h := handler{ledger: l}
	mux := http.NewServeMux()
	for _, o := range options {
		o(mux)
	}
	for pattern, f := range map[string]http.HandlerFunc{
		"GET " + GenesisPath: h.genesis, "GET " + StatusPath: h.status, "POST " + TransactionsPath: h.submit, "GET " + EventsPath: h.events,
		"GET " + ProofPath: h.proof, "GET " + StatePath: h.state, "GET " + BlobsPath + "/{id}": h.blob,
	} {
		mux.HandleFunc(pattern, h.inSession(f))
	}
	return mux
}

// Ready returns the API of a ledger that is not always to be asked: while ready returns an
// error, such as chain.ErrBehind, it is the answer to all that is asked but the genesis.
func Ready(ready func() error, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != GenesisPath {
			if err := ready(); err != nil {
				fail(w, err)
				return
			}
		}
		api.ServeHTTP(w, r)
	})
}

type handler struct{ ledger chain.Ledger }

func answer(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		status, data = http.StatusInternalServerError, []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a client that has gone learns nothing
}

// fail answers for an error.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch {
	case ledger.RuleOf(err) != "", errors.Is(err, errQuery):
		status = http.StatusBadRequest
	case errors.Is(err, light.ErrUnknown):
		status = http.StatusNotFound
	case errors.Is(err, chain.ErrBusy), errors.Is(err, chain.ErrBehind):
		// A transaction that is answered so was not taken.
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	case errors.Is(err, chain.ErrNoQuorum), errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	}
	f := failure{Error: err.Error(), Behind: errors.Is(err, chain.ErrBehind)}
	if broken := (*ledger.RuleError)(nil); errors.As(err, &broken) {
		f = failure{Error: broken.Detail, Rule: string(broken.Rule)}
	}
	answer(w, status, f)
}

func (h handler) genesis(w http.ResponseWriter, r *http.Request) {
	g, err := h.ledger.Genesis(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(codec.Marshal(g))
}

func (h handler) status(w http.ResponseWriter, r *http.Request) {
	status, err := h.ledger.Status(r.Context())
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, status)
}

func (h handler) submit(w http.ResponseWriter, r *http.Request) {
	tx, err := io.ReadAll(http.MaxBytesReader(w, r.Body, ledger.MaxTx))
	if err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			answer(w, http.StatusRequestEntityTooLarge, failure{Error: "a transaction has at most " + strconv.Itoa(ledger.MaxTx) + " bytes"})
		}
		return // or the client has gone
	}
	got, err := h.ledger.Submit(r.Context(), tx)
	if err != nil {
		fail(w, err)
		return
	}
	if accepts(r) {
		answerBinary(w, binaryReceiptOf(got))
		return
	}
	receipt, err := receiptOf(got)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, receipt)
}

var errQuery = errors.New("query")

// number reads a parameter of the query, which may be missing.
func number(q url.Values, name string, missing, most uint64) (uint64, error) {
	s := q.Get(name)
	if s == "" {
		return missing, nil
	}
	v, err := strconv.ParseUint(s, 10, 64)
	if err != nil || v > most {
		return 0, errors.Join(errQuery, errors.New(name+" is no number from 0 to "+strconv.FormatUint(most, 10)))
	}
	return v, nil
}

func (h handler) events(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	height, err1 := number(q, "height", 0, 1<<63)
	index, err2 := number(q, "index", 0, 1<<32-1)
	limit, err3 := number(q, "limit", MaxEvents, MaxEvents)
	wait, err4 := number(q, "wait", 0, MaxWaitSeconds)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		fail(w, err)
		return
	}
	// Whoever waits gets the time; no longer than a server lets an answer take.
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(wait)*time.Second)
	defer cancel()
	events, next, err := h.ledger.Events(ctx, chain.Cursor{Height: height, Index: uint32(index)}, int(max(1, limit)))
	if err != nil {
		fail(w, err)
		return
	}
	if accepts(r) {
		answerBinary(w, binaryEventsOf(events, next))
		return
	}
	list := EventList{make([]Event, len(events)), next}
	for i, e := range events {
		if list.Events[i], err = EventOf(e); err != nil {
			fail(w, err)
			return
		}
	}
	answer(w, http.StatusOK, list)
}

func (h handler) proof(w http.ResponseWriter, r *http.Request) {
	key, err := key(r.URL.Query(), "key")
	if err == nil && len(key) == 0 {
		err = errors.Join(errQuery, errors.New("key is missing"))
	}
	if err != nil {
		fail(w, err)
		return
	}
	p, err := h.ledger.Prove(r.Context(), key)
	if err != nil {
		fail(w, err)
		return
	}
	proof, err := p.Proof.MarshalBinary()
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, Proof{p.Height, p.Root[:], proof})
}

func (h handler) blob(w http.ResponseWriter, r *http.Request) {
	id, err := commit.ParseBlobID(r.PathValue("id"))
	if err != nil {
		fail(w, errors.Join(errQuery, err))
		return
	}
	b, err := h.ledger.Blob(r.Context(), id)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, blobOf(b))
}

// key reads a parameter of the query that is a key of the state.
func key(q url.Values, name string) ([]byte, error) {
	key, err := hex.DecodeString(q.Get(name))
	if err != nil || len(key) > tree.MaxKey {
		return nil, errors.Join(errQuery, fmt.Errorf("%s is not up to %d bytes in hexadecimal", name, tree.MaxKey))
	}
	return key, nil
}

func (h handler) state(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	prefix, err1 := key(q, "prefix")
	after, err2 := key(q, "after")
	limit, err3 := number(q, "limit", MaxPairs, MaxPairs)
	if err := errors.Join(err1, err2, err3); err != nil {
		fail(w, err)
		return
	}
	page, err := h.ledger.List(r.Context(), prefix, after, int(max(1, limit)))
	if err != nil {
		fail(w, err)
		return
	}
	list := Page{Height: page.Height, More: page.More, Pairs: make([]Pair, len(page.Pairs))}
	for i, p := range page.Pairs {
		list.Pairs[i] = Pair{p.Key, p.Value}
	}
	answer(w, http.StatusOK, list)
}
