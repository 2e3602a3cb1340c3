package rpc

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
)

var _ chain.Ledger = (*Client)(nil)

// Client asks a ledger over HTTP. It is safe for concurrent use.
type Client struct {
	servers []*server
	turn    atomic.Uint64 // of the server that is asked
}

// NewClient returns a client of the ledger at a URL such as http://127.0.0.1:7000, or at
// several with commas between them. It stays with one server until that fails or answers
// what cannot be, and goes on to the next one then; in a [chain.Session], also when the
// server is behind what the session has seen. It does not connect. Requests end with their
// contexts, and after 90 s in any case.
func NewClient(urls string) *Client {
	c := new(Client)
	shared := newHTTP()
	for base := range strings.SplitSeq(urls, ",") {
		c.servers = append(c.servers, newServer(base, shared))
	}
	return c
}

// connections keeps connections for all clients: as many as ask at once, because to make
// one for each question costs more than the answer. Servers bound those of one address.
var connections = &http.Transport{
	Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 32, IdleConnTimeout: 90 * time.Second,
}

func newHTTP() *http.Client { return &http.Client{Transport: connections, Timeout: requestTime} }

// patience is how long one server of several may take to answer a question.
const patience = 20 * time.Second

// ask asks the server whose turn it is, and each other one until one answers.
func ask[T any](ctx context.Context, c *Client, f func(context.Context, *server) (T, error)) (T, error) {
	return caughtUp(ctx, func() (got T, err error) {
		var behind error
		for range c.servers {
			got, err = askOnce(c, func(s *server) (T, error) {
				limited, cancel := ctx, context.CancelFunc(func() {})
				if len(c.servers) > 1 {
					limited, cancel = context.WithTimeout(ctx, patience)
				}
				defer cancel()
				return f(limited, s)
			})
			if err == nil || isAnswer(err) || ctx.Err() != nil {
				return got, err
			}
			if errors.Is(err, chain.ErrBehind) {
				behind = err
			}
		}
		return got, cmp.Or(behind, err)
	})
}

// Servers that are behind what a session has seen are asked again for a while: what one
// of them has seen comes to the others with the next messages.
const (
	behindTime  = 5 * time.Second
	behindPause = 20 * time.Millisecond
)

// caughtUp calls f, and again while its error is that servers are behind.
func caughtUp[T any](ctx context.Context, f func() (T, error)) (got T, err error) {
	for waited, wait := time.Duration(0), behindPause; ; waited, wait = waited+wait, 2*wait {
		got, err = f()
		if !errors.Is(err, chain.ErrBehind) || waited+wait > behindTime || pause.For(ctx, wait) != nil {
			return got, err
		}
	}
}

// askOnce asks the server whose turn it is. If it fails, it is another one's turn.
func askOnce[T any](c *Client, f func(*server) (T, error)) (T, error) {
	turn := c.turn.Load()
	got, err := f(c.servers[turn%uint64(len(c.servers))])
	if err != nil && !isAnswer(err) {
		c.turn.CompareAndSwap(turn, turn+1)
	}
	return got, err
}

// isAnswer tells whether an error is what any server of the ledger would answer.
func isAnswer(err error) bool { return ledger.RuleOf(err) != "" || errors.Is(err, errRefused) }

// Genesis asks how the ledger begins. Whoever knows the ledger's id compares it with
// that of the answer.
func (c *Client) Genesis(ctx context.Context) (ledger.Genesis, error) {
	return ask(ctx, c, func(ctx context.Context, s *server) (ledger.Genesis, error) { return s.Genesis(ctx) })
}

// Status asks how the ledger is now.
func (c *Client) Status(ctx context.Context) (chain.Status, error) {
	return ask(ctx, c, func(ctx context.Context, s *server) (chain.Status, error) { return s.Status(ctx) })
}

// Submit puts a transaction into a block. A transaction that broke a rule has it in its
// receipt. The error is a *ledger.RuleError if it cannot be in a block at all;
// chain.ErrBusy or chain.ErrBehind if it was not taken; or else chain.ErrNoQuorum or that
// of the connection: then it may be in a block all the same. One server alone takes it;
// whoever submits it again asks the next one.
func (c *Client) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	return caughtUp(ctx, func() (chain.Receipt, error) {
		return askOnce(c, func(s *server) (chain.Receipt, error) { return s.Submit(ctx, tx) })
	})
}

// Events asks for up to limit events from the cursor on. If there are none, the server
// waits for some, for two thirds of the time that the context has, a minute at most, and
// answers with none: one that has not answered when the context ends is as good as gone,
// and that is an error. What comes is in order, and behind the cursor; the place behind
// it all is returned. One server alone is asked; whoever asks again asks the next one. But
// when there were none, the others are asked whether they have some: a server that is cut off
// from the ledger answers, and never knows of any.
func (c *Client) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	next := from
	events, err := askOnce(c, func(s *server) (events []chain.Event, err error) {
		events, next, err = s.Events(ctx, from, limit)
		return events, err
	})
	if err != nil || len(events) > 0 || next != from {
		return events, next, err
	}
	turn := c.turn.Load()
	for i := range uint64(len(c.servers) - 1) {
		more, after, err := c.look(ctx, turn+1+i, from, limit)
		if err == nil && from.Before(after) {
			c.turn.CompareAndSwap(turn, turn+1+i)
			return more, after, nil
		}
	}
	return events, next, nil
}

// lookTime is how long a server may take to say what events it has.
const lookTime = 3 * time.Second

// look asks a server for events that it has.
func (c *Client) look(ctx context.Context, turn uint64, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	return c.servers[turn%uint64(len(c.servers))].events(ctx, from, limit, 0)
}

// Blob asks what the ledger says of a blob id.
func (c *Client) Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error) {
	return ask(ctx, c, func(ctx context.Context, s *server) (chain.Blob, error) { return s.Blob(ctx, id) })
}

// Prove asks for the proof of the value of a key, or of its absence. It is not verified;
// see [chain.Value].
func (c *Client) Prove(ctx context.Context, key []byte) (chain.Proof, error) {
	return ask(ctx, c, func(ctx context.Context, s *server) (chain.Proof, error) { return s.Prove(ctx, key) })
}

// List asks for keys of the state and their values. They are in order, after the key
// after, and have the prefix.
func (c *Client) List(ctx context.Context, prefix, after []byte, limit int) (chain.Page, error) {
	return ask(ctx, c, func(ctx context.Context, s *server) (chain.Page, error) { return s.List(ctx, prefix, after, limit) })
}
