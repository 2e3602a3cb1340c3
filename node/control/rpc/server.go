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

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
	"github.com/redstuff-go/redstuff/node/ledger/light"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// maxAnswer bounds answers: a page of the state, in hexadecimal, is the longest.
const maxAnswer = 16 << 20

var _ chain.Ledger = (*server)(nil)

// server is a ledger's server as a client sees it, see [Client].
type server struct {
	base string
	http *http.Client
}

// requestTime is how long a request takes at most.
const requestTime = 90 * time.Second

func newServer(url string, c *http.Client) *server {
	return &server{strings.TrimRight(strings.TrimSpace(url), "/"), c}
}

// errRefused is wrapped by what a server says that any other one would say, too.
var errRefused = errors.New("rpc")

// do makes a request, and returns the answer's body.
func (s *server) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	data, _, err := s.exchange(ctx, method, path, "", body)
	return data, err
}

// exchange makes a request that accepts an answer of a type, if that is not "", and
// returns the answer's body and its type.
func (s *server) exchange(ctx context.Context, method, path, accept string, body []byte) (data []byte, kind string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, "", fmt.Errorf("rpc: %w", err)
	}
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	session, seen := chain.SessionOf(ctx), uint64(0)
	if session != nil {
		seen = session.Height()
		req.Header.Set(HeightHeader, strconv.FormatUint(seen, 10))
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("rpc: %w", err)
	}
	defer resp.Body.Close()
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("rpc: %w", err)
	case len(data) > maxAnswer:
		return nil, "", fmt.Errorf("%w: more than %d bytes", chain.ErrAnswer, maxAnswer)
	}
	if session != nil {
		height, err := strconv.ParseUint(resp.Header.Get(HeightHeader), 10, 64)
		switch {
		case err == nil && height < seen:
			return nil, "", fmt.Errorf("%w: %s is at height %d, and %d was seen", chain.ErrBehind, s.base, height, seen)
		case err != nil && resp.StatusCode == http.StatusOK:
			return nil, "", fmt.Errorf("%w: no height", chain.ErrAnswer)
		}
		session.Saw(height)
	}
	if resp.StatusCode == http.StatusOK {
		return data, resp.Header.Get("Content-Type"), nil
	}
	var f failure
	if json.Unmarshal(data, &f) != nil || f.Error == "" {
		return nil, "", fmt.Errorf("%w: %s", chain.ErrAnswer, resp.Status)
	}
	if f.Rule != "" {
		return nil, "", &ledger.RuleError{Rule: ledger.Rule(f.Rule), Detail: f.Error}
	}
	switch code := resp.StatusCode; {
	case f.Behind:
		return nil, "", fmt.Errorf("%w: %s: %s", chain.ErrBehind, s.base, f.Error)
	case code == http.StatusServiceUnavailable:
		return nil, "", fmt.Errorf("%w: %s", chain.ErrBusy, f.Error)
	case code == http.StatusGatewayTimeout:
		return nil, "", fmt.Errorf("%w: %s", chain.ErrNoQuorum, f.Error)
	case code == http.StatusNotFound:
		return nil, "", fmt.Errorf("%w: %w: %s", errRefused, light.ErrUnknown, f.Error)
	case code < http.StatusInternalServerError:
		return nil, "", fmt.Errorf("%w: %s: %s", errRefused, resp.Status, f.Error)
	}
	return nil, "", fmt.Errorf("rpc: %s: %s", resp.Status, f.Error)
}

func (s *server) json(ctx context.Context, method, path string, body []byte, v any) error {
	data, err := s.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	return fromJSON(data, v)
}

func fromJSON(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	return nil
}

// binary asks for what there is in BCS, which is read into one thing, and of servers that have
// it in JSON alone into the other.
func (s *server) binary(ctx context.Context, method, path string, body []byte, v, inJSON any) (isBinary bool, err error) {
	data, kind, err := s.exchange(ctx, method, path, binaryType, body)
	if err != nil {
		return false, err
	}
	if kind != binaryType {
		return false, fromJSON(data, inJSON)
	}
	if err := codec.Unmarshal(data, v); err != nil {
		return true, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	return true, nil
}

func (s *server) Genesis(ctx context.Context) (g ledger.Genesis, err error) {
	data, err := s.do(ctx, http.MethodGet, GenesisPath, nil)
	if err != nil {
		return g, err
	}
	if err := codec.Unmarshal(data, &g); err != nil {
		return g, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	return g, nil
}

func (s *server) Status(ctx context.Context) (status chain.Status, err error) {
	err = s.json(ctx, http.MethodGet, StatusPath, nil, &status)
	return status, err
}

func (s *server) Submit(ctx context.Context, tx []byte) (chain.Receipt, error) {
	var (
		r Receipt
		b binaryReceipt
	)
	isBinary, err := s.binary(ctx, http.MethodPost, TransactionsPath, tx, &b, &r)
	if err != nil {
		return chain.Receipt{}, err
	}
	read := r.receipt
	if isBinary {
		read = b.receipt
	}
	got, err := read()
	if err == nil && got.Digest != ledger.Digest(tx) {
		err = fmt.Errorf("%w: the receipt of another transaction", chain.ErrAnswer)
	}
	return got, err
}

func (s *server) Events(ctx context.Context, from chain.Cursor, limit int) ([]chain.Event, chain.Cursor, error) {
	wait := time.Duration(MaxWaitSeconds) * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		wait = min(wait, left-max(left/3, waitMargin))
	}
	return s.events(ctx, from, limit, wait)
}

// events asks for events, for which the server waits so long.
func (s *server) events(ctx context.Context, from chain.Cursor, limit int, wait time.Duration) ([]chain.Event, chain.Cursor, error) {
	path := fmt.Sprintf("%s?height=%d&index=%d&limit=%d&wait=%d",
		EventsPath, from.Height, from.Index, min(max(1, limit), MaxEvents), max(0, wait/time.Second))
	var (
		list EventList
		b    binaryEvents
	)
	isBinary, err := s.binary(ctx, http.MethodGet, path, nil, &b, &list)
	if err != nil {
		return nil, from, err
	}
	read := list.list
	if isBinary {
		read = b.list
	}
	events, next, err := read()
	if err != nil {
		return nil, from, err
	}
	at := from
	for _, e := range events {
		if e.Cursor.Before(at) {
			return nil, from, fmt.Errorf("%w: event %d of block %d does not follow", chain.ErrAnswer, e.Index, e.Height)
		}
		at = e.Next()
	}
	if next.Before(at) {
		return nil, from, fmt.Errorf("%w: the place behind the events is before them", chain.ErrAnswer)
	}
	return events, next, nil
}

// waitMargin is how much earlier than a context a server is to answer at least.
const waitMargin = time.Second

func (s *server) Blob(ctx context.Context, id commit.BlobID) (chain.Blob, error) {
	var answer Blob
	if err := s.json(ctx, http.MethodGet, BlobsPath+"/"+id.String(), nil, &answer); err != nil {
		return chain.Blob{}, err
	}
	return answer.blob(id)
}

func (s *server) Prove(ctx context.Context, key []byte) (p chain.Proof, err error) {
	var answer Proof
	if err := s.json(ctx, http.MethodGet, ProofPath+"?key="+hex.EncodeToString(key), nil, &answer); err != nil {
		return p, err
	}
	if len(answer.Root) != tree.HashSize {
		return p, fmt.Errorf("%w: a root of %d bytes", chain.ErrAnswer, len(answer.Root))
	}
	p = chain.Proof{Height: answer.Height, Root: tree.Hash(answer.Root), Proof: new(tree.Proof)}
	if err := p.Proof.UnmarshalBinary(answer.Proof); err != nil {
		return p, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	return p, nil
}

func (s *server) List(ctx context.Context, prefix, after []byte, limit int) (page chain.Page, err error) {
	path := fmt.Sprintf("%s?prefix=%x&after=%x&limit=%d", StatePath, prefix, after, min(max(1, limit), MaxPairs))
	var answer Page
	if err := s.json(ctx, http.MethodGet, path, nil, &answer); err != nil {
		return page, err
	}
	page = chain.Page{Height: answer.Height, More: answer.More}
	for _, p := range answer.Pairs {
		if !bytes.HasPrefix(p.Key, prefix) || bytes.Compare(p.Key, after) <= 0 {
			return chain.Page{}, fmt.Errorf("%w: the key %x was not asked for", chain.ErrAnswer, []byte(p.Key))
		}
		after = p.Key
		page.Pairs = append(page.Pairs, chain.Pair{Key: p.Key, Value: p.Value})
	}
	if page.More && len(page.Pairs) == 0 {
		return chain.Page{}, fmt.Errorf("%w: no keys, and more to come", chain.ErrAnswer)
	}
	return page, nil
}
