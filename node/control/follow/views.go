package follow

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/epoch"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// ErrOtherLedger is returned when a ledger is not the one that is to be followed.
var ErrOtherLedger = errors.New("follow: this is another ledger")

// Verifier finds the committees of a ledger by a chain in which each has signed the next one,
// see light.Client. Its method is safe for concurrent use.
type Verifier interface {
	Committee(ctx context.Context, epoch uint32) (*committee.Committee, error)
}

// Views keeps the committees of a ledger's epochs. Its methods are safe for concurrent
// use.
type Views struct {
	ledger   chain.Ledger
	genesis  ledger.Genesis
	chain    ledger.ChainID
	verifier Verifier // nil if the ledger is believed
	now      atomic.Pointer[epoch.View]

	mu    sync.Mutex // held while it changes
	known bool       // the ledger has shown that it is the one
	saved savedView
	made  map[uint32]*committee.Committee
}

// savedView is a view as it is kept on the disk.
type savedView struct {
	Epoch      uint32
	Settled    uint32 // the last epoch whose committee has its shards
	Committees []savedCommittee
}

type savedCommittee struct {
	Epoch     uint32
	Committee ledger.Committee
}

// newViews returns views that know nothing yet.
func newViews(l chain.Ledger, g ledger.Genesis) *Views {
	return &Views{ledger: l, genesis: g, chain: g.ChainID(), made: make(map[uint32]*committee.Committee)}
}

// OpenViews asks the ledger for its epochs. genesis may be nil: then the ledger is asked
// for it, and believed. The error wraps ErrOtherLedger or chain.ErrAnswer, or is that of
// asking.
func OpenViews(ctx context.Context, l chain.Ledger, genesis *ledger.Genesis) (*Views, error) {
	if genesis == nil {
		g, err := l.Genesis(ctx)
		if err != nil {
			return nil, err
		}
		genesis = &g
	}
	v := newViews(l, *genesis)
	return v, v.Refresh(ctx)
}

// OpenVerifiedViews is OpenViews for who does not believe the ledger: what it says about
// epochs is taken only if the committees are those that the verifier finds. A view has the
// next committee once the current one has signed it, and finds those of all epochs before.
// The error may be the verifier's, too.
func OpenVerifiedViews(ctx context.Context, l chain.Ledger, genesis ledger.Genesis, by Verifier) (*Views, error) {
	v := newViews(l, genesis)
	v.verifier = by
	return v, v.Refresh(ctx)
}

// View returns the epochs as they were when the ledger last told.
func (v *Views) View() *epoch.View { return v.now.Load() }

// ChainID returns the id of the ledger.
func (v *Views) ChainID() ledger.ChainID { return v.chain }

// Genesis returns how the ledger began.
func (v *Views) Genesis() ledger.Genesis { return v.genesis }

// Refresh asks the ledger for its epochs. A view never goes back.
func (v *Views) Refresh(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.identify(ctx); err != nil {
		return err
	}
	var system ledger.System
	if _, ok, err := chain.Value(ctx, v.ledger, ledger.SystemKey(), &system); err != nil || !ok {
		return errors.Join(err, missing(ok, "system"))
	}
	phase := ledger.Phase(system.Phase)
	next := savedView{Epoch: system.Epoch, Settled: system.Settled}
	switch {
	case system.Epoch < v.saved.Epoch || next.Settled < v.saved.Settled:
		return fmt.Errorf("%w: epoch %d, of which %d is settled, and before it was %d and %d",
			chain.ErrAnswer, system.Epoch, system.Settled, v.saved.Epoch, v.saved.Settled)
	case system.Settled == 0 || system.Settled > system.Epoch:
		return fmt.Errorf("%w: epoch %d is settled in epoch %d", chain.ErrAnswer, system.Settled, system.Epoch)
	}
	for _, e := range next.epochs(phase == ledger.PhaseSelected) {
		if v.verifier != nil {
			c, err := v.verifier.Committee(ctx, e)
			if err != nil && e > system.Epoch {
				break // it is not signed yet
			}
			if err != nil {
				return err
			}
			v.made[e] = c
			next.Committees = append(next.Committees, savedCommittee{Epoch: e})
			continue
		}
		c, err := v.committee(ctx, e)
		if err != nil {
			return err
		}
		next.Committees = append(next.Committees, savedCommittee{e, *c})
	}
	return v.set(next)
}

// maxUnsettled bounds the committees of a view that come after the last one that has its
// shards. Should there be more, those in between are left out: of what was certified in
// their epochs, the shards that have not moved since can be found.
const maxUnsettled = 16

// epochs returns the epochs whose committees the view has, in their order: from the last one
// that has its shards to the next one, if that is selected, and always the previous one.
func (s *savedView) epochs(selected bool) (list []uint32) {
	add := func(e uint32) {
		if e > 0 && (len(list) == 0 || list[len(list)-1] < e) {
			list = append(list, e)
		}
	}
	add(min(s.Settled, s.Epoch-1))
	for e := max(s.Settled, s.Epoch-min(s.Epoch, maxUnsettled)); e <= s.Epoch; e++ {
		add(e)
	}
	if selected {
		add(s.Epoch + 1)
	}
	return list
}

// refreshEvery is how often Run asks.
const refreshEvery = 5 * time.Second

// Run refreshes the views from time to time, until the context ends: it is for clients,
// which follow no events. While the ledger does not answer, the last view holds.
func (v *Views) Run(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			limited, cancel := context.WithTimeout(ctx, refreshEvery)
			_ = v.Refresh(limited) // it is tried again
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// missing returns an error if something is not there.
func missing(ok bool, what string) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%w: it has no %s", chain.ErrAnswer, what)
}

// identify makes sure that the ledger is the one. The views are locked.
func (v *Views) identify(ctx context.Context) error {
	if v.known {
		return nil
	}
	s, err := v.ledger.Status(ctx)
	if err != nil {
		return err
	}
	if string(s.Chain) != string(v.chain[:]) {
		return fmt.Errorf("%w: its id is %x, and that of the genesis %v", ErrOtherLedger, []byte(s.Chain), v.chain)
	}
	v.known = true
	return nil
}

// committee returns the entry of an epoch, which never changes.
func (v *Views) committee(ctx context.Context, e uint32) (*ledger.Committee, error) {
	for _, s := range v.saved.Committees {
		if s.Epoch == e {
			return &s.Committee, nil
		}
	}
	return v.entry(ctx, e)
}

// entry asks the ledger for the entry of an epoch.
func (v *Views) entry(ctx context.Context, e uint32) (*ledger.Committee, error) {
	c := new(ledger.Committee)
	_, ok, err := chain.Value(ctx, v.ledger, ledger.CommitteeKey(e), c)
	if err := errors.Join(err, missing(err != nil || ok, fmt.Sprintf("committee of epoch %d", e))); err != nil {
		return nil, err
	}
	return c, nil
}

// set shows another view. The views are locked.
func (v *Views) set(next savedView) error {
	view := &epoch.View{Past: past{v}, Digest: sha256.Sum256(append([]byte("redstuff v1 ledger control"), v.chain[:]...))}
	view.Challenged = v.genesis.Challenges.Mode != ledger.ChallengesOff
	if next.Settled < next.Epoch {
		view.State = epoch.Syncing
	}
	made := make(map[uint32]*committee.Committee, len(next.Committees))
	for _, s := range next.Committees {
		c := v.made[s.Epoch]
		if c == nil {
			var err error
			if c, err = s.Committee.Committee(&v.genesis, s.Epoch); err != nil {
				return fmt.Errorf("%w: %w", chain.ErrAnswer, err)
			}
		}
		made[s.Epoch] = c
		switch s.Epoch {
		default:
			view.Earlier = append(view.Earlier, c)
		case next.Epoch - 1:
			view.Previous = c
		case next.Epoch:
			view.Current = c
		case next.Epoch + 1:
			view.Next = c
		}
	}
	if view.Current == nil {
		return fmt.Errorf("%w: no committee of epoch %d", chain.ErrAnswer, next.Epoch)
	}
	v.saved, v.made = next, made
	v.now.Store(view)
	return nil
}

// past finds committees of epochs that have passed, of which certificates may be that are
// still right. Who has not seen these epochs needs them, too.
type past struct{ views *Views }

// pastTime is how long it may take to find one.
const pastTime = 10 * time.Second

// At is committee.Committees's. The error wraps committee.ErrEpoch: whoever shows a
// certificate of an epoch that cannot be looked up may be right.
func (p past) At(epoch uint64) (*committee.Committee, error) {
	if epoch == 0 || epoch > math.MaxUint32 {
		return nil, &committee.EpochError{Epoch: epoch, First: 1, Last: math.MaxUint32}
	}
	ctx, cancel := context.WithTimeout(context.Background(), pastTime)
	defer cancel()
	c, err := p.find(ctx, uint32(epoch))
	if err != nil {
		return nil, fmt.Errorf("%w: %d: %w", committee.ErrEpoch, epoch, err)
	}
	return c, nil
}

func (p past) find(ctx context.Context, epoch uint32) (*committee.Committee, error) {
	if v := p.views.verifier; v != nil {
		return v.Committee(ctx, epoch)
	}
	entry, err := p.views.entry(ctx, epoch)
	if err != nil {
		return nil, err
	}
	c, err := entry.Committee(&p.views.genesis, epoch)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	return c, nil
}

// begin shows the view of the genesis.
func (v *Views) begin() error {
	state, err := ledger.Begin(v.genesis)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	first := ledger.Get[ledger.Committee](state, ledger.CommitteeKey(1))
	return v.set(savedView{Epoch: 1, Settled: 1, Committees: []savedCommittee{{1, *first}}})
}

// restore shows a view that was saved.
func (v *Views) restore(s savedView) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.set(s)
}

// save returns the view in the form that restore takes.
func (v *Views) save() savedView {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.saved
}

// identified makes sure that the ledger is the one.
func (v *Views) identified(ctx context.Context) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.identify(ctx)
}

// forget has the ledger show again that it is the one: whoever does not answer may be
// another one when it does.
func (v *Views) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known = false
}
