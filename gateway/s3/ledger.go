package s3

import (
	"context"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/control/account"
)

// registered returns an account's registrations of a blob that it can end.
func registered(ctx context.Context, a *account.Account, id commit.BlobID) (all []daemon.ObjectID, err error) {
	own, err := a.Registrations(a.InSession(ctx), id)
	for _, r := range own {
		if r.Deletable && !r.Shared {
			all = append(all, daemon.ObjectID(r.Object))
		}
	}
	return all, err
}
