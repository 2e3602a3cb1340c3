package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// registered is a node as the ledger has it.
type registered struct {
	id ledger.NodeID
	ledger.Node
}

// String is for people.
func (r *registered) String() string { return ledger.ObjectID(r.id).String() }

// nodeOf finds the node on the ledger that has one of the keys, or will have it from the next
// epoch on; nil if there is none.
func nodeOf(ctx context.Context, l chain.Ledger, keys *identity.Keyring) (found *registered, err error) {
	prefix := ledger.NodeKey(ledger.NodeID{})[:1]
	err = chain.ListAll(ctx, l, prefix, func(p chain.Pair) error {
		var n ledger.Node
		if err := ledger.Read(p.Value, &n); err != nil {
			return err
		}
		if len(p.Key) != len(prefix)+len(ledger.NodeID{}) {
			return nil
		}
		for _, key := range keys.Keys() {
			public := key.Public().Bytes()
			if n.Info.TLSKey == key.TLSPublic() || n.Info.PublicKey == public || n.Next != nil && n.Next.PublicKey == public {
				found = &registered{ledger.NodeID(p.Key[len(prefix):]), n}
			}
		}
		return nil
	})
	return found, err
}

// openNode reads a node's key file, and finds the node on the ledger, which must have it.
func openNode(ctx context.Context, l chain.Ledger, file string) (*identity.Keyring, *registered, error) {
	keys, err := identity.LoadKeyring(file)
	if err != nil {
		return nil, nil, err
	}
	r, err := nodeOf(ctx, l, keys)
	if err == nil && r == nil {
		err = fmt.Errorf("%s is the key of no node on the ledger: register it with rs2d-node join", file)
	}
	return keys, r, err
}

// governor returns the key whose account governs the node.
func (r *registered) governor(file string, keys *identity.Keyring) (*identity.Key, error) {
	if key, ok := keys.OfTLS(committee.TLSKey(r.Owner)); ok {
		return key, nil
	}
	return nil, fmt.Errorf("the node is governed by the account %v, whose secret is not in %s", r.Owner, file)
}

// openGoverned finds the node of a key file, and the account that governs it, whose key is in it.
func openGoverned(ctx context.Context, l chain.Ledger, file string) (*identity.Keyring, *registered, *account.Account, error) {
	keys, n, err := openNode(ctx, l, file)
	if err != nil {
		return nil, nil, nil, err
	}
	key, err := n.governor(file, keys)
	if err != nil {
		return nil, nil, nil, err
	}
	return keys, n, account.New(l, key.Account()), nil
}

// standing is what a node is in an epoch.
type standing struct {
	Epoch   uint32
	Settled uint32 // the last epoch that is
	Phase   string
	Shards  int  // that the node owns
	Synced  bool // it has said that it has them
	Others  bool // all other members have said so
	member  ledger.Member
}

// standingOf looks at the ledger.
func standingOf(ctx context.Context, l chain.Ledger, id ledger.NodeID) (s standing, err error) {
	status, err := l.Status(ctx)
	if err != nil {
		return s, err
	}
	s = standing{Epoch: status.Epoch, Settled: status.Settled, Phase: status.Phase, Others: true}
	var now ledger.Committee
	if _, ok, err := chain.Value(ctx, l, ledger.CommitteeKey(status.Epoch), &now); err != nil || !ok {
		return s, errors.Join(err, errors.New("the ledger has no committee"))
	}
	for _, m := range now.Members {
		_, reported, err := chain.Value(ctx, l, ledger.SyncedKey(status.Epoch, m.Node), nil)
		if err != nil {
			return s, err
		}
		if m.Node == id {
			s.Shards, s.Synced, s.member = len(m.Shards), reported, m
		} else if !reported {
			s.Others = false
		}
	}
	return s, nil
}

// String is the standing for people.
func (s standing) String() string {
	state := fmt.Sprintf("epoch %d, %s: the node owns %d shards", s.Epoch, s.Phase, s.Shards)
	switch {
	case s.Shards > 0 && s.Synced:
		state += " and has them"
	case s.Shards > 0:
		state += " and fetches what it lacks"
	case s.Settled == s.Epoch && s.Others:
		state += ", and all others have theirs"
	}
	return state
}

// lookEvery is the time between two looks at the ledger.
const lookEvery = 500 * time.Millisecond

// await looks at the ledger until the node stands as wanted, or the time is over, and shows
// each change. It returns the last standing.
func await(ctx context.Context, a *cli.App, l chain.Ledger, id ledger.NodeID, most time.Duration, wanted func(standing) bool) (standing, error) {
	shown := ""
	for end := time.Now().Add(most); ; {
		s, err := standingOf(ctx, l, id)
		if err != nil {
			return s, err
		}
		if now := s.String(); most > 0 && now != shown && a.Stderr != nil {
			shown = now
			fmt.Fprintln(a.Stderr, now)
		}
		if wanted(s) || !time.Now().Before(end) {
			return s, nil
		}
		if err := pause.For(ctx, min(lookEvery, time.Until(end))); err != nil {
			return s, err
		}
	}
}
