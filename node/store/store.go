package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// Ref names one sliver of a blob, by its pair.
type Ref struct {
	Axis rs2d.Axis
	Pair int // 0 to 65534
}

// String names the sliver.
func (r Ref) String() string { return fmt.Sprintf("%v sliver of pair %d", r.Axis, r.Pair) }

// Sliver is a sliver to store.
type Sliver struct {
	Ref
	Data []byte
	// Sums are of the data, if whoever has it took them as it came, or else nil.
	Sums *Sums
	// Spent says that nobody needs the data any more, so that what is written may be changed.
	// Slivers that lie one after another in memory from Room are written without a copy then.
	Spent bool
}

// Piece is a piece of a sliver to store.
type Piece struct {
	Ref
	Size int64 // of the sliver, in bytes
	Off  int64 // of the piece in the sliver
	Data []byte
}

// Record is a kind of small value that a blob has at most one of.
type Record byte

const (
	// Metadata is what the node keeps of the blob's metadata. Blobs lists the blobs that have it.
	Metadata Record = 'b'
	// Certificate is the certificate that the blob is stored.
	Certificate Record = 'c'
	// Registered is what a ledger says of a blob that is certified there; such a blob has
	// no Certificate of its own.
	Registered Record = 'l'
	// Proof is a verified proof that the blob is inconsistent.
	Proof Record = 'p'
	// InvalidBlobCertificate is the certificate that the blob is inconsistent.
	InvalidBlobCertificate Record = 'x'
)

// Update is a set of changes to one blob, that happen all or not at all.
type Update struct {
	Records map[Record][]byte
	Slivers []Sliver // replace those of the same Ref, and end their quarantine
	Drop    []Ref    // slivers to remove; it does not matter if they are not there
	DropAll bool     // remove all that there are, those in quarantine included
	Writer  string   // whose the bytes of a new blob count as; at most 256 bytes
	End     *uint32  // the first epoch that does not need the blob, 0 if there is none; nil leaves it
	AtLeast uint32   // the blob is needed before this epoch, too; 0 says nothing

	// Rewrite are records that depend on what else there is of the blob. None of them is in
	// Records, too.
	Rewrite map[Record]Rewrite

	// If, which may be nil, is asked when no other change of the blob can come between.
	// If it returns false, nothing happens, and the error is ErrRefused.
	If func(Info) bool
}

// BlobUpdate is an update of a blob among others.
type BlobUpdate struct {
	Blob commit.BlobID
	Update
}

// Rewrite makes a record of what there is when no other change of the blob can come between.
type Rewrite struct {
	Max int // bytes of the record at most
	// Make returns the record, given what the store will have of the blob and the record
	// that there was, nil if there was none.
	Make func(after Info, old []byte) []byte
}

// Entry is a sliver that is stored.
type Entry struct {
	Ref
	Size int64 // bytes
}

// Info says what the store has of a blob.
type Info struct {
	Inserted    time.Time // when the first of it was stored
	End         uint32    // the first epoch that does not need the blob, or 0
	Writer      string    // who stored the first of it
	Records     []Record
	Slivers     []Entry // primary ones first, in the order of pairs
	Quarantined []Entry // likewise, those that are kept but not served
}

// ShardEntry is what a shard has of a blob.
type ShardEntry struct {
	Blob    commit.BlobID
	Slivers []Entry // without those that are quarantined
}

// Usage is what a writer's blobs take, in bytes.
type Usage struct {
	Certified int64 // of blobs that have a certificate, of either kind
	Pending   int64 // of others
}

// Has reports whether the blob has the record.
func (i *Info) Has(r Record) bool { return slices.Contains(i.Records, r) }

// Certified reports whether the blob is certified, by a certificate or by a ledger.
func (i *Info) Certified() bool { return i.Has(Certificate) || i.Has(Registered) }

// Within reports whether the first of the blob came in the last d. What came later than now came before the
// clock was set back, and not in the last d.
func (i *Info) Within(d time.Duration) bool {
	age := time.Since(i.Inserted)
	return age >= 0 && age < d
}

// Needed reports whether the epoch needs the blob.
func (i *Info) Needed(epoch uint64) bool { return i.End == 0 || epoch < uint64(i.End) }

// Stage is an update of one blob that comes in pieces, so that it needs not be in memory
// as a whole. Nothing of it is visible before it is applied. It is not safe for concurrent
// use.
type Stage interface {
	// Add takes slivers. Those that are large are on their way to the disk when it returns.
	// Their data is not kept. The error is one of [Writer]'s Apply: the stage is of no use
	// then.
	Add(slivers ...Sliver) error
	// AddPieces takes pieces of slivers, in any order, which are on their way to the disk when
	// it returns. Their data is not kept. Each sliver must be read back once all of it is
	// there. The error is as Add's.
	AddPieces(pieces ...Piece) error
	// Missing returns how many bytes of a sliver, of which a piece came, have not.
	Missing(ref Ref) int64
	// ReadBack appends to dst a sliver that came in pieces: what it returns is what will be
	// stored, so that it can be verified. Where pieces overlapped something is wrong in it.
	ReadBack(dst []byte, ref Ref) ([]byte, error)
	// Held returns how many bytes of the stage are in memory: small slivers are.
	Held() int64
	// Apply makes the update and all slivers that were added visible and durable at once,
	// see [Writer], and ends the stage.
	Apply(u Update) error
	// Discard ends the stage, and leaves nothing of it. After Apply it does nothing.
	Discard()
}

// Writer changes what is stored of one blob at a time.
type Writer interface {
	// Stage begins an update that comes in pieces. It must be applied or discarded.
	Stage(id commit.BlobID) Stage
	// Apply makes the update visible and durable. Its data is not kept. The error is
	// ErrFailed, ErrFull unless slivers are only dropped, ErrUnavailable, or that of the
	// disk: nothing of the update is visible then, but after ErrFailed it may be once the
	// store is opened again. It is ErrRefused if the update's own condition is not met.
	Apply(id commit.BlobID, u Update) error
	// ApplyAll is Apply for updates of different blobs: they become visible and durable at
	// once, all or none, and the disk is waited for once if all their slivers are small. The
	// error is that of Apply, for one of them.
	ApplyAll(updates []BlobUpdate) error
	// Delete removes all that the store has of a blob, if when, which may be nil,
	// returns true for that. No change of the blob comes between. It reports whether
	// there was something and it is gone.
	Delete(id commit.BlobID, when func(Info) bool) (bool, error)
	// Check reads a sliver again, quarantined or not. If it is as it was written, it is
	// served from then on, unless Quarantine was called for it. If it is not, it is
	// quarantined and the error is a *CorruptError. Other errors change nothing.
	Check(id commit.BlobID, ref Ref) error
	// Quarantine keeps a sliver, but hides it from Slivers, Size and Read, until another
	// is stored in its place: what is stored is not the blob's. It does not matter if it
	// is not there.
	Quarantine(id commit.BlobID, ref Ref) error
}

// Reader says what is stored, and reads it.
type Reader interface {
	// Info says what the store has of a blob, without reading it. Of a blob that it does
	// not know it has nothing.
	Info(id commit.BlobID) (Info, error)
	// Record returns a record of the blob. The error is ErrNotFound, or the disk's.
	Record(id commit.BlobID, r Record) ([]byte, error)
	// Size returns the length of a sliver in bytes. The error is ErrNotFound, or the
	// disk's.
	Size(id commit.BlobID, ref Ref) (int64, error)
	// Read appends n bytes of a sliver from off on to dst, which it returns: all up to
	// the end if n is negative. What it returns is what was stored. The error is
	// ErrNotFound, ErrRange, a *CorruptError that says that the sliver is wrong, or one
	// that wraps ErrUnavailable and says nothing of the sliver.
	Read(dst []byte, id commit.BlobID, ref Ref, off, n int64) ([]byte, error)
	// Blobs lists up to limit blobs that have metadata, in the order of their ids,
	// those after the given one: from the first on if it is nil.
	Blobs(after *commit.BlobID, limit int) ([]commit.BlobID, error)
	// BlobsWith lists up to limit blobs that have the record, as Blobs does.
	BlobsWith(r Record, after *commit.BlobID, limit int) ([]commit.BlobID, error)
}

// Shards lists and drops what is stored shard by shard.
type Shards interface {
	// Shard lists up to limit blobs of which a shard has slivers, in the order of their
	// ids, those after the given one: from the first on if it is nil. The error is
	// ErrNotFound if there is no such shard.
	Shard(shard int, after *commit.BlobID, limit int) ([]ShardEntry, error)
	// DropShard removes all slivers of a shard, and nothing else, in time proportional
	// to them. It may be called again after an error. Slivers that are stored in the
	// shard meanwhile may stay or go.
	DropShard(ctx context.Context, shard int) error
}

// Collector finds what may be removed, and who takes how much.
type Collector interface {
	// Pending lists up to limit blobs that have neither certificate, of those first
	// stored before a time, the oldest first.
	Pending(before time.Time, limit int) ([]commit.BlobID, error)
	// Expired lists up to limit blobs that the epoch does not need, those that have
	// expired first at first.
	Expired(epoch uint32, limit int) ([]commit.BlobID, error)
	// Usage returns what the blobs of a writer take.
	Usage(writer string) (Usage, error)
	// Compact has the database give back the bytes of what was deleted. It takes time in
	// proportion to all that is in the database.
	Compact(ctx context.Context) error
	// Sweep removes files that nothing refers to, which a crash can leave behind, and
	// returns how many. It may run while the store is in use.
	Sweep(ctx context.Context) (removed int, err error)
}

// Notes are small values that live and die with the store.
type Notes interface {
	// Note returns the value of a name. The error is ErrNotFound, or the disk's.
	Note(name string) ([]byte, error)
	// SetNote sets it. It is durable when a later change of the store is.
	SetNote(name string, value []byte) error
	// KeepNote sets it, and returns when it is durable.
	KeepNote(name string, value []byte) error
}

// State says how a store is.
type State interface {
	// Failed returns the error by which the store failed, or nil.
	Failed() error
	// Done is closed when the store has failed.
	Done() <-chan struct{}
	// Free returns the bytes that are free on the disk, or false if it cannot be known.
	Free() (uint64, bool)
	// Room returns the bytes that can be stored, as those that are free but for the
	// reserve, or false if it cannot be known.
	Room() (int64, bool)
}

// Store keeps the blobs of one node. Its methods are safe for concurrent use. What needs
// a part of it takes that part.
type Store interface {
	Reader
	Writer
	Shards
	Collector
	Notes
	State
	// Close closes the store. No other call may be under way.
	Close() error
}
