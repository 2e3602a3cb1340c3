package embedded

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"

	"github.com/redstuff-go/redstuff/node/ledger"
)

// Beside a snapshot there are the states that light clients need proofs of, as differences
// from it: a checkpoint may be certified long before the snapshot, and no block brings
// its state back.

// Values of differences begin with one of these.
const (
	wasGone  = 0 // and end with it
	wasThere = 1
)

// setEarlier writes what makes earlier states of a snapshot's.
func setEarlier(s *ledger.State, earlier []*ledger.State, set func(key, value []byte) error) error {
	for _, e := range earlier {
		if e.System().Height >= s.System().Height {
			continue
		}
		prefix := binary.BigEndian.AppendUint64(height(kindEarlier, s.System().Height), e.System().Height)
		for key, value := range e.Diff(s) {
			was := []byte{wasGone}
			if value != nil {
				was = append([]byte{wasThere}, value...)
			}
			if err := set(append(prefix[:len(prefix):len(prefix)], key...), was); err != nil {
				return err
			}
		}
	}
	return nil
}

// loadEarlier returns the earlier states that were written with the snapshot of a height, the
// oldest first. The error wraps ErrLog if they are damaged, or is the disk's.
func loadEarlier(l *log, s *ledger.State, at uint64) (all []*ledger.State, err error) {
	first := height(kindEarlier, at)
	it, err := l.db.NewIter(&pebble.IterOptions{LowerBound: first, UpperBound: height(kindEarlier, at+1)})
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	defer func() {
		if e := it.Close(); e != nil {
			err = errors.Join(err, fmt.Errorf("embedded: %w", e))
		}
	}()
	prefixed := len(first) + 8
	for ok := it.First(); ok; {
		if len(it.Key()) < prefixed {
			return nil, fmt.Errorf("%w: a key of %d bytes", ErrLog, len(it.Key()))
		}
		prefix := append([]byte(nil), it.Key()[:prefixed]...)
		e, err := s.Patch(differences(it, prefix, &ok))
		h := binary.BigEndian.Uint64(prefix[len(first):])
		if err == nil && e.System().Height != h {
			err = fmt.Errorf("it is that of height %d", e.System().Height)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: the state of height %d: %w", ErrLog, h, err)
		}
		all = append(all, e)
	}
	return all, it.Error()
}

// differences yields those with a prefix, and moves the iterator behind them.
func differences(it *pebble.Iterator, prefix []byte, ok *bool) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		for ; *ok && len(it.Key()) >= len(prefix) && string(it.Key()[:len(prefix)]) == string(prefix); *ok = it.Next() {
			var value []byte
			if v := it.Value(); len(v) > 0 && v[0] == wasThere {
				value = v[1:]
			}
			if !yield(it.Key()[len(prefix):], value) {
				*ok = false
				return
			}
		}
	}
}
