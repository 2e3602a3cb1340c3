package node

import (
	"context"
	"fmt"
	"time"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/migrate"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// newMigrator returns what gets the node its shards of each epoch of the ledger.
func newMigrator(n *Node, self *account.Account, code *rs2d.Code, keeper *metadata.Keeper, fetcher *metadata.Fetcher, view func() *peer.View) (*migrate.Migrator, error) {
	f := n.config.Follower
	return migrate.New(migrate.Config{
		View: view, Store: n.config.Store, Code: code, Keeper: keeper, Fetcher: fetcher, Rate: n.config.MigrateRate, Logger: n.log,
		Known: func(number uint64) bool { return uint64(f.Applied()) >= number },
		Recover: func(ctx context.Context) error {
			_, err := n.healer.Sync(ctx)
			return err
		},
		Reported: func(ctx context.Context, number uint64, member committee.NodeID) (bool, error) {
			ctx, cancel := context.WithTimeout(ctx, reportTime)
			defer cancel()
			_, reported, err := chain.Value(ctx, f.Ledger(), ledger.SyncedKey(uint32(number), ledger.NodeID(member)), nil)
			return reported, err
		},
		Report: func(ctx context.Context, number uint64, recovered []committee.NodeID) error {
			report := ledger.ReportSynced{Node: ledger.NodeID(n.ID()), Epoch: uint32(number)}
			for _, id := range recovered {
				report.Recovered = append(report.Recovered, ledger.NodeID(id))
			}
			ctx, cancel := context.WithTimeout(ctx, reportTime)
			defer cancel()
			_, err := self.Do(ctx, report)
			if len(recovered) > 0 && ledger.RuleOf(err) == ledger.RuleMember { // one of them had nothing to hand over
				report.Recovered = nil
				_, err = self.Do(ctx, report)
			}
			switch rule := ledger.RuleOf(err); {
			case rule == ledger.RuleEpoch || rule == ledger.RuleTwice || rule == ledger.RuleMember:
				return fmt.Errorf("%w: %w", migrate.ErrOver, err)
			case err != nil && f.View().State == epoch.Steady:
				n.log.Warn("the ledger was not told of shards, and needs not be", "epoch", number, "error", err)
				return migrate.ErrOver
			}
			return err
		},
	})
}

// reportTime is how long the ledger may take for a report.
const reportTime = 30 * time.Second

// migrationOf says how far a node is with its shards.
func migrationOf(v *epoch.View, p migrate.Progress) *api.Migration {
	m := &api.Migration{
		Epoch: v.Current.Epoch(), Settled: v.Holders()[0].Epoch(), Phase: string(p.Phase), Blobs: p.Blobs, Total: p.Total,
		Lacking: p.Lacking, CopiedBytes: p.Bytes, CopiedSlivers: p.Slivers, DroppedShards: p.Dropped, Cleared: p.Cleared, Lies: p.Lies, Liars: p.Liars,
	}
	if left := p.TimeLeft(); left > 0 {
		m.TimeLeft = left.Round(time.Second).String()
	}
	return m
}

// unsettled says so if epochs begin and none of them is settled.
func unsettled(v *epoch.View) []api.Problem {
	if len(v.Earlier) == 0 || v.State == epoch.Steady {
		return nil
	}
	return []api.Problem{{
		Name: "epoch",
		Message: fmt.Sprintf("no epoch is settled after epoch %d, and this is epoch %d: members with more than a third of the shards have not got theirs, and nodes keep those that they lost",
			v.Holders()[0].Epoch(), v.Current.Epoch()),
		Remedy: "see with rs2d-node status which members are down or lack slivers, and start or replace them",
	}}
}
