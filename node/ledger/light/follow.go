package light

import (
	"context"
	"fmt"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// follower follows the handovers that one source has.
type follower struct {
	*Client
	ctx    context.Context
	source Source
}

func (c *Client) follower(ctx context.Context, s Source) follower { return follower{c, ctx, s} }

// reach follows handovers until the committee of the epoch is known.
func (f follower) reach(epoch uint32) error {
	for f.trusted.Epoch() < epoch {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		at := f.trusted.Epoch()
		all, err := f.source.Handovers(f.ctx, at)
		switch {
		case err != nil:
			return fmt.Errorf("%w: %w", ErrSource, err)
		case len(all) == 0:
			return fmt.Errorf("%w: nothing leads from epoch %d to %d", ErrEpoch, at, at+1)
		case len(all) > MaxHandovers:
			return fmt.Errorf("%w: %d handovers, and a message has at most %d", ErrMessage, len(all), MaxHandovers)
		}
		for i := range all {
			if f.trusted.Epoch() == epoch {
				break
			}
			if err := f.step(&all[i]); err != nil {
				return err
			}
			f.options.Progress(f.trusted.Epoch(), epoch)
		}
	}
	return nil
}

// step follows one handover. Who comes next is looked at only when it is what the
// committee has signed.
func (f follower) step(h *Handover) error {
	epoch := f.trusted.Epoch()
	switch {
	case h.Chain != f.trusted.Chain:
		return fmt.Errorf("%w: %v, not %v", ErrChain, h.Chain, f.trusted.Chain)
	case h.Epoch != epoch:
		return fmt.Errorf("%w: %d, and %d comes next", ErrEpoch, h.Epoch, epoch)
	case h.Next == ledger.CommitteeDigest{}:
		return fmt.Errorf("%w: after epoch %d", ErrHandover, epoch)
	}
	of, err := f.committee(f.ctx, f.source, epoch)
	if err != nil {
		return err
	}
	if err := verify(of, &h.Certified); err != nil {
		return err
	}
	next := &f.trusted.Members
	if h.Committee != nil {
		next = h.Committee
	}
	made, err := f.make(next, epoch+1, h.Next, of)
	if err != nil {
		return err
	}
	f.remember(epoch+1, made)
	f.trusted.Members = *next
	f.trusted.Digests = append(f.trusted.Digests, h.Next)
	return nil
}

// maxCommittees bounds the committees that a client remembers.
const maxCommittees = 16

// remember keeps a committee, in place of another one if there are many.
func (c *Client) remember(epoch uint32, of *committee.Committee) {
	for other := range c.known {
		if len(c.known) < maxCommittees {
			break
		}
		if other+1 != epoch { // the one before is in use
			delete(c.known, other)
		}
	}
	c.known[epoch] = of
}

// make returns the committee of an epoch, if its digest is the given one. With another
// committee it verifies the proofs of new members alone.
func (c *Client) make(of *ledger.Committee, epoch uint32, digest ledger.CommitteeDigest, other *committee.Committee) (made *committee.Committee, err error) {
	if most := int(c.genesis.Shards); len(of.Members) > most {
		return nil, fmt.Errorf("%w: %d members of epoch %d, and %d shards to own", ErrCommittee, len(of.Members), epoch, most)
	}
	if got := of.Digest(); got != digest {
		return nil, fmt.Errorf("%w: the members of epoch %d have the digest %v, and %v is signed", ErrCommittee, epoch, got, digest)
	}
	if other != nil {
		made, err = of.Succeed(other, epoch)
	} else {
		made, err = of.Committee(&c.genesis, epoch)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCommittee, err)
	}
	return made, nil
}

// committee returns the committee of an epoch whose digest is known.
func (c *Client) committee(ctx context.Context, s Source, epoch uint32) (*committee.Committee, error) {
	if of := c.known[epoch]; of != nil {
		return of, nil
	}
	if epoch == 0 || epoch > c.trusted.Epoch() {
		return nil, fmt.Errorf("%w: %d, and 1 to %d are known", ErrEpoch, epoch, c.trusted.Epoch())
	}
	members := &c.trusted.Members
	if epoch < c.trusted.Epoch() {
		var err error
		if members, err = s.Committee(ctx, epoch); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSource, err)
		}
		if members == nil {
			return nil, fmt.Errorf("%w: no committee of epoch %d", ErrSource, epoch)
		}
	}
	made, err := c.make(members, epoch, c.trusted.Digests[epoch-1], c.known[c.trusted.Epoch()])
	if err != nil {
		return nil, err
	}
	c.remember(epoch, made)
	return made, nil
}
