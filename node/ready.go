package node

import (
	"fmt"
	"net/http"

	"github.com/redstuff-go/redstuff/node/api"
)

// Ready says why a node is not to be sent requests; it is empty if it is. A node that
// heals serves what it has, and is ready.
func Ready(n *Node) string {
	switch state := n.State(); {
	case state != api.StateHealthy && state != api.StateHealing:
		return "the node is " + state
	case n.ledger != nil && !hears(n):
		return "the node has not heard all that the ledger had to tell when it started"
	}
	v := n.config.Control.View()
	for _, c := range v.Holders() {
		if _, ok := c.FindID(n.ID()); ok {
			return ""
		}
	}
	return fmt.Sprintf("the node is of no committee in epoch %d", v.Current.Epoch())
}

// hears reports whether the node has ever heard all that the ledger had to tell. It serves
// on when the ledger falls silent.
func hears(n *Node) bool {
	if n.config.Follower.CaughtUp() {
		n.heard.Store(true)
	}
	return n.heard.Load()
}

// readiness answers whether a node is ready, for whoever sends requests to several nodes or
// starts them one after the other.
func readiness(n *Node) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if why := Ready(n); why != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, why)
			return
		}
		fmt.Fprintln(w, "ready")
	}
}
