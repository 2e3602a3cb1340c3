package main

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/redstuff-go/redstuff/node"
)

// statusEvery is the time between two words on how the node is.
const statusEvery = 10 * time.Second

// tellSupervisor tells systemd, if that has started the process, that the node serves, how
// it is, and that it ends with the context. Where systemd watches the process, it hears in
// time that the node still answers; without that word it starts the node again.
func tellSupervisor(ctx context.Context, state func() string) (wait func()) {
	// Errors are those of whoever listens: the node serves all the same.
	if sent, _ := daemon.SdNotify(false, daemon.SdNotifyReady+"\nSTATUS="+state()); !sent {
		return func() {}
	}
	words, every := "", statusEvery
	if d, err := daemon.SdWatchdogEnabled(false); err == nil && d > 0 {
		words, every = daemon.SdNotifyWatchdog+"\n", min(d/3, statusEvery)
	}
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = daemon.SdNotify(false, words+"STATUS="+state())
			case <-ctx.Done():
				_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
				return
			}
		}
	})
	return group.Wait
}

// stateOf says in a few words how a node is.
func stateOf(n *node.Node) func() string {
	return func() string { return cmp.Or(node.Ready(n), n.State()) }
}
