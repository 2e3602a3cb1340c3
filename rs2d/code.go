package rs2d

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/lanehash"
	"github.com/redstuff-go/redstuff/internal/ntstore"
	"github.com/redstuff-go/redstuff/internal/parallel"
	"github.com/redstuff-go/redstuff/internal/rscode"
)

// Option is a choice made when a code is built.
type Option func(*options)

type options struct {
	scheme  commit.Scheme
	backend string
	workers int
}

// WithScheme chooses the hash of the commitments. The default is [commit.BLAKE3].
func WithScheme(s commit.Scheme) Option { return func(o *options) { o.scheme = s } }

// WithBackend chooses the instruction set, one of gf.Backends. The default is the
// one in the environment variable REDSTUFF_CPU, or else the best.
func WithBackend(name string) Option { return func(o *options) { o.backend = name } }

// WithWorkers sets how many goroutines the calls of a code keep busy at a time: one
// call uses them all, many at once have one each. After a call they look for the next
// one for 200 µs, the first 50 of them without giving way to other goroutines, because
// to wake them may take as long. The default, 0, stands for as many as there are usable
// CPUs.
func WithWorkers(n int) Option { return func(o *options) { o.workers = n } }

// Code is RedStuff for one number of shards and one scheme. It is immutable and
// safe for concurrent use.
type Code struct {
	params commit.Params
	hasher *commit.Hasher
	lanes  *lanehash.Hasher // the same, for what commit does not give out
	along  [2]*line         // along slivers of each axis
	copier ntstore.Copier
	crew   *parallel.Crew

	encoders sync.Pool // of *Encoder
}

// New returns the code over n shards, [commit.MinShards] to [commit.MaxShards]. For
// another number the error is a *commit.ShardCountError; for a scheme that there is not,
// a *commit.UnknownSchemeError; for another option without meaning, ErrOption; for a
// backend that this CPU has not, one that lists those it has.
func New(shards int, opts ...Option) (*Code, error) {
	var o options
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: option %d is a nil Option", ErrOption, i)
		}
		opt(&o)
	}
	if o.workers < 0 {
		return nil, fmt.Errorf("%w: %d workers; want 0 (all CPUs) or more", ErrOption, o.workers)
	}
	params, err := commit.NewParams(shards)
	if err != nil {
		return nil, err
	}
	c := &Code{params: params, crew: parallel.NewCrew(o.workers)}
	if c.hasher, err = commit.NewHasher(o.scheme, o.backend); err != nil {
		return nil, err
	}
	if c.lanes, err = lanehash.New(lanehash.Scheme(o.scheme), o.backend); err != nil {
		return nil, err
	}
	c.copier = ntstore.New(c.Backend())
	for axis := range Axis(2) {
		k := sourceSymbols(params, axis)
		codec, err := rscode.New(k, shards-k, rscode.Smaller, o.backend)
		if err != nil {
			return nil, fmt.Errorf("rs2d: %d shards: %w", shards, err)
		}
		c.along[axis] = &line{n: shards, k: k, codec: codec, lanes: c.lanes, crew: c.crew}
	}
	return c, nil
}

// Params returns n, f, P and S.
func (c *Code) Params() commit.Params { return c.params }

// Scheme returns the hash of the commitments.
func (c *Code) Scheme() commit.Scheme { return c.hasher.Scheme() }

// Backend returns the name of the instruction set in use.
func (c *Code) Backend() string { return c.hasher.Backend() }

// NewEncoder returns an encoder of the code.
func (c *Code) NewEncoder() *Encoder {
	e := &Encoder{c: c, group: c.crew.NewGroup()}
	e.store = storeEmitter{memoryEmitter{&e.matrix, c.copier}, nil}
	e.extendPiece, e.topPiece = e.extend, e.top
	e.tilePiece = func(worker, piece int) { e.tiles[worker].tile(e.firstTile + piece) }
	return e
}

// Encode encodes a blob. The blob is not kept, and may be empty. The result is the
// caller's. The error is a *commit.TooLargeError for a blob that the code's shards
// cannot hold.
func (c *Code) Encode(blob []byte) (*Encoding, error) {
	encoding := new(Encoding)
	if err := c.NewEncoder().Encode(encoding, blob); err != nil {
		return nil, err
	}
	return encoding, nil
}

// EncodeTo is [Encoder.EncodeTo] with a new encoder.
func (c *Code) EncodeTo(ctx context.Context, sink Sink, src io.ReaderAt, size int64, opts ...StreamOption) (*commit.Metadata, error) {
	return c.NewEncoder().EncodeTo(ctx, sink, src, size, opts...)
}

// ID computes the blob id of a blob, and keeps no slivers. The error is a
// *commit.TooLargeError.
func (c *Code) ID(blob []byte) (commit.BlobID, error) {
	meta, err := commitRows(c, blob)
	if err != nil {
		return commit.BlobID{}, err
	}
	return meta.ID(c.hasher)
}

// Decode returns the blob, from any P primary slivers, or any S secondary ones, or
// from fewer where the blob's length says what is in others (see peel.go). Slivers
// may come in any order and number, of both axes, and more than once; they are only
// read.
//
// Decode first takes all slivers to be right. If the result fails the check, it
// verifies each of them, goes on without the wrong ones, and so finds the blob if
// enough of them are right.
//
// The error is a *[NotEnoughError], an *[InconsistentError] (never with CheckNone),
// ErrCheck, a *[SliverError] of [ErrOverlap] for a sliver in the memory that [InMemory]
// gives, ErrOption for an option without meaning, or one of those that metadata is
// refused with, see [Code.VerifySliver].
//
// Decode allocates the blob, padded to whole rows, only once it has slivers that add
// up to as much; and a few megabytes a worker, which are pooled. A strict check also
// takes the memory of [Encoder.Commit].
func (c *Code) Decode(meta *commit.Metadata, slivers []Sliver, check Check, opts ...DecodeOption) ([]byte, error) {
	if check > CheckNone {
		return nil, ErrCheck
	}
	b, err := newBlob(c, meta)
	if err != nil {
		return nil, err
	}
	d := &decoding{blob: b, given: slivers}
	for i, opt := range opts {
		if opt == nil {
			return nil, fmt.Errorf("%w: option %d is a nil DecodeOption", ErrOption, i)
		}
		opt.applyDecode(d)
	}
	return d.run(check)
}

// DecodeTo is Decode for a blob that is larger than memory: it writes the blob to w, front
// to back, from what src gives of the slivers in have. Primary slivers that hold the blob
// are read once; where some are missing or wrong, so are the secondary ones, or as often
// as it takes primary ones.
//
// With a systematic check, no byte is written before the sliver that it is in is known to
// be right. With a strict one, none is before the whole blob is, for which slivers are read
// once more and encoded again, unless [ReadBack] says where to read what was written.
//
// DecodeTo holds up to 128 MiB, or what [MaxMemory] says: of rows and what they are
// recovered from, at least two rows; then, for a strict check, of parity columns, at least
// 16 of them, and what else [Encoder.EncodeTo] takes. Rows that were
// recovered may go to a temporary file, see [SpoolIn].
//
// The error is the context's, one of those of Decode, that of w, ErrNil if one of the
// arguments is nil, or ErrChanged if src does not give the same twice.
func (c *Code) DecodeTo(ctx context.Context, w io.Writer, meta *commit.Metadata, src Source, have []SliverRef, check Check, opts ...StreamOption) error {
	switch {
	case ctx == nil:
		return fmt.Errorf("%w context.Context", ErrNil)
	case w == nil:
		return fmt.Errorf("%w io.Writer", ErrNil)
	case src == nil:
		return fmt.Errorf("%w Source", ErrNil)
	case check > CheckNone:
		return ErrCheck
	}
	b, err := newBlob(c, meta)
	if err != nil {
		return err
	}
	o, err := newStreamOptions(opts, streamDecodeBytes)
	if err != nil {
		return err
	}
	d := &streamDecoding{blob: b, ctx: ctx, src: src, check: check, opts: o}
	return d.run(w, have)
}

// CheckRows makes sure of the same as Decode does, for slivers that need no decoding:
// rows are the primary slivers that hold bytes of the blob, one after another. If they
// pass, their first meta.Length bytes are the blob. CheckNone lets everything pass.
//
// The error is ErrSize if rows have another length, ErrRoot if they do not pass, which
// tells nothing about the slivers or the blob; ErrCheck, or one of those that metadata
// is refused with, see [Code.VerifySliver].
func (c *Code) CheckRows(meta *commit.Metadata, rows []byte, check Check) error {
	if check > CheckNone {
		return ErrCheck
	}
	b, err := newBlob(c, meta)
	if err != nil {
		return err
	}
	if len(rows) != b.live(meta.Length)*b.row {
		return ErrSize
	}
	// What is decoded past the end is zeroed, but what was given is only read.
	if check != CheckNone && !isZero(rows[meta.Length:]) || !b.rowsPass(rows, check) {
		return ErrRoot
	}
	return nil
}

// ReadRange returns n bytes of the blob from off on, from the slivers that
// [RangeSlivers] names, in any order and among others, which it verifies. It
// allocates no more than they hold.
//
// It makes sure of as much as a systematic check: all readers who get these bytes
// get the same, but if whoever encoded the blob cheated then others may find that
// there is no blob.
//
// The error is a *RangeError, a *MissingError that names slivers which are missing or
// wrong, or one of those that metadata is refused with, see [Code.VerifySliver].
func (c *Code) ReadRange(meta *commit.Metadata, slivers []Sliver, off, n uint64) ([]byte, error) {
	b, err := newBlob(c, meta)
	if err != nil {
		return nil, err
	}
	return readRange(b, slivers, off, n)
}

// Recover returns the wanted sliver, from symbols of it: as many as the sliver has,
// of any n places, in any order; more of them do no harm. Symbols need proofs only if
// some are wrong. A proof may be in the tree of the sliver that the symbol was taken
// from, or in that of the wanted sliver itself.
//
// Recover first takes all symbols to be right, and compares the root of what they
// give with the metadata. Only if it differs it verifies the proofs, and goes on
// without symbols that are refuted. See [ProofsFirst] for the other way round.
//
// The error is a *[RecoverError] if too few symbols are left, a *[ProofsNeededError]
// if some without a proof must be judged, an *[InconsistentError] if symbols that
// are proven give a wrong sliver, a *[SliverError] if there is no such sliver as the
// wanted one, a *[SymbolError] of [ErrOverlap] for one in the memory that [InMemory]
// gives, or one of those that metadata is refused with, see [Code.VerifySliver].
func (c *Code) Recover(meta *commit.Metadata, want SliverRef, symbols []Symbol, opts ...RecoverOption) (Sliver, error) {
	r := recoveries.Get().(*recovery)
	defer r.release()
	for i, opt := range opts {
		if opt == nil {
			return Sliver{}, fmt.Errorf("%w: option %d is a nil RecoverOption", ErrOption, i)
		}
		opt.applyRecover(r)
	}
	s, err := r.recover(c, meta, want, symbols)
	if r.wrong != nil {
		*r.wrong = r.report()
	}
	return s, err
}
