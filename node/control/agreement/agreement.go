// Package agreement finds out whether the nodes of a cluster see the same epochs,
// members and writers.
//
// Nothing else would: a node with another committee's file serves what it has, and only
// what it signs counts for nothing. So each node asks the others from time to time what
// they see, and says so when that is something else. One that answers may lie: a node
// believes that the others are right, or that somebody is wrong, only when the owners of
// more than f shards see something else, of whom one at least is honest.
package agreement

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/identity"
)

// Peer is another node, see peer.Peer.
type Peer interface {
	// Name returns the node's name in the committee.
	Name() string
	// Health asks how the node is. It ends with the context.
	Health(ctx context.Context) (api.Health, error)
}

// Config is what a checker works with. View and Peers must be set; all else has defaults, for
// which the zero value stands.
type Config struct {
	View      func() *epoch.View
	Peers     func(*committee.Committee) []Peer // the other members
	Plaintext bool                              // nodes do not know who asks
	Every     time.Duration                     // between two rounds of questions, at most; default 1 min
	Timeout   time.Duration                     // for an answer; default 10 s
}

// Checker compares what other nodes see with what this one sees. Its methods are safe
// for concurrent use.
type Checker struct {
	config Config
	asked  chan struct{}

	mu     sync.Mutex
	others map[string]other // by name: those that answered, or have another key
}

// other is what another node sees.
type other struct {
	digest   string // of its view
	stranger bool   // it has another TLS key than it should have
	says     string // for people: what it has, if it is not the same
}

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (c *Config) fill() error {
	if c.View == nil {
		return errors.New("agreement: Config.View must be set")
	}
	if c.Peers == nil {
		return errors.New("agreement: Config.Peers must be set")
	}
	if c.Every == 0 {
		c.Every = time.Minute
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	if c.Every < 0 || c.Timeout < 0 {
		return errors.New("agreement: Config.Every and Config.Timeout must be more than zero")
	}
	return nil
}

// New returns a checker. It starts nothing. The error names a field of the configuration
// that is missing or out of range.
func New(c Config) (*Checker, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	return &Checker{config: c, asked: make(chan struct{}, 1), others: make(map[string]other)}, nil
}

// firstPause is the time between the first two rounds. Nodes that are started together
// do not answer at once.
const firstPause = time.Second

// Run asks again and again, until the context ends: first after a second, and after
// twice as long each time, up to the configured time.
func (c *Checker) Run(ctx context.Context) {
	for pause := firstPause; ; pause *= 2 {
		pause = min(pause, c.config.Every)
		c.Ask(ctx)
		select {
		case c.asked <- struct{}{}:
		default:
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Asked returns a channel that gets a value after a round of Run's.
func (c *Checker) Asked() <-chan struct{} { return c.asked }

// Ask asks all other nodes once. Of one that does not answer, what it said last holds.
func (c *Checker) Ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var group sync.WaitGroup
	for _, p := range c.config.Peers(c.config.View().Current) {
		group.Go(func() {
			h, err := p.Health(ctx)
			o := other{digest: h.View, says: c.describe(h)}
			switch {
			case errors.Is(err, identity.ErrStranger):
				o = other{stranger: true, says: "has another TLS key than this node's committee gives it"}
			case err != nil || h.View == "":
				return
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.others[p.Name()] = o
		})
	}
	group.Wait()
}

// describe says what another node has, in its own words, of which it may send any.
func (c *Checker) describe(h api.Health) string {
	says := fmt.Sprintf("has epoch %d of the network %q, committee %q", h.Epoch, cut(h.Network), cut(h.Committee))
	if h.You == "" && !c.config.Plaintext {
		says += ", and does not know this node"
	}
	return says
}

// cut shortens what somebody else sent.
func cut(s string) string { return s[:min(len(s), 64)] }

// differing returns the names, in order, of the nodes that see something else than the
// view, and the number of shards they own in it.
func (c *Checker) differing(v *epoch.View) (names []string, weight int) {
	want := v.Digest.String()
	for i := range v.Current.Len() {
		name := v.Current.Member(i).Name
		if o, ok := c.others[name]; ok && (o.stranger || o.digest != want) {
			names, weight = append(names, name), weight+v.Current.Weight(i)
		}
	}
	slices.Sort(names)
	return names, weight
}

// Outvoted reports whether the owners of more than f shards see something else than
// this node, and so at least one of them that is honest.
func (c *Checker) Outvoted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.config.View()
	_, weight := c.differing(v)
	return weight > v.Current.Params().F
}

// Problems names the nodes that see something else, and what they have.
func (c *Checker) Problems() []api.Problem {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.config.View()
	names, _ := c.differing(v)
	if len(names) == 0 {
		return nil
	}
	const most = 10 // of a thousand, a few tell enough
	var parts []string
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, name+" "+c.others[name].says)
	}
	if more := len(names) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more see something else", more))
	}
	return []api.Problem{{
		Name:    "committee",
		Message: "other nodes do not have this node's committee, which is " + Describe(v.Current) + ": " + strings.Join(parts, "; "),
		Remedy:  "give all nodes and clients the same committee's file, and start those again that had another one",
	}}
}

// Describe names a committee for people.
func Describe(c *committee.Committee) string {
	return fmt.Sprintf("epoch %d of the network %q, committee %q", c.Epoch(), c.System().Network, c.Fingerprint())
}
