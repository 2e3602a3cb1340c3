package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/fixed"
)

// clusterFlags say which committee of nodes to speak to.
type clusterFlags struct {
	Committee string        `short:"C" required:"" placeholder:"FILE" env:"REDSTUFF_COMMITTEE" help:"File of the committee of nodes."`
	Timeout   time.Duration `default:"1m" help:"Time for all of it."`
	MaxMemory string        `default:"4GiB" placeholder:"SIZE" help:"Bytes of blobs and slivers to hold at most."`
}

// client returns a client of the committee. It fills in the options that flags are for.
func (c *clusterFlags) client(o client.Options) (*client.Client, error) {
	memory, err := parseSize("--max-memory", c.MaxMemory)
	if err != nil {
		return nil, err
	}
	all, err := fixed.Load(c.Committee)
	if err != nil {
		return nil, err
	}
	o.MaxMemory = int64(min(memory, 1<<62))
	return client.New(all, o)
}

// within runs f, which speaks to nodes, with a context that ends with the time.
func (c *clusterFlags) within(a *app, label string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	// f ends with ctx. To leave before it would be to close the client under it.
	_, err := ui.Wait(context.WithoutCancel(ctx), a.progress, label, func() (struct{}, error) { return struct{}{}, f(ctx) })
	switch {
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		return fmt.Errorf("not done in %v: %w", c.Timeout, client.ErrUnavailable)
	case errors.Is(err, client.ErrTooLarge):
		return fmt.Errorf("%w, --max-memory %s", err, c.MaxMemory)
	}
	return err
}

// dashedIDs puts blob ids that begin with a dash where they are not taken for flags.
func dashedIDs(args []string) []string {
	var flags, ids []string
	for i, arg := range args {
		if arg == "--" {
			flags = append(flags, args[i:]...)
			return append(flags, ids...)
		}
		if _, err := commit.ParseBlobID(arg); err == nil && strings.HasPrefix(arg, "-") {
			ids = append(ids, arg)
		} else {
			flags = append(flags, arg)
		}
	}
	if ids == nil {
		return flags
	}
	return append(append(flags, "--"), ids...)
}
