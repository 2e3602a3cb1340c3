package client

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/peer"
)

// Step is a part of an operation.
type Step string

// Steps of Store: registration goes on beside the upload, if there is a ledger.
const (
	StepEncode      Step = "encode"      // slivers and commitments are made
	StepRegister    Step = "register"    // a ledger registers the blob
	StepUpload      Step = "upload"      // slivers are sent to the nodes that are waited for
	StepAcknowledge Step = "acknowledge" // from then on until these have stored and attested
	StepCertify     Step = "certify"     // a certificate is made, and a ledger told
)

// Steps of Read.
const (
	StepWithheld Step = "withheld" // members are challenged to prove the blob, and it is read when they have
	StepMetadata Step = "metadata" // it is fetched and verified
	StepSlivers  Step = "slivers"  // as many as it takes are fetched
	StepDecode   Step = "decode"   // the blob is made of slivers, and checked, if some are not its own rows
	StepCheck    Step = "check"    // rows that are the blob are checked, which need no decoding
)

type traceKey struct{}

// WithTrace has f called with the time that each step of the operations of a context took,
// once it has ended: a step that is taken again is there again. f is called by several
// goroutines.
func WithTrace(ctx context.Context, f func(Step, time.Duration)) context.Context {
	return context.WithValue(ctx, traceKey{}, f)
}

// traceOf returns what is called with steps; nil if nobody asks.
func traceOf(ctx context.Context) func(Step, time.Duration) {
	f, _ := ctx.Value(traceKey{}).(func(Step, time.Duration))
	return f
}

// trace notes that a step ends now, which began then.
func trace(ctx context.Context, s Step, began time.Time) { traceFor(ctx, s, time.Since(began)) }

// traceFor notes that a step took so long.
func traceFor(ctx context.Context, s Step, took time.Duration) {
	if f := traceOf(ctx); f != nil {
		f(s, took)
	}
}

// uploads notes when nodes were sent their parts. A nil one notes nothing.
type uploads struct {
	mu   sync.Mutex
	sent map[int]time.Time // by member
}

// newUploads returns one if somebody asks for the steps of a context.
func newUploads(ctx context.Context) *uploads {
	if traceOf(ctx) == nil {
		return nil
	}
	return &uploads{sent: make(map[int]time.Time)}
}

// of returns a context of what is sent to a node.
func (u *uploads) of(ctx context.Context, p *peer.Peer) context.Context {
	if u == nil {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) {
		u.mu.Lock()
		defer u.mu.Unlock()
		u.sent[p.Member()] = time.Now()
	}})
}

// trace tells how long sending took, to those who have answered by now, and how long they
// took to answer.
func (u *uploads) trace(ctx context.Context, began time.Time, answered []bool) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	last := began
	for member, at := range u.sent {
		if answered[member] && at.After(last) {
			last = at
		}
	}
	f := traceOf(ctx)
	f(StepUpload, last.Sub(began))
	f(StepAcknowledge, time.Since(last))
}
