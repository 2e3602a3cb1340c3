package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/codec"
)

// Storage is storage that an account has, and that no blob is on.
type Storage struct {
	Object ledger.ObjectID
	ledger.Storage
}

// errEnough ends a list.
var errEnough = errors.New("account: enough was listed")

// Storages returns the account's storage. The ledger lists everybody's: no more than most of it is
// looked at.
func (a *Account) Storages(ctx context.Context, most int) (own []Storage, err error) {
	prefix := ledger.StorageKey(ledger.ObjectID{})
	prefix = prefix[:len(prefix)-len(ledger.ObjectID{})]
	looked := 0
	err = chain.ListAll(ctx, a.ledger, prefix, func(p chain.Pair) error {
		if len(p.Key) != len(prefix)+len(ledger.ObjectID{}) {
			return fmt.Errorf("%w: a key of %d bytes", chain.ErrAnswer, len(p.Key))
		}
		one := Storage{Object: ledger.ObjectID(p.Key[len(prefix):])}
		if err := codec.Unmarshal(p.Value, &one.Storage); err != nil {
			return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
		}
		if one.Owner == a.Address() {
			own = append(own, one)
		}
		if looked++; looked >= most {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return own, err
}

// Extend has a blob of the account's stored until the epoch end, unless it is, and returns for how
// many epochs the account has paid. Of two who want it at once one pays.
func (a *Account) Extend(ctx context.Context, id commit.BlobID, object ledger.ObjectID, end uint32) (bought uint32, err error) {
	_, err = a.once(ctx, wish{about: &id, next: func(ctx context.Context) (ledger.Action, error) {
		var b ledger.Blob
		_, ok, err := chain.Value(ctx, a.ledger, ledger.BlobKey(object), &b)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, &ledger.RuleError{Rule: ledger.RuleUnknown, Detail: "the blob was deleted meanwhile"}
		case b.Storage.End >= end:
			return nil, nil // an attempt whose answer was lost has done it, or somebody else
		}
		bought = end - b.Storage.End
		return ledger.ExtendBlob{Blob: object, Epochs: bought}, nil
	}})
	if err != nil {
		bought = 0
	}
	return bought, err
}
