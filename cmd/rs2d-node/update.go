package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
)

type updateCmd struct {
	Ledger       string     `required:"" placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is."`
	Name         string     `placeholder:"NAME" help:"Another name."`
	Address      string     `placeholder:"HOST:PORT" help:"Another address by which others reach the node."`
	Capacity     *cli.Bytes `placeholder:"SIZE" help:"Bytes that the node says it can store."`
	StoragePrice *uint64    `placeholder:"PRICE" help:"What it asks for a MiB and epoch."`
	WritePrice   *uint64    `placeholder:"PRICE" help:"What it asks for writing a MiB."`
	Commission   *uint16    `placeholder:"BP" help:"The operator's share of what stake with the node earns, in basis points, up to 10000."`
	JSON         bool       `name:"json" help:"Print one JSON object instead of text."`
	Key          string     `arg:"" help:"The node's secret, as keygen makes it."`
}

func (c *updateCmd) Help() string {
	return `Others learn a new name or address with the committee that is selected next, so that they come to the new address from the beginning of the epoch that is printed on. Until then they come to the old one: let the node listen at both, as in rs2d-node run --listen OLD,NEW. What the node asks and offers counts when prices and capacity are voted for next; a commission from the epoch after the next one on.

Example: rs2d-node update --ledger http://127.0.0.1:7000 --address new.example.org:7100 node.key

JSON: node (its id on the ledger), name, address, from_epoch (in which others come to the address).`
}

// updated is what update prints.
type updated struct {
	Node      string `json:"node"`
	Name      string `json:"name"`
	Address   string `json:"address"`
	FromEpoch uint32 `json:"from_epoch"`
}

// Run changes what the ledger says of a node.
func (c *updateCmd) Run(a *cli.App) error {
	if c.Name == "" && c.Address == "" && c.Capacity == nil && c.StoragePrice == nil && c.WritePrice == nil && c.Commission == nil {
		return errors.New("nothing to change: give --address, --name, --capacity, --storage-price, --write-price or --commission")
	}
	if c.Address != "" {
		if err := committee.CheckAddress(c.Address); err != nil {
			return fmt.Errorf("--address: %w", err)
		}
	}
	if c.Commission != nil && *c.Commission > maxCommission {
		return fmt.Errorf("--commission %d: must be %d at most, which is all", *c.Commission, maxCommission)
	}
	ctx, cancel := context.WithTimeout(a.Ctx, ledgerTime)
	defer cancel()
	l := rpc.NewClient(c.Ledger)
	keys, n, self, err := openGoverned(ctx, l, c.Key)
	if err != nil {
		return err
	}
	var actions []ledger.Action
	info := &n.Info
	if c.Name != "" || c.Address != "" {
		info.Name, info.Address = cmp.Or(c.Name, info.Name), cmp.Or(c.Address, info.Address)
		tls, ok := keys.OfTLS(info.TLSKey)
		if !ok {
			return fmt.Errorf("%s does not have the secret of the node's TLS key %v", c.Key, committee.TLSKey(info.TLSKey))
		}
		actions = append(actions, ledger.UpdateNode{
			Node: n.id, Name: info.Name, Address: info.Address, TLSKey: info.TLSKey, TLSProof: ledger.ProveTLSKey(tls.Account(), n.Owner),
		})
	}
	votes := info.Votes
	if c.Capacity != nil {
		votes.Capacity = uint64(*c.Capacity)
	}
	if c.StoragePrice != nil {
		votes.StoragePrice = *c.StoragePrice
	}
	if c.WritePrice != nil {
		votes.WritePrice = *c.WritePrice
	}
	if votes != info.Votes {
		actions = append(actions, ledger.Vote{Node: n.id, Votes: votes})
	}
	if c.Commission != nil {
		actions = append(actions, ledger.SetCommission{Node: n.id, Rate: *c.Commission})
	}
	for _, action := range actions {
		if _, err := self.Do(ctx, action); err != nil {
			return fmt.Errorf("updating: %w", err)
		}
	}
	status, err := l.Status(ctx)
	if err != nil {
		return err
	}
	u := updated{n.String(), info.Name, info.Address, nextSelected(status.Epoch, status.Phase)}
	if c.JSON {
		return cli.WriteJSON(a.Stdout, u)
	}
	_, err = fmt.Fprintf(a.Stdout, "node %s is %s at %s for others from epoch %d on\n", u.Node, u.Name, u.Address, u.FromEpoch)
	return err
}

// nextSelected returns the epoch whose committee is selected next.
func nextSelected(epoch uint32, phase string) uint32 {
	if phase == ledger.PhaseSelected.String() {
		return epoch + 2
	}
	return epoch + 1
}
