package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// ownerFlags say on which ledger, and as whom, something is done.
type ownerFlags struct {
	jsonFlag
	clusterFlags
	Key string `placeholder:"FILE" env:"REDSTUFF_KEY" help:"Secret of the account; default client.key beside the genesis."`
}

var errNoLedger = errors.New("there is no ledger to ask: --ledger URL is needed, or REDSTUFF_LEDGER in the environment")

// with calls f with the account of the key on the ledger, and says what its error means.
func (c *ownerFlags) with(a *app, f func(context.Context, *account.Account) error) error {
	if c.Ledger == "" {
		return errNoLedger
	}
	key, err := identity.LoadKey(c.keyFile(c.Key))
	if err != nil {
		return err
	}
	return c.onLedger(a, func(ctx context.Context, l chain.Ledger) error { return f(ctx, account.New(l, key.Account())) })
}

// onLedger calls f with the ledger, which is the one of the genesis if that is known.
func (c *clusterFlags) onLedger(a *app, f func(context.Context, chain.Ledger) error) error {
	if c.Ledger == "" {
		return errNoLedger
	}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	l := chain.Ledger(rpc.NewClient(c.Ledger))
	if c.Genesis != "" {
		p, err := c.plane(a)
		if err != nil {
			return c.ledgerError(err)
		}
		l = p.Ledger
	}
	return c.ledgerError(f(ctx, l))
}

// refusals are what some rules mean to whoever breaks them.
var refusals = map[ledger.Rule]string{
	ledger.RuleFunds:     "too little balance: ",
	ledger.RuleOwner:     "not the owner: ",
	ledger.RulePermanent: "the blob is permanent: ",
	ledger.RuleExpired:   "the blob has expired: ",
	ledger.RuleCapacity:  "the nodes have no room: ",
	ledger.RuleFee:       "the fee is too low: ",
}

// ledgerError says what an error of a ledger means. One that the ledger refuses, or that it
// does not answer, has the exit code 1.
func (c *clusterFlags) ledgerError(err error) error {
	var (
		broken  *ledger.RuleError
		request *url.Error
	)
	switch {
	case errors.Is(err, account.ErrOutcome):
		return cli.AsFound(err)
	case errors.As(err, &broken):
		words, ok := refusals[broken.Rule]
		if !ok {
			words = string(broken.Rule) + ": "
		}
		return found("the ledger refuses: %s%s", words, broken.Detail)
	case errors.Is(err, context.Canceled), errors.Is(err, client.ErrUnavailable): // nodes are to blame
		return err
	case errors.As(err, &request):
		return found("the ledger at %s does not answer: %w", c.Ledger, request.Err)
	case errors.Is(err, context.DeadlineExceeded) && c.Ledger == "":
		return found("not done in %v", c.Timeout)
	case errors.Is(err, context.DeadlineExceeded):
		return found("the ledger at %s has not answered in %v", c.Ledger, c.Timeout)
	case errors.Is(err, chain.ErrBusy), errors.Is(err, chain.ErrBehind), errors.Is(err, chain.ErrNoQuorum):
		return cli.AsFound(err)
	}
	return err
}
