package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/metadata"
	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Store is what a migrator needs of a store, see store.Store.
type Store interface {
	Apply(id commit.BlobID, u store.Update) error
	Info(id commit.BlobID) (store.Info, error)
	Record(id commit.BlobID, r store.Record) ([]byte, error)
	BlobsWith(r store.Record, after *commit.BlobID, limit int) ([]commit.BlobID, error)
	Shard(shard int, after *commit.BlobID, limit int) ([]store.ShardEntry, error)
	DropShard(ctx context.Context, shard int) error
	Note(name string) ([]byte, error)
	SetNote(name string, value []byte) error
}

// Config is what a migrator works with. All but the last five must be set.
type Config struct {
	View  func() *peer.View // called once for each page
	Store Store
	Code  *rs2d.Code
	// Keeper keeps metadata in the store, and Fetcher gathers it where nodes keep parts of it.
	Keeper  *metadata.Keeper
	Fetcher *metadata.Fetcher
	// Known reports whether the store knows of all blobs that were certified before the
	// epoch began.
	Known func(epoch uint64) bool
	// Recover recovers whatever the node lacks, as far as it can.
	Recover func(context.Context) error
	// Report tells the ledger that the node has its shards of the epoch, and which nodes did not
	// hand over what they should have, by their ids, so that it was recovered from others. ErrOver
	// says that there is nothing to tell.
	Report func(ctx context.Context, epoch uint64, recovered []committee.NodeID) error
	// Reported tells whether the member has told so. An error is that it may
	// have not.
	Reported func(ctx context.Context, epoch uint64, member committee.NodeID) (bool, error)

	Rate      int64         // bytes a second that are copied; default 64 MiB
	PageBytes int           // that are asked of a node at once; default 8 MiB
	Patience  time.Duration // for a page of no bytes; more of them get more; default 10 s
	KeepLost  time.Duration // a settled epoch's lost shards for new owners that have not got them; default 1 h
	Logger    *slog.Logger  // default drops all
}

// ErrOver is returned by Config.Report when the ledger has no use for a report: the epoch is
// over, or the node has reported.
var ErrOver = errors.New("migrate: nothing to report")

// fill sets defaults and checks the rest. The error names the field that is wrong.
func (c *Config) fill() error {
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"View", c.View != nil}, {"Store", c.Store != nil}, {"Code", c.Code != nil}, {"Keeper", c.Keeper != nil}, {"Fetcher", c.Fetcher != nil},
		{"Known", c.Known != nil}, {"Recover", c.Recover != nil}, {"Report", c.Report != nil},
		{"Reported", c.Reported != nil},
	} {
		if !field.set {
			return fmt.Errorf("migrate: Config.%s must be set", field.name)
		}
	}
	if c.Rate == 0 {
		c.Rate = 64 << 20
	}
	if c.PageBytes == 0 {
		c.PageBytes = 8 << 20
	}
	if c.Patience == 0 {
		c.Patience = 10 * time.Second
	}
	if c.KeepLost == 0 {
		c.KeepLost = time.Hour
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rate < 0 || c.PageBytes < 0 || c.Patience < 0 || c.KeepLost < 0 {
		return errors.New("migrate: Config.Rate, PageBytes, Patience and KeepLost must be more than zero")
	}
	return nil
}

// Migrator gets one node its shards. Its methods are safe for concurrent use; Run runs once.
type Migrator struct {
	config  Config
	started time.Time
	wake    chan struct{}
	givenUp map[committee.NodeID]time.Time // sources, until then; Run's
	settled settled                        // Run's

	mu       sync.Mutex
	progress Progress
	place    place
	failed   map[committee.NodeID]bool // nodes that lied, or gave nothing when they were asked last, in the epoch
	stopDrop context.CancelFunc        // while shards are dropped
}

// New returns a migrator that goes on where the store says that it was. It starts nothing.
// The error names a field of the configuration, or is the store's.
func New(c Config) (*Migrator, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	m := &Migrator{config: c, started: time.Now(), wake: make(chan struct{}, 1), givenUp: make(map[committee.NodeID]time.Time)}
	return m, m.load()
}

// Wake tells the migrator that the view shows something else. It returns at once.
func (m *Migrator) Wake() {
	m.mu.Lock()
	if m.stopDrop != nil {
		m.stopDrop() // the node may get again what it drops
	}
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Pauses of Run.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
	idlePause  = time.Minute // when there is nothing to do
	keptPause  = time.Second // when others have not got yet what the node has lost
)

// Run gets the node its shards, epoch by epoch, until the context ends.
func (m *Migrator) Run(ctx context.Context) {
	for pause := firstPause; ctx.Err() == nil; {
		wait := idlePause
		switch err := m.step(ctx); {
		case err == nil:
			pause = firstPause
		case errors.Is(err, errMoved):
			pause, wait = firstPause, 0
		case errors.Is(err, errKept):
			pause, wait = firstPause, keptPause
		default:
			if ctx.Err() == nil && !errors.Is(err, errUnknown) {
				m.config.Logger.Warn("shards of the epoch are lacking", "error", err)
			}
			wait, pause = pause, min(2*pause, lastPause)
			if errors.Is(err, errUnknown) {
				wait, pause = firstPause, firstPause
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-m.wake:
			timer.Stop()
			pause = firstPause
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

var (
	// errMoved is returned when another epoch has begun meanwhile.
	errMoved = errors.New("migrate: another epoch has begun")
	// errUnknown is returned while the store does not know yet which blobs there are.
	errUnknown = errors.New("migrate: the ledger's blobs are not known yet")
)

// step does what is to be done for the epoch that the view shows.
func (m *Migrator) step(ctx context.Context) error {
	v := m.config.View()
	epoch := v.Epoch()
	if v.Member >= 0 && m.reported() < epoch {
		if err := m.get(ctx, epoch); err != nil {
			return err
		}
	}
	return dropper{m}.drop(ctx)
}

// get gets the node all that is certified of its shards, and reports it.
func (m *Migrator) get(ctx context.Context, epoch uint64) error {
	if !m.config.Known(epoch) {
		m.note(func(p *Progress) { p.Epoch, p.Phase = epoch, PhaseWaiting })
		return errUnknown
	}
	if err := m.begin(epoch); err != nil {
		return err
	}
	c := copier{m}
	if err := c.copyAll(ctx, epoch); err != nil {
		return err
	}
	var recovered []committee.NodeID
	for {
		lacking, err := c.lacking(ctx, epoch)
		if err != nil {
			return err
		}
		m.note(func(p *Progress) { p.Lacking = lacking })
		if lacking == 0 {
			break
		}
		m.note(func(p *Progress) { p.Phase = PhaseRecovering })
		recovered = m.failing()
		m.config.Logger.Info("recovering slivers that nobody gave", "epoch", epoch, "slivers", lacking)
		err = m.config.Recover(ctx)
		left, e := c.lacking(ctx, epoch)
		switch {
		case e != nil:
			return e
		case err != nil:
			return err
		case left >= lacking:
			m.note(func(p *Progress) { p.Lacking = left })
			return fmt.Errorf("migrate: %d slivers cannot be had at present", left)
		}
	}
	m.note(func(p *Progress) { p.Phase = PhaseReporting })
	err := m.config.Report(ctx, epoch, recovered)
	switch {
	case errors.Is(err, ErrOver) && m.config.View().Epoch() != epoch:
		return errMoved
	case err != nil && !errors.Is(err, ErrOver):
		return fmt.Errorf("migrate: telling the ledger: %w", err)
	}
	m.note(func(p *Progress) { p.Phase, p.Ended = PhaseDone, time.Now() })
	m.config.Logger.Info("has its shards", "epoch", epoch, "copied", m.Progress().Bytes)
	return m.keep(func(p *place) { p.Reported = epoch })
}
