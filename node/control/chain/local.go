package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Local returns the ledger of a backend in this process.
func Local(b Backend) Ledger { return &local{Backend: b} }

type local struct {
	Backend
	last atomic.Pointer[lastStatus]
}

// lastStatus is the status of the state that was asked about last: all who ask between two
// blocks are told the same.
type lastStatus struct {
	state  *ledger.State
	status Status
}

func (l *local) Genesis(context.Context) (ledger.Genesis, error) { return l.State().Genesis(), nil }

func (l *local) Status(context.Context) (Status, error) {
	s, last := l.State(), l.last.Load()
	if last == nil || last.state != s {
		last = &lastStatus{s, StatusOf(s)}
		l.last.Store(last)
	}
	return last.status, nil
}

func (l *local) Blob(_ context.Context, id commit.BlobID) (Blob, error) {
	return BlobOf(l.State(), id), nil
}

func (l *local) Prove(_ context.Context, key []byte) (Proof, error) {
	s := l.State()
	return Proof{s.System().Height, s.Root(), s.Prove(key)}, nil
}

// maxPage bounds the bytes of a page.
const maxPage = 4 << 20

func (l *local) List(_ context.Context, prefix, after []byte, limit int) (Page, error) {
	s := l.State()
	page := Page{Height: s.System().Height}
	from := prefix
	if bytes.Compare(after, prefix) >= 0 {
		from = append(bytes.Clone(after), 0)
	}
	size := 0
	for key, value := range s.From(from) {
		if !bytes.HasPrefix(key, prefix) {
			break
		}
		size += len(key) + len(value)
		if len(page.Pairs) >= limit || len(page.Pairs) > 0 && size > maxPage {
			page.More = true
			break
		}
		page.Pairs = append(page.Pairs, Pair{key, value})
	}
	return page, nil
}

// ErrAnswer is returned when a ledger's server answers what nobody asked for.
var ErrAnswer = errors.New("wrong answer of the ledger")

// Value asks for the value of a key with its proof, and verifies it against the root
// that the answer names; ok is false if the key has none. Whether the root is the
// ledger's is for the caller to know. v may be nil. The error wraps ErrAnswer if the
// proof does not hold.
func Value(ctx context.Context, l Ledger, key []byte, v any) (at Proof, ok bool, err error) {
	at, err = l.Prove(ctx, key)
	if err != nil {
		return at, false, err
	}
	value, ok, err := at.Proof.Verify(tree.Hash(at.Root), key)
	if err == nil && ok && v != nil {
		err = ledger.Read(value, v)
	}
	if err != nil {
		return at, false, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return at, ok, nil
}
