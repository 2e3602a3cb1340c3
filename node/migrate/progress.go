package migrate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/store"
)

// Phase is what a migrator is at.
type Phase string

// Phases, in their order.
const (
	PhaseNone       Phase = ""           // it has not begun
	PhaseWaiting    Phase = "waiting"    // for the ledger to tell what there is
	PhaseCopying    Phase = "copying"    // from those who had the shards before
	PhaseRecovering Phase = "recovering" // from symbols
	PhaseReporting  Phase = "reporting"  // to the ledger
	PhaseDone       Phase = "done"
)

// Progress is how far a node has come with the shards of an epoch.
type Progress struct {
	Epoch   uint64
	Phase   Phase
	Blobs   int64 // that were looked at
	Total   int64 // blobs there are
	Lacking int64 // slivers that were not copied
	Started time.Time
	Ended   time.Time // zero until then

	// Since the node was started:
	Slivers int64    // copied
	Bytes   int64    // of them and of metadata
	Lies    int64    // nodes that gave wrong ones
	Liars   []string // the last of them, by name
	GivenUp int64    // nodes that gave none in time
	Dropped int64    // shards
	Cleared uint64   // the last epoch in which the node had nothing of other members' shards
}

// looked notes how many blobs were looked at, and how many there are. Neither falls: a page
// may be copied again, blobs end, and others come.
func (p *Progress) looked(blobs, total int64) {
	p.Blobs = max(p.Blobs, blobs)
	p.Total = max(p.Total, p.Blobs, total)
}

// TimeLeft estimates how long copying will take yet; 0 if nothing is known.
func (p *Progress) TimeLeft() time.Duration {
	if p.Phase != PhaseCopying || p.Blobs == 0 {
		return 0
	}
	took := time.Since(p.Started)
	return time.Duration(float64(took) * float64(max(0, p.Total-p.Blobs)) / float64(p.Blobs))
}

// Progress returns how far the migrator is.
func (m *Migrator) Progress() Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.progress
}

// settleTime is how long a node that was just started may take to find out what it lacks,
// before others look for it in their ways.
const settleTime = 5 * time.Second

// Copying reports whether what the node lacks is about to be copied, so that nobody needs to
// recover it.
func (m *Migrator) Copying() bool {
	m.mu.Lock()
	p, reported := m.progress, m.place.Reported
	m.mu.Unlock()
	v := m.config.View()
	switch {
	case v.Member < 0 || reported >= v.Epoch():
		return false
	case p.Epoch == v.Epoch() && p.Phase != PhaseWaiting && p.Phase != PhaseNone:
		return p.Phase == PhaseCopying
	case m.config.Known(v.Epoch()):
		return true
	}
	return time.Since(m.started) < settleTime
}

// Done reports whether the node has told the ledger that it has its shards.
func (m *Migrator) Done() bool {
	v := m.config.View()
	return v.Member < 0 || m.reported() >= v.Epoch()
}

// mostLiars bounds the names that are remembered.
const mostLiars = 16

// lied notes that a node gave wrong slivers.
func (p *Progress) lied(name string) {
	p.Lies++
	if !slices.Contains(p.Liars, name) {
		// Others may have the list.
		p.Liars = append(slices.Clone(p.Liars[max(0, len(p.Liars)+1-mostLiars):]), name)
	}
}

// note changes the progress.
func (m *Migrator) note(f func(*Progress)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.progress)
}

// failing returns the nodes that have not handed over what they should have, by their ids.
func (m *Migrator) failing() []committee.NodeID {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Keys(m.failed), func(a, b committee.NodeID) int { return bytes.Compare(a[:], b[:]) })
}

// handed notes whether a node has handed something over.
func (m *Migrator) handed(id committee.NodeID, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ok {
		delete(m.failed, id)
		return
	}
	if m.failed == nil {
		m.failed = make(map[committee.NodeID]bool)
	}
	m.failed[id] = true
}

// place is where a migrator is, as the store keeps it.
type place struct {
	Reported uint64 // the last epoch that was reported
	Epoch    uint64 // whose shards are copied
	Copied   bool   // all that there was
	Cursor   *commit.BlobID
}

// noteName is the name under which the store keeps the place.
const noteName = "migrate"

// The place in bytes: the two epochs in 64 bits each, little-endian, a byte of flags, and the
// cursor if there is one.
const (
	placeHead  = 8 + 8 + 1
	flagCopied = 1
	flagCursor = 2
)

func (p *place) value() []byte {
	b := binary.LittleEndian.AppendUint64(nil, p.Reported)
	b = binary.LittleEndian.AppendUint64(b, p.Epoch)
	flags := byte(0)
	if p.Copied {
		flags |= flagCopied
	}
	if p.Cursor == nil {
		return append(b, flags)
	}
	return append(append(b, flags|flagCursor), p.Cursor[:]...)
}

// parsePlace reads what value writes. Of anything else it knows nothing: then the node finds
// out again what it lacks.
func parsePlace(b []byte) (p place) {
	if len(b) < placeHead {
		return place{}
	}
	p.Reported, p.Epoch = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	flags := b[16]
	p.Copied = flags&flagCopied != 0
	switch rest := b[placeHead:]; {
	case flags&flagCursor == 0 && len(rest) == 0:
	case flags&flagCursor != 0 && len(rest) == commit.HashSize:
		id := commit.BlobID(rest)
		p.Cursor = &id
	default:
		return place{}
	}
	return p
}

// load reads the place.
func (m *Migrator) load() error {
	data, err := m.config.Store.Note(noteName)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	m.place = parsePlace(data)
	return err
}

// keep changes the place, and writes it.
func (m *Migrator) keep(f func(*place)) error {
	m.mu.Lock()
	f(&m.place)
	value := m.place.value()
	m.mu.Unlock()
	return m.config.Store.SetNote(noteName, value)
}

func (m *Migrator) reported() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.place.Reported
}

// begin begins with the shards of an epoch, or goes on with them.
func (m *Migrator) begin(epoch uint64) error {
	m.mu.Lock()
	at, p := m.place, &m.progress
	if p.Epoch != epoch || p.Started.IsZero() {
		m.failed = nil
		p.Epoch, p.Started, p.Ended, p.Blobs, p.Total, p.Lacking = epoch, time.Now(), time.Time{}, 0, 0, 0
	}
	p.Phase = PhaseCopying
	m.mu.Unlock()
	if at.Epoch == epoch {
		return nil
	}
	return m.keep(func(p *place) { p.Epoch, p.Copied, p.Cursor = epoch, false, nil })
}
