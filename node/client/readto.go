package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/node/peer"
	"github.com/redstuff-go/redstuff/rs2d"
)

// streamDecode bounds what is held of a blob that is read piece by piece: half of it for
// rows while all goes well, and all of it when some have to be recovered, or are encoded.
const streamDecode = 64 << 20

// ReadBack is for a blob that is read into a file of its own: f gives back what was written,
// the blob's first byte at offset 0. A strict check reads it from there, and no temporary
// file is needed. After an error what was written is of no use. It panics if f is nil.
func ReadBack(f io.ReaderAt) StreamOption {
	if f == nil {
		panic("client: ReadBack from a nil io.ReaderAt")
	}
	return func(o *streamOptions) { o.back = f }
}

// WithCheck has a blob checked otherwise than the client's options say.
func WithCheck(check rs2d.Check) StreamOption { return func(o *streamOptions) { o.check = &check } }

// section is a part of a blob.
type section struct{ off, n uint64 }

// Section has n bytes of a blob written, from off on, in place of all of it. They are checked
// as by a systematic check, whatever the client's options say.
func Section(off, n uint64) StreamOption {
	return func(o *streamOptions) { o.section = &section{off, n} }
}

// streaming is a read of a blob that need not fit into memory.
type streaming struct {
	*reading
	options streamOptions
	out     *output
	begin   uint64 // offset in the blob
	end     uint64 // as well
	most    int64  // bytes to hold
	total   int64  // of the work
}

// output is where a blob goes, front to back. Attempts by several views go on where the one
// before ended.
type output struct {
	w  io.Writer
	at uint64 // offset in the blob of what is lacking
}

func (o *output) Write(data []byte) (int, error) {
	n, err := o.w.Write(data)
	o.at += uint64(n)
	return n, err
}

// readTo reads a blob by one view, see [Client.ReadTo].
func readTo(ctx context.Context, r *reading, out *output, s streamOptions) error {
	row := uint64(r.view.Params().S * r.size)
	if s.check != nil {
		r.check = *s.check
	}
	begin, end, strict := uint64(0), r.meta.Length, r.check == rs2d.CheckStrict
	switch whole := 2 * uint64(r.view.Params().P) * row; {
	case s.section != nil:
		if whole := r.meta.Length; s.section.off > whole || s.section.n > whole-s.section.off {
			return &rs2d.RangeError{Off: s.section.off, Len: s.section.n, Blob: whole}
		}
		begin, end, strict = s.section.off, s.section.off+s.section.n, false
		if out.at == end {
			return nil
		}
	case out.at == 0 && whole <= uint64(min(wholeBytes, r.options.MaxMemory)):
		s.progress.report(0, int64(end))
		blob, err := r.all(ctx)
		if err != nil {
			return err
		}
		_, err = out.Write(blob)
		return err
	}
	if strict && s.back == nil {
		// Nothing is written before all is known to be right.
		return spooled(out, s.dir, func(w io.Writer, back io.ReaderAt) error {
			s.back = back
			return readTo(ctx, r, &output{w: w}, s)
		})
	}
	t := &streaming{reading: r, options: s, out: out, begin: begin, end: end, total: int64(end - begin)}
	t.most = min(streamDecode, int64(r.view.Params().P)*int64(row))
	memory, err := r.memory.reserve(ctx, t.most+2*int64(row))
	if err != nil {
		return err
	}
	defer memory.release()
	if strict {
		t.total += t.encodedLength()
	}
	if err := t.rows(ctx, row); err != nil || !strict {
		return err
	}
	return t.strict(ctx)
}

func (t *streaming) encodedLength() int64 {
	encoded, _ := t.view.Params().EncodedLength(t.meta.Length) // metadata was verified
	return int64(encoded)
}

// written reports what has been written.
func (t *streaming) written() { t.options.progress.report(int64(t.out.at-t.begin), t.total) }

// rows reads the rows that hold the blob, some at a time: each from the node that has it,
// while all goes well.
func (t *streaming) rows(ctx context.Context, row uint64) error {
	window := max(1, uint64(t.most)/2/row)
	buffer := make([]byte, 0, window*row)
	for t.out.at < t.end {
		off := t.out.at
		n := min(t.end, (off/row+window)*row) - off
		refs, err := rs2d.RangeSlivers(t.meta, off, n)
		if err != nil {
			return fmt.Errorf("client: %w", err)
		}
		candidates, lacking := t.split(refs)
		first, rows := refs[0].Index, buffer[:uint64(len(refs))*row]
		missing, err := t.fetchPatiently(ctx, candidates, first, rows)
		if err == nil {
			err = crossAll(ctx, t.reading, append(lacking, missing...), first, rows)
		}
		var inconsistent *rs2d.InconsistentError
		switch {
		case err == nil:
		case errors.As(err, &inconsistent):
			return t.explain(ctx, err)
		case ctx.Err() != nil || errors.Is(err, ErrInconsistent):
			return err
		default:
			return t.recover(ctx)
		}
		if _, err := t.out.Write(rows[off-uint64(first)*row:][:n]); err != nil {
			return err
		}
		t.written()
	}
	return nil
}

// patienceOfRows is for how many times HedgeAfter at least rows are waited for whose nodes
// were late.
const patienceOfRows = 10

// fetchPatiently fills rows with slivers from the nodes that have them, and returns which are
// missing. A node that was late once is waited for.
func (t *streaming) fetchPatiently(ctx context.Context, candidates []int, first int, rows []byte) (missing []int, err error) {
	began := time.Now()
	missing, err = t.fetch(ctx, candidates, first, rows, true)
	if len(missing) > 0 && err == nil {
		patient, cancel := context.WithTimeout(ctx, max(time.Since(began), patienceOfRows*t.reading.options.HedgeAfter))
		defer cancel()
		missing, err = t.fetch(patient, missing, first, rows, false)
	}
	return missing, err
}

// recover reads what is lacking although some nodes do not give their slivers.
func (t *streaming) recover(ctx context.Context) error {
	src := &remote{reading: t.reading, ctx: ctx, left: make(map[int]error)}
	end := uint64(math.MaxUint64)
	if t.end < t.meta.Length {
		end = t.end // where the decoding ends
	}
	err := t.code.DecodeTo(ctx, &skip{t.out, t.out.at, end, t.written}, t.meta, src, everything(t.reading), rs2d.CheckSystematic,
		rs2d.MaxMemory(t.most), rs2d.SpoolIn(t.options.dir), rs2d.ReportRejected(src.rejected))
	if errors.Is(err, errEnough) {
		return nil
	}
	return src.failure(ctx, err)
}

// strict encodes what was read again, and compares.
func (t *streaming) strict(ctx context.Context) error {
	meta, err := t.code.EncodeTo(ctx, rs2d.Discard, t.options.back, int64(t.meta.Length), rs2d.MaxMemory(t.most), rs2d.Steady(),
		rs2d.Progress(func(done, total int64) {
			encoded := float64(t.encodedLength()) * (float64(done) / float64(max(total, 1)))
			t.options.progress.report(int64(t.meta.Length)+int64(encoded), t.total)
		}))
	if err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if id, err := meta.ID(t.hasher); err != nil || id == t.id {
		return err
	}
	// Whoever encoded the blob broke the rules. Slivers prove it.
	src := &remote{reading: t.reading, ctx: ctx, left: make(map[int]error)}
	err = t.code.DecodeTo(ctx, io.Discard, t.meta, src, everything(t.reading), rs2d.CheckStrict,
		rs2d.MaxMemory(t.most), rs2d.SpoolIn(t.options.dir), rs2d.ReportRejected(src.rejected), rs2d.ReadBack(t.options.back))
	if err == nil {
		err = errors.New("client: what was written is not what is read back")
	}
	return src.failure(ctx, err)
}

// everything names all slivers of the blob that members may give.
func everything(r *reading) (refs []rs2d.SliverRef) {
	for axis := range rs2d.Axis(2) {
		if axis == rs2d.Primary && r.byColumns() {
			continue
		}
		for i := range r.view.Params().N {
			refs = append(refs, rs2d.SliverRef{Axis: axis, Index: i})
		}
	}
	return refs
}

// failure returns the error of a decoding, with what nodes answered.
func (s *remote) failure(ctx context.Context, err error) error {
	var few *rs2d.NotEnoughError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &few):
		err = &ReadError{Have: few.HavePrimary, Need: few.NeedPrimary, Errors: s.errors}
	case ctx.Err() != nil:
		err = &ReadError{Need: s.view.Params().P, Errors: s.errors, Cause: ctx.Err()}
	}
	return s.explain(ctx, err)
}

// skip writes but the first bytes, which are there already, and those after the end.
type skip struct {
	out     *output
	bytes   uint64
	end     uint64 // offset in the blob
	written func() // is told that there is more
}

func (s *skip) Write(data []byte) (int, error) {
	there := min(s.bytes, uint64(len(data)))
	s.bytes -= there
	if there == uint64(len(data)) {
		return len(data), nil
	}
	rest := data[there:]
	wanted := rest[:min(uint64(len(rest)), s.end-s.out.at)]
	n, err := s.out.Write(wanted)
	s.written()
	if err == nil && s.out.at == s.end {
		err = errEnough
	}
	return int(there) + n, err
}

// remote gives out slivers that nodes have.
type remote struct {
	*reading
	ctx context.Context

	mu     sync.Mutex
	left   map[int]error // by place: nodes that are not asked any more
	weight int           // of their shards
	errors []*MemberError
}

// ReadSliverAt reads a piece of a sliver, see rs2d.Source.
func (s *remote) ReadSliverAt(ref rs2d.SliverRef, dst []byte, off int64) (err error) {
	pair := ref.Pair(s.view.Params().N)
	for after := 0; ; after++ {
		place := s.view.Holder(s.id, pair, after)
		if place < 0 {
			return cmp.Or(err, peer.ErrNotFound)
		}
		if err = s.ask(place, ref.Axis, pair, dst, off); err == nil || s.ctx.Err() != nil {
			return err
		}
	}
}

// patienceOfDecoding is how many times as long as such answers take as a rule a decoding
// waits for one, while others could do without the node.
const patienceOfDecoding = 4

func (s *remote) ask(place int, axis rs2d.Axis, pair int, dst []byte, off int64) error {
	p := s.view.All[place]
	weight := 0
	if place < s.view.Len() {
		weight = s.view.Weight(place)
	}
	s.mu.Lock()
	left, spare := s.left[place], s.weight+weight <= s.view.Params().F
	s.mu.Unlock()
	if left != nil {
		return left
	}
	ctx, cancel := s.ctx, context.CancelFunc(func() {})
	if spare {
		ctx, cancel = context.WithTimeoutCause(ctx, patienceOfDecoding*s.peers.TransferTimeout(len(dst)), errLate)
	}
	defer cancel()
	began := time.Now()
	err := p.SliverRange(ctx, s.id, pair, axis, off, dst)
	if err == nil || errors.Is(err, peer.ErrNotFound) || s.ctx.Err() != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left[place] == nil {
		s.left[place] = err
		s.weight += weight
		s.errors = append(s.errors, &MemberError{Member: p.Name(), Err: err})
		switch {
		case errors.Is(err, peer.ErrLied):
			p.Distrust()
		case errors.Is(err, errLate):
			p.MarkLate(began)
		}
	}
	return err
}

// rejected notes a sliver that is wrong.
func (s *remote) rejected(ref rs2d.SliverRef, why error) {
	if !errors.Is(why, rs2d.ErrRoot) {
		return
	}
	p := s.view.All[s.view.Holder(s.id, ref.Pair(s.view.Params().N), 0)]
	p.Distrust()
	s.log.Warn("wrong sliver", "node", p.Name(), "blob", s.id, "sliver", ref)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, &MemberError{Member: p.Name(), Err: why})
}

// spooled reads a blob into a temporary file, and writes it once it is known to be right.
func spooled(w io.Writer, dir string, read func(w io.Writer, back io.ReaderAt) error) error {
	f, err := os.CreateTemp(dir, "redstuff-*")
	if err != nil {
		return fmt.Errorf("client: a temporary file: %w", err)
	}
	defer unspool(f)
	if err := read(f, f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
