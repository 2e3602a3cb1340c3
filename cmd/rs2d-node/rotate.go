package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type rotateCmd struct {
	Ledger string        `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	Wait   time.Duration `placeholder:"TIME" help:"Wait so long until keys can be changed, until the new one is in use and nobody needs the old one, and show how far it is."`
	JSON   bool          `name:"json" help:"Print one JSON object instead of text."`
	Key    string        `arg:"" help:"File of the node's secret, to which the new one is added."`
}

func (c *rotateCmd) Help() string {
	return `Gives the node a new key: for what it signs, for its connections, and for its account, which gets the money, the stake and the say over the node of the old one. It takes effect for others when the next epoch begins. Until then they know the node by the old key, so both are in the file, one a line and the old one first. The node reads the file by itself and need not be restarted; its store and its shards stay.

Keys cannot be changed from the middle of an epoch to its end, when the next committee is selected already: --wait waits for the next epoch.

Given again, rotate goes on where it was interrupted, and removes the old key from the file once nobody knows the node by it: that is when the epoch after the first one with the new key has begun. With --wait it waits for that, too. On a ledger of validators (rs2d-comet), the validator of the node votes with the key in its file that the ledger had when it started: restart it when the new key is in use.

Example: rs2d-node rotate --ledger http://127.0.0.1:7000 --wait 24h node.key

JSON: node (its id on the ledger), account, public_key, tls_key, from_epoch (in which others know the node by them), in_use (now), keys (in the file). The exit code is 1 if the old key is needed yet when --wait is over.`
}

// rotated is what rotate prints.
type rotated struct {
	Node      string         `json:"node"`
	Account   ledger.Address `json:"account"`
	PublicKey string         `json:"public_key"`
	TLSKey    string         `json:"tls_key"`
	FromEpoch uint32         `json:"from_epoch"`
	InUse     bool           `json:"in_use"`
	Keys      int            `json:"keys"`
}

// Run rotates a node's key, or goes on with it.
func (c *rotateCmd) Run(a *cli.App) error {
	l := rpc.NewClient(c.Ledger)
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime+c.Wait)
	defer cancel()
	end := time.Now().Add(c.Wait)
	keys, n, err := openNode(ctx, l, c.Key)
	if err != nil {
		return err
	}
	if _, err := n.governor(c.Key, keys); err != nil {
		return err
	}
	for {
		err := c.begin(ctx, a, l, keys, n, end)
		if err == nil {
			break
		}
		// The committee may be selected between a look and what is done then.
		if ledger.RuleOf(err) != ledger.RulePhase || !time.Now().Before(end) {
			return err
		}
	}
	key := keys.Last()
	r := rotated{
		Node: n.String(), Account: ledger.Address(key.TLSPublic()), PublicKey: key.Public().String(), TLSKey: key.TLSPublic().String(),
	}
	inUse := func(s standing) bool {
		return s.Shards == 0 || s.member.TLSKey == key.TLSPublic() && s.member.PublicKey == key.Public().Bytes()
	}
	done := func(standing) bool { return len(keys.Keys()) == 1 }
	s, err := await(ctx, a, l, n.id, max(0, time.Until(end)), func(s standing) bool {
		if inUse(s) {
			err = errors.Join(err, c.forget(ctx, l, keys, n.id, s))
		}
		return done(s) || err != nil
	})
	if err != nil {
		return err
	}
	r.InUse, r.Keys, r.FromEpoch = inUse(s), len(keys.Keys()), s.Epoch
	if !r.InUse {
		r.FromEpoch = nextSelected(s.Epoch, s.Phase)
		var next ledger.Committee
		if _, ok, err := chain.Value(ctx, l, ledger.CommitteeKey(s.Epoch+1), &next); err == nil && ok && names(&next, n.id, key) {
			r.FromEpoch = s.Epoch + 1
		}
	}
	if err := c.print(a, r); err != nil {
		return err
	}
	if c.Wait > 0 && !done(s) {
		return cli.AsFound(errors.New("the old key is needed yet"))
	}
	return nil
}

// begin tells the ledger of the new key, which it makes if there is none yet, once keys can be
// changed.
func (c *rotateCmd) begin(ctx context.Context, a *cli.App, l chain.Ledger, keys *identity.Keyring, n *registered, end time.Time) error {
	open := func(s standing) bool { return s.Phase != ledger.PhaseSelected.String() }
	if !c.submitted(n, keys) {
		s, err := await(ctx, a, l, n.id, time.Until(end), open)
		if err != nil {
			return err
		}
		if !open(s) {
			return fmt.Errorf("the keys of epoch %d are fixed already: try again when it has begun, or give --wait", s.Epoch+1)
		}
		if len(keys.Keys()) == 1 {
			// The secret is on the disk before anybody knows the key.
			if err := c.write(a.Ctx, append(keys.Keys(), identity.GenerateKey())); err != nil {
				return err
			}
			if err := keys.Reload(); err != nil {
				return err
			}
		}
	}
	return c.submit(ctx, l, keys, n)
}

// names reports whether a committee knows the node by the key.
func names(of *ledger.Committee, id ledger.NodeID, key *identity.Key) bool {
	i := slices.IndexFunc(of.Members, func(m ledger.Member) bool { return m.Node == id })
	return i >= 0 && of.Members[i].TLSKey == key.TLSPublic()
}

// submitted reports whether the ledger knows the newest key already, if there are several, so
// that what is left is open to the end of an epoch.
func (c *rotateCmd) submitted(n *registered, keys *identity.Keyring) bool {
	public := keys.Last().Public().Bytes()
	known := n.Info.PublicKey == public || n.Next != nil && n.Next.PublicKey == public
	return len(keys.Keys()) > 1 && known
}

// submit tells the ledger what it has not been told yet: the node's keys, whose stake and
// money it is, and last who governs the node, which can pay then.
func (c *rotateCmd) submit(ctx context.Context, l chain.Ledger, keys *identity.Keyring, n *registered) error {
	key := keys.Last()
	governor, err := n.governor(c.Key, keys)
	if err != nil {
		return err
	}
	self := account.New(l, governor.Account())
	to := ledger.Address(key.TLSPublic())
	do := func(what string, needed bool, action ledger.Action) {
		if err != nil || !needed {
			return
		}
		if _, e := self.Do(ctx, action); e != nil {
			err = fmt.Errorf("%s: %w", what, e)
		}
	}
	do("the public key", !c.submitted(n, keys) && n.Info.PublicKey != key.Public().Bytes(), ledger.SetNextKey{Node: n.id, PublicKey: key.Public().Bytes(), Possession: key.Prove()})
	do("the TLS key", n.Info.TLSKey != key.TLSPublic(), ledger.UpdateNode{
		Node: n.id, Name: n.Info.Name, Address: n.Info.Address, TLSKey: key.TLSPublic(), TLSProof: ledger.ProveTLSKey(key.Account(), n.Owner),
	})
	if err != nil {
		return err
	}
	stakes, err := stakesWith(ctx, l, keys, n.id)
	if err != nil {
		return err
	}
	for _, s := range stakes {
		if s.key != key {
			if _, err := account.New(l, s.key.Account()).Do(ctx, ledger.TransferStake{Stake: s.id, To: to}); err != nil {
				return fmt.Errorf("the stake: %w", err)
			}
		}
	}
	for _, old := range keys.Keys() {
		if old == key {
			continue
		}
		if err := moveMoney(ctx, l, account.New(l, old.Account()), to); err != nil {
			return fmt.Errorf("the money: %w", err)
		}
	}
	do("the node's account", n.Owner != to, ledger.TransferNode{Node: n.id, To: to})
	return err
}

// moveMoney transfers what an account has but for what a few transactions cost, which the
// transfer itself is one of.
func moveMoney(ctx context.Context, l chain.Ledger, from *account.Account, to ledger.Address) error {
	const bytes, transactions = 400, 10
	status, err := l.Status(ctx)
	if err != nil {
		return err
	}
	state, err := from.State(ctx)
	if keep := status.FeePerByte * bytes * transactions; err == nil && state.Balance > 2*keep {
		_, err = from.Do(ctx, ledger.Transfer{To: to, Amount: state.Balance - keep})
	}
	return err
}

// forget removes keys from the file by which nobody knows the node any more: those of
// committees that may be asked for something, or whose checkpoint waits for signatures.
func (c *rotateCmd) forget(ctx context.Context, l chain.Ledger, keys *identity.Keyring, id ledger.NodeID, s standing) error {
	if s.Settled != s.Epoch {
		return nil
	}
	needed := []*identity.Key{keys.Last()}
	for _, epoch := range []uint32{s.Epoch - min(s.Epoch, 1), s.Epoch} {
		var of ledger.Committee
		_, ok, err := chain.Value(ctx, l, ledger.CommitteeKey(epoch), &of)
		if err != nil {
			return err
		}
		for _, key := range keys.Keys() {
			if ok && names(&of, id, key) {
				needed = append(needed, key)
			}
		}
	}
	var left []*identity.Key
	for _, key := range keys.Keys() {
		if slices.Contains(needed, key) {
			left = append(left, key)
		}
	}
	if len(left) == len(keys.Keys()) {
		return nil
	}
	if err := c.write(ctx, left); err != nil {
		return err
	}
	return keys.Reload()
}

// write replaces the file by one with these keys.
func (c *rotateCmd) write(ctx context.Context, keys []*identity.Key) error {
	var text bytes.Buffer
	for _, key := range keys {
		text.Write(append(key.Reveal(), '\n'))
	}
	return atomicfile.WriteSecret(ctx, c.Key, text.Bytes())
}

func (c *rotateCmd) print(a *cli.App, r rotated) error {
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	state := fmt.Sprintf("others know it by this one from epoch %d on", r.FromEpoch)
	switch {
	case r.Keys == 1:
		state = "nobody needs an old one any more"
	case r.InUse:
		state = "it is in use, and the old one is needed until the next epoch"
	}
	_, err := fmt.Fprintf(a.Stdout, "node %s has the key %s of account %v; %s\n", r.Node, r.PublicKey, r.Account, state)
	return err
}
