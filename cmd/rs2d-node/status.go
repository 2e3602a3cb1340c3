package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ledgerui"
	"github.com/redstuff-go/redstuff/cmd/internal/plane"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/peer"
)

type statusCmd struct {
	plane.Flags
	Timeout time.Duration `default:"5s" help:"Time for nodes to answer."`
	Wait    time.Duration `placeholder:"TIME" help:"Ask again for so long until all nodes are healthy."`
	JSON    bool          `name:"json" help:"Print one JSON object instead of text."`
	Nodes   []string      `arg:"" optional:"" name:"node" help:"Names of nodes; without any, all."`
}

func (c *statusCmd) Help() string {
	return `States: healthy; healing, while the node finds out what it lacks, or recovers it; failed, when its store takes no more writes; diverged, when it has another committee's file than FILE, or than other nodes; closing; down, when it does not answer. The exit code is 1 if a node is not healthy.

Example: rs2d-node status --committee cluster/committee.toml --wait 1m

JSON: epoch, shards (n), faulty (f), healthy (all of the nodes), shards_up (owned by nodes that are not down), nodes (name, address, state, owned, missing (slivers known to be lacking), recovered (slivers, since the node started), uptime, free_bytes, error, migration (epoch, settled, phase, blobs, total, lacking, copied_slivers, copied_bytes, dropped_shards, cleared, lies, liars, time_left; with a ledger), challenged (where nodes are challenged: as rs2d ledger status has it), problems (name, problem, remedy)), challenge (the last one), parameters and next_parameters (as rs2d ledger status has them).`
}

// statusReport is what status prints as JSON.
type statusReport struct {
	Epoch    uint64       `json:"epoch"`
	Shards   int          `json:"shards"`
	Faulty   int          `json:"faulty"`
	Healthy  bool         `json:"healthy"`
	ShardsUp int          `json:"shards_up"`
	Nodes    []statusNode `json:"nodes"`

	Challenge      *chain.ChallengeStatus `json:"challenge,omitempty"`
	Parameters     *chain.Parameters      `json:"parameters,omitempty"`
	NextParameters *chain.Parameters      `json:"next_parameters,omitempty"`

	parameters string // for people
}

type statusNode struct {
	Name      string  `json:"name"`
	Address   string  `json:"address"`
	State     string  `json:"state"`
	Owned     string  `json:"owned"`
	Missing   int64   `json:"missing"`
	Recovered int64   `json:"recovered"`
	Uptime    string  `json:"uptime,omitempty"`
	FreeBytes *uint64 `json:"free_bytes,omitempty"`
	Error     string  `json:"error,omitempty"`

	Migration  *api.Migration          `json:"migration,omitempty"`
	Challenged *chain.ChallengedMember `json:"challenged,omitempty"`
	Problems   []api.Problem           `json:"problems,omitempty"`
}

const (
	stateDown = "down"

	// askAgain is the pause between two looks at nodes that are waited for.
	askAgain = 200 * time.Millisecond
)

// Run asks nodes how they are.
func (c *statusCmd) Run(a *cli.App) error {
	ctx, cancel := context.WithTimeout(a.Ctx, max(c.Timeout, c.Wait))
	p, err := c.Open(ctx)
	cancel()
	if err != nil {
		return err
	}
	control := p.Control
	all := control.View().Current
	for _, name := range c.Nodes {
		if _, ok := all.FindName(name); !ok {
			return fmt.Errorf("%s: has no node %s", c.Where(), name)
		}
	}
	cl, err := client.New(control, nil, client.Options{Timeout: c.Timeout, Peer: peer.Options{Attempts: 1, DialTimeout: c.Timeout}})
	if err != nil {
		return err
	}
	defer cl.Close()
	digest := control.View().Digest.String()
	r := c.ask(a.Ctx, cl, digest)
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for end := time.Now().Add(c.Wait); !r.Healthy && time.Now().Before(end); {
		select {
		case <-again.C:
			r = c.ask(a.Ctx, cl, digest)
		case <-a.Ctx.Done():
			return a.Ctx.Err()
		}
	}
	if p.Ledger != nil {
		if err := c.challenges(a.Ctx, p.Ledger, r); err != nil {
			return err
		}
	}
	if err := c.print(a, r); err != nil {
		return err
	}
	var bad []statusNode
	for _, n := range r.Nodes {
		if n.State != api.StateHealthy {
			bad = append(bad, n)
		}
	}
	switch len(bad) {
	case 0:
		return nil
	case 1:
		if bad[0].State == api.StateDiverged && bad[0].Error != "" {
			return cli.AsFound(fmt.Errorf("%s: %s", bad[0].Name, bad[0].Error))
		}
		return cli.AsFound(fmt.Errorf("%s is %s", bad[0].Name, bad[0].State))
	}
	return cli.AsFound(fmt.Errorf("%d of %d nodes are not healthy", len(bad), len(r.Nodes)))
}

// ask asks the nodes once. digest is that of the view that they should have.
func (c *statusCmd) ask(ctx context.Context, cl *client.Client, digest string) *statusReport {
	all := cl.Committee()
	r := &statusReport{Epoch: all.Epoch(), Shards: all.Params().N, Faulty: all.Params().F, Healthy: true}
	for i, s := range cl.Health(ctx) {
		if len(c.Nodes) > 0 && !slices.Contains(c.Nodes, s.Name) {
			continue
		}
		m := all.Member(i)
		n := statusNode{Name: m.Name, Address: m.Address, Owned: m.Shards.String(), State: stateDown}
		if s.Err != nil {
			n.Error = s.Err.Error()
		} else {
			n.State, n.Missing, n.Recovered = s.Health.State, s.Health.Missing, s.Health.Recovered
			n.Uptime, n.FreeBytes, n.Problems = s.Health.Uptime, s.Health.FreeBytes, s.Health.Problems
			n.Migration = s.Health.Migration
			r.ShardsUp += all.Weight(i)
			if s.Health.View != digest {
				n.State = api.StateDiverged
				n.Error = fmt.Sprintf("it has another committee's file than %s: epoch %d of the network %q, and not epoch %d of %q",
					c.Committee, s.Health.Epoch, s.Health.Network, all.Epoch(), all.System().Network)
			}
		}
		r.Healthy = r.Healthy && n.State == api.StateHealthy
		r.Nodes = append(r.Nodes, n)
	}
	return r
}

// challenges asks the ledger how nodes stand in its last challenge.
func (c *statusCmd) challenges(ctx context.Context, l chain.Ledger, r *statusReport) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	s, err := ledgerui.Ask(ctx, l)
	if err != nil {
		return fmt.Errorf("the ledger at %s: %w", c.Where(), err)
	}
	r.Challenge, r.Parameters, r.NextParameters, r.parameters = s.Challenge, s.Parameters, s.NextParameters, ledgerui.Parameters(s.Status)
	for i := range r.Nodes {
		for _, m := range s.Challenged {
			if m.Name == r.Nodes[i].Name {
				r.Nodes[i].Challenged = &m
			}
		}
	}
	return nil
}

// printChallenge prints the parameters, and how nodes stand in a challenge, if there was one.
func printChallenge(w io.Writer, r *statusReport) error {
	if r.parameters != "" {
		if _, err := fmt.Fprintf(w, "\nparameters %s\n", r.parameters); err != nil {
			return err
		}
	}
	if r.Challenge == nil {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\nchallenge %s\n", ledgerui.Challenge(r.Challenge, r.Shards)); err != nil {
		return err
	}
	var members []chain.ChallengedMember
	for _, n := range r.Nodes {
		if n.Challenged != nil {
			members = append(members, *n.Challenged)
		}
	}
	return ledgerui.Challenged(w, r.Challenge, members)
}

func (c *statusCmd) print(a *cli.App, r *statusReport) error {
	if c.JSON {
		return cli.WriteJSON(a.Stdout, r)
	}
	t := ui.NewTable(a.Stdout)
	t.Row("NODE", "ADDRESS", "SHARDS", "STATE", "MISSING", "RECOVERED", "UPTIME", "FREE")
	for _, n := range r.Nodes {
		if n.State == stateDown {
			t.Row(n.Name, n.Address, n.Owned, n.State, "-", "-", "-", "-")
			continue
		}
		t.Row(n.Name, n.Address, n.Owned, n.State, ui.Count(n.Missing), ui.Count(n.Recovered), n.Uptime, free(n.FreeBytes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, n := range r.Nodes {
		if m := n.Migration; m != nil && m.Phase != "" && m.Phase != "done" {
			left := ""
			if m.TimeLeft != "" {
				left = ", " + m.TimeLeft + " left"
			}
			if _, err := fmt.Fprintf(a.Stdout, "%s: shards of epoch %d: %s, %s of %s blobs%s, %s slivers lacking\n",
				n.Name, m.Epoch, m.Phase, ui.Count(m.Blobs), ui.Count(m.Total), left, ui.Count(m.Lacking)); err != nil {
				return err
			}
		}
		if m := n.Migration; m != nil && len(m.Liars) > 0 {
			if _, err := fmt.Fprintf(a.Stdout, "%s: was given wrong slivers of shards that moved, and recovered them from others: by %s\n",
				n.Name, strings.Join(m.Liars, ", ")); err != nil {
				return err
			}
		}
		for _, p := range n.Problems {
			if _, err := fmt.Fprintf(a.Stdout, "%s: %s\n  remedy: %s\n", n.Name, p.Message, p.Remedy); err != nil {
				return err
			}
		}
	}
	return printChallenge(a.Stdout, r)
}

// free tells how much room a node has, if it knows.
func free(bytes *uint64) string {
	if bytes == nil {
		return "?"
	}
	return ui.Bytes(*bytes)
}
