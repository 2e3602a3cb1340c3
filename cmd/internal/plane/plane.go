// Package plane is how the commands come to the control plane of a network: by the file of
// a committee, or by the address of a ledger.
package plane

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

// Flags say which network to speak to. A ledger goes before a committee's file.
type Flags struct {
	Committee string `short:"C" placeholder:"FILE" env:"REDSTUFF_COMMITTEE" help:"File of the committee of nodes, where there is no ledger."`
	Ledger    string `placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is, such as http://127.0.0.1:7000. Of several validators, with commas between them, the next one is asked when one fails."`
	Trusted   string `placeholder:"FILE" env:"REDSTUFF_TRUSTED" help:"With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it. The file keeps what was verified so; it is made if it is not there, and whoever can write there can have anything believed."`
	Genesis   string `placeholder:"FILE" env:"REDSTUFF_GENESIS" help:"How the ledger began. Without it, the ledger is believed to be the right one."`
}

// Plane is a control plane.
type Plane struct {
	Control control.Control
	Views   *follow.Views // of the ledger; nil if there is none
	Ledger  chain.Ledger  // nil if there is none
}

// Where names the control plane for people.
func (f *Flags) Where() string {
	if f.Ledger != "" {
		return f.Ledger
	}
	return f.Committee
}

// Open reads the committee's file, or asks the ledger.
func (f *Flags) Open(ctx context.Context) (*Plane, error) {
	if f.Ledger == "" {
		if f.Committee == "" {
			return nil, errors.New("--committee FILE or --ledger URL is needed, or REDSTUFF_COMMITTEE or REDSTUFF_LEDGER in the environment")
		}
		c, err := fixed.Load(f.Committee)
		if err != nil {
			return nil, err
		}
		return &Plane{Control: c}, nil
	}
	var begin *ledger.Genesis
	if f.Genesis != "" {
		g, err := genesis.Load(f.Genesis)
		if err != nil {
			return nil, err
		}
		begin = &g
	}
	if f.Trusted != "" && begin == nil {
		return nil, errors.New("--trusted needs --genesis, from which trust begins")
	}
	l := rpc.NewClient(f.Ledger)
	views, err := f.views(ctx, l, begin)
	if err != nil {
		return nil, fmt.Errorf("the ledger at %s: %w", f.Ledger, err)
	}
	return &Plane{Control: views, Views: views, Ledger: l}, nil
}

// views asks the ledger for its epochs, and believes it unless it is to be verified.
func (f *Flags) views(ctx context.Context, l chain.Ledger, begin *ledger.Genesis) (*follow.Views, error) {
	if f.Trusted == "" {
		return follow.OpenViews(ctx, l, begin)
	}
	var sources []light.Source
	for url := range strings.SplitSeq(f.Ledger, ",") {
		sources = append(sources, rpc.NewLightSource(url))
	}
	client, err := light.New(*begin, light.Options{Store: light.File(f.Trusted)}, sources...)
	if err != nil {
		return nil, err
	}
	return follow.OpenVerifiedViews(ctx, l, *begin, client)
}
