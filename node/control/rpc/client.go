package rpc

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// ErrAnswer is returned when the ledger's server answers what nobody asked for.
var ErrAnswer = errors.New("rpc: wrong answer")

// maxAnswer bounds answers: MaxEvents events of the longest kind, spelt out twice.
const maxAnswer = 16 << 20

// Client asks a ledger over HTTP. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// NewClient returns a client of the ledger at a URL such as http://127.0.0.1:7000. It
// does not connect. Requests end with their contexts, and after 90 s in any case.
func NewClient(base string) *Client {
	return &Client{strings.TrimRight(base, "/"), &http.Client{Timeout: 90 * time.Second}}
}

// do makes a request, and returns the answer's body.
func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("rpc: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("rpc: %w", err)
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrAnswer, maxAnswer)
	case resp.StatusCode == http.StatusOK:
		return data, nil
	}
	var f failure
	if json.Unmarshal(data, &f) != nil || f.Error == "" {
		return nil, fmt.Errorf("%w: %s", ErrAnswer, resp.Status)
	}
	if f.Rule != "" {
		return nil, &ledger.RuleError{Rule: ledger.Rule(f.Rule), Detail: f.Error}
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		return nil, fmt.Errorf("%w: %s", embedded.ErrBusy, f.Error)
	}
	return nil, fmt.Errorf("rpc: %s: %s", resp.Status, f.Error)
}

func (c *Client) json(ctx context.Context, method, path string, body []byte, v any) error {
	data, err := c.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return nil
}

// Genesis asks how the ledger begins. Whoever knows the ledger's id compares it with
// that of the answer.
func (c *Client) Genesis(ctx context.Context) (g ledger.Genesis, err error) {
	data, err := c.do(ctx, http.MethodGet, GenesisPath, nil)
	if err != nil {
		return g, err
	}
	if err := codec.Unmarshal(data, &g); err != nil {
		return g, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return g, nil
}

// Status asks how the ledger is now.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	err = c.json(ctx, http.MethodGet, StatusPath, nil, &s)
	return s, err
}

// Submit puts a transaction into a block. A transaction that broke a rule has it in its
// receipt. The error is a *ledger.RuleError if it cannot be in a block at all,
// embedded.ErrBusy, or that of the connection: then it may be in a block all the same.
func (c *Client) Submit(ctx context.Context, tx []byte) (r Receipt, err error) {
	err = c.json(ctx, http.MethodPost, TransactionsPath, tx, &r)
	return r, err
}

// Events asks for events from the cursor on, and waits for some up to the given time,
// a minute at most. It returns the place behind them.
func (c *Client) Events(ctx context.Context, from embedded.Cursor, wait time.Duration) ([]embedded.Event, embedded.Cursor, error) {
	seconds := min(MaxWaitSeconds, int(wait/time.Second))
	path := EventsPath + "?height=" + strconv.FormatUint(from.Height, 10) + "&index=" + strconv.FormatUint(uint64(from.Index), 10) +
		"&wait=" + strconv.Itoa(seconds)
	var list EventList
	if err := c.json(ctx, http.MethodGet, path, nil, &list); err != nil {
		return nil, from, err
	}
	events := make([]embedded.Event, len(list.Events))
	for i, e := range list.Events {
		event, err := ledger.ParseEvent(e.BCS)
		if err != nil {
			return nil, from, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
		events[i] = embedded.Event{Cursor: embedded.Cursor{Height: e.Height, Index: e.Index}, Event: event}
		if len(e.Tx) > 0 {
			digest, err := digestOf(e.Tx)
			if err != nil {
				return nil, from, err
			}
			events[i].Tx = &digest
		}
	}
	return events, list.Next, nil
}

func digestOf(data []byte) (d ledger.TxDigest, err error) {
	if len(data) != len(d) {
		return d, fmt.Errorf("%w: a digest of %d bytes", ErrAnswer, len(data))
	}
	copy(d[:], data)
	return d, nil
}

// Value asks for the value of a key with its proof, and verifies it against the root that
// the answer names; ok is false if the key has none. Whether the root is the ledger's is
// for the caller to know. v may be nil.
func (c *Client) Value(ctx context.Context, key []byte, v any) (at Proof, ok bool, err error) {
	if err := c.json(ctx, http.MethodGet, ProofPath+"?key="+hex.EncodeToString(key), nil, &at); err != nil {
		return at, false, err
	}
	if len(at.Root) != tree.HashSize {
		return at, false, fmt.Errorf("%w: a root of %d bytes", ErrAnswer, len(at.Root))
	}
	var proof tree.Proof
	if err := proof.UnmarshalBinary(at.Proof); err != nil {
		return at, false, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	value, ok, err := proof.Verify(tree.Hash(at.Root), key)
	if err != nil {
		return at, false, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if ok && v != nil {
		if err := ledger.Read(value, v); err != nil {
			return at, false, fmt.Errorf("%w: %w", ErrAnswer, err)
		}
	}
	return at, ok, nil
}
